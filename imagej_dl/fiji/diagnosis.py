"""Diagnosis of what imagej-dl works with: what is installed, and the remedy for what is not."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.fiji import gateway, jars, set_up_findings, ways
from imagej_dl.models.backend import GPU


@dataclass(frozen=True)
class Finding:
    """One part: found (with version and place), missing with a remedy, or optional and missing."""

    part: str
    found: bool
    text: str
    needed: bool = True


def diagnose(fiji: str | None = None) -> Iterator[Finding]:
    """Look at each part in turn; starts ImageJ and TensorFlow in this process."""
    yield Finding("Python", True, f"{platform.python_version()} ({sys.executable})")
    yield from _imagej(fiji)
    yield from _commands(fiji)
    yield from _tensorflow()
    yield from _engines()
    yield from _formats()
    yield from _packages()
    yield Finding(
        "Display",
        gateway.has_display(),
        "windows can be opened"
        if gateway.has_display()
        else "none: `show` writes pictures with --png, or put xvfb-run before the command",
        needed=False,
    )


def _imagej(fiji: str | None) -> Iterator[Finding]:
    try:
        kind, home = gateway.choose(fiji)
        running = gateway.start(fiji)
    except UserError as error:
        java = shutil.which("java")
        if "Java" in error.problem:
            yield Finding("Java", False, str(error))
        else:
            yield Finding("Java", java is not None, java or jars.NO_JAVA)
            yield Finding("ImageJ", False, str(error))
        return
    from scyjava import jimport

    system = jimport("java.lang.System")
    java = f"{system.getProperty('java.version')} ({system.getProperty('java.home')})"
    yield Finding("Java", True, java)
    one = str(jimport("ij.IJ").getVersion())
    yield Finding("ImageJ", True, f"{one} ({home if kind == 'embedded' else 'of the Fiji'})")
    if running.ij2 is None:
        source = "Set FIJI_HOME to a Fiji folder, or pass --fiji, for TrackMate and all of Fiji."
        yield Finding("Fiji", False, source, needed=False)
        yield Finding(
            "TrackMate", False, "not found: the embedded engine is used for tracking", needed=False
        )
        return
    yield Finding("Fiji", True, f"{running.version} ({home})", needed=False)
    from imagej_dl.fiji import trackmate

    version = trackmate.version()
    text = version or "not in this Fiji: install it with Fiji's updater"
    yield Finding("TrackMate", version is not None, text, needed=False)


def _commands(fiji: str | None) -> Iterator[Finding]:
    """Look for the commands in a Fiji folder, and for the Python that its window installed."""
    home: Path | None = None
    with suppress(UserError):  # told already, as what ImageJ is missing
        kind, place = gateway.choose(fiji)
        home = Path(place) if kind == "folder" else None
    if home is not None:
        yield Finding("Commands", *ways.found(home), needed=False)
    for found, text in set_up_findings.found(home):
        yield Finding("Environment", found, text, needed=False)


def _engines() -> Iterator[Finding]:
    """Load the libraries of foreign trackers and of segmentation engines."""
    from imagej_dl.engines import registry as segmentation
    from imagej_dl.tracking.trackers import registry

    for name, tracker in registry.foreign().items():
        yield Finding(name, *tracker.diagnose(), needed=False)
    for name, engine in segmentation.engines().items():
        yield Finding(name, *engine.diagnose(), needed=False)


def _formats() -> Iterator[Finding]:
    """Look for the optional libraries that read file formats."""
    from imagej_dl import optional
    from imagej_dl.images.formats import registry

    for one in registry.FORMATS:
        if one.library and optional.there(one.library):
            version = importlib.metadata.version(one.library)
            yield Finding(one.name, True, f"{one.library} {version}", needed=False)
        elif one.library:
            yield Finding(one.name, False, f"not read: {one.install}", needed=False)


def _packages() -> Iterator[Finding]:
    """Look for the optional libraries of BioImage.IO's packages."""
    from imagej_dl import optional

    for part, library, install, use in (
        ("Packages", "onnxruntime", "bioimageio", "of BioImage.IO are predicted"),
        ("Export", "tf2onnx", "export", "writes packages of BioImage.IO"),
    ):
        if optional.there(library):
            version = importlib.metadata.version(library)
            yield Finding(part, True, f"{library} {version}: {use}", needed=False)
        else:
            text = f"{library} is not installed: pip install 'imagej-dl[{install}]'"
            yield Finding(part, False, text, needed=False)


def _tensorflow() -> Iterator[Finding]:
    try:
        from imagej_dl.models import backend

        tf = backend.tensorflow()
    except (ImportError, UserError) as error:
        yield Finding("TensorFlow", False, f"{error}. pip install tensorflow")
        return
    keras = importlib.metadata.version("keras")
    yield Finding("TensorFlow", True, f"{tf.__version__}, Keras {keras}")
    gpus, cores = backend.gpus(), backend.cores()
    missing = f"none; {cores} CPU cores are used. With an NVIDIA GPU: pip install 'imagej-dl[gpu]'"
    yield Finding("GPU", bool(gpus), _gpus(gpus) or missing, needed=False)
    yield _openvino(bool(gpus))
    yield from _ready_models()


def _ready_models() -> Iterator[Finding]:
    """Let each ready model predict the image that it was shipped with."""
    from imagej_dl import models
    from imagej_dl.models.ready import registry

    for name in registry.names():
        try:
            models.load(name, verify=True)
        except UserError as error:
            yield Finding(name, False, f"{error}. Install imagej-dl again")
        else:
            yield Finding(name, True, f"ready model: {registry.card(name).title}")


def _openvino(gpu: bool) -> Finding:
    from imagej_dl import preferences
    from imagej_dl.prediction import openvino_backend

    asked = preferences.read().engine
    if not openvino_backend.installed():
        text = (
            "TensorFlow predicts; on the CPU OpenVINO is faster: pip install 'imagej-dl[openvino]'"
        )
        return Finding("OpenVINO", False, text, needed=False)
    if gpu or asked == "tensorflow":
        use = "not used: " + ("there is a GPU" if gpu else "TensorFlow is chosen in the settings")
    else:
        use = "predicts"
    try:
        version = importlib.metadata.version("openvino")
    except importlib.metadata.PackageNotFoundError:  # of Intel's archive
        version = "of unknown version"
    quicker = ", faster with `imagej-dl settings --precision bfloat16`"
    if use != "predicts" or not openvino_backend.has_bfloat16():
        quicker = ""
    return Finding("OpenVINO", True, f"{version}, {use}{quicker}", needed=False)


def _gpus(gpus: list[GPU]) -> str:
    words = []
    for gpu in gpus:
        memory = f", {gpu.memory:.0f} GiB" if gpu.memory else ""
        quicker = f"trains faster with precision {gpu.halves}"
        halves = quicker if gpu.halves else "has no tensor cores: train in float32"
        words.append(f"{gpu.name}{memory}, {halves}")
    return "; ".join(words)
