"""The export of a model as a package of BioImage.IO."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import reproducible_zip, temporaries
from imagej_dl.filesystem.atomic import atomic, load_json, refuse_existing
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models.bundle import ModelBundle
from imagej_dl.models.config import ModelConfig
from imagej_dl.models.exporting import graph, pictures, rdf
from imagej_dl.models.exporting.about import About
from imagej_dl.models.exporting.citations import citations
from imagej_dl.models.exporting.geometry import Geometry
from imagej_dl.models.exporting.preprocessing import Declared, Preprocessing, preprocessing
from imagej_dl.models.exporting.readme import readme
from imagej_dl.models.folder import NETWORK, TEST_IMAGE, load, test_array
from imagej_dl.models.packages.known_operations import operation
from imagej_dl.models.packages.operations import applied
from imagej_dl.models.ready.card import Card
from imagej_dl.progress import Progress, silent

_STEPS = 4


@dataclass(frozen=True)
class Exported:
    """A written package: its bytes, formats, and the largest difference of ONNX from Keras."""

    size: int
    formats: tuple[str, ...]
    difference: float


def refuse(config: ModelConfig, folder: Path) -> None:
    """Raise UserError for a model that no package can be made of."""
    method = config.method
    if isinstance(method, ImageMethod) and method.draws_samples:
        raise UserError(
            f"draws samples (its kind is {config.kind}), for which ONNX has no operators",
            path=folder,
            remedy="Export a model of another kind; n2v2 and pn2v denoise without samples.",
        )
    if config.frames > 1:
        raise UserError(
            f"sees {config.frames} frames at once, and packages are written of models of one plane",
            path=folder,
            remedy="Export a model that was trained on single images.",
        )
    if config.volume is not None:
        raise UserError(
            "sees volumes, and packages are written of models of one plane",
            path=folder,
            remedy="Export a model that was trained without patch_slices.",
        )


def export(
    folder: Path,
    out: Path,
    about: About,
    *,
    card: Card | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Exported:
    """Write a model as a package: rdf.yaml, weights, test tensors, cover and README, in a ZIP.

    The same model gives the same bytes, with the same versions of the libraries.

    Parameters
    ----------
    folder : of the model.
    out : the .zip file; written whole or not at all.
    about : what the authors say of it.
    card : of a ready model.
    progress : stage "export".

    Raises
    ------
    UserError : for a model that no package can be made of, or whose test image is missing; when a
        library is missing; when the file is there and may not be overwritten.

    Warns
    -----
    DataWarning : where no operations of the specification equal the model's normalisation, so that
        the package takes images that are normalised already.
    """
    refuse_existing(out, overwrite)
    graph.need()
    progress("export", 0, _STEPS)
    bundle = load(folder, verify=True)
    config = bundle.config
    progress("export", 1, _STEPS)
    geometry = Geometry.of(config)
    raw = _test_image(folder)
    made = preprocessing(config, raw.dtype)
    if made.operations is None:
        warn(made.notes[0], path=folder)
    image, ready = _inputs(bundle, geometry, made, raw)
    output = np.asarray(bundle.model(ready, training=False), np.float32)
    data = graph.converted(bundle.model, len(config.classes))
    progress("export", 2, _STEPS)
    difference = graph.check(data, bundle.model, ready, geometry.step)
    progress("export", 3, _STEPS)
    files: dict[str, bytes] = {"model.onnx": data}
    if _is_plain(bundle.model):
        files["model.keras"] = _keras(bundle)
    result = np.stack([_processed(made.after, one) for one in output])
    metrics = _metrics(folder)
    text = readme(config, about, geometry, made, metrics, card, difference)
    files |= {
        "test_input.npy": _npy(image),
        "test_output.npy": _npy(result),
        "cover.png": pictures.cover(config, image[0], output[0]),
        "README.md": text.encode("utf-8"),
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    channels = tuple(f"intensity_{i + 1}" for i in range(config.channels))
    described = rdf.description(config, about, geometry, made, citations(config), digests, channels)
    files["rdf.yaml"] = _yaml(described)
    with atomic(out) as temporary:
        _write(temporary, files)
    progress("export", _STEPS, _STEPS)
    formats = tuple(name for name in ("keras_v3", "onnx") if name in described["weights"])
    return Exported(out.stat().st_size, formats, difference)


def _inputs(
    bundle: ModelBundle, geometry: Geometry, made: Preprocessing, raw: NDArray
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the test input (1, Y, X, C), and what the network sees of it."""
    if made.operations is None:
        plane = raw[..., 0] if bundle.config.channels == 1 else raw
        ready = geometry.fitted(bundle.prepare(plane))[None]
        return ready, ready
    image = geometry.fitted(raw).astype(np.float32)
    return image[None], _processed(made.declared, image)[None]


def _processed(declared: Declared, plane: NDArray) -> NDArray[np.float32]:
    """Return a plane (Y, X, C) after operations, as readers of the package make it."""
    steps = [operation(one["id"], one["kwargs"]) for one in declared]
    return applied(steps, plane).astype(np.float32)


def _test_image(folder: Path) -> NDArray[Any]:
    path = folder / TEST_IMAGE
    if not path.is_file():
        raise UserError("is missing, which every package needs", path=path)
    plane = test_array(path)
    return plane if plane.ndim == 3 else plane[..., None]


def _is_plain(network: Any) -> bool:
    """Return whether a network opens without imagej-dl: it has no layers of our own."""
    return not any(type(one).__module__.startswith("imagej_dl.") for one in network.operations)


def _keras(bundle: ModelBundle) -> bytes:
    """Return the network's file as it is in the model's folder."""
    path = None if bundle.folder is None else bundle.folder / NETWORK
    if path is not None and path.is_file():
        return path.read_bytes()
    with tempfile.TemporaryDirectory(prefix=temporaries.prefix("export")) as folder:
        file = Path(folder) / NETWORK
        bundle.model.save(file)
        return file.read_bytes()


def _metrics(folder: Path) -> Mapping[str, Any]:
    path = folder / "metrics.json"
    content = load_json(path) if path.is_file() else {}
    return content if isinstance(content, Mapping) else {}


def _npy(values: NDArray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(values), allow_pickle=False)
    return stream.getvalue()


def _yaml(content: dict[str, Any]) -> bytes:
    import yaml

    class Plain(yaml.SafeDumper):
        """Writes what occurs twice twice: not every reader knows anchors."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    text = yaml.dump(content, Dumper=Plain, sort_keys=False, allow_unicode=True, width=1000)
    return text.encode("utf-8")


def _write(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the package, its description first."""
    names = ("rdf.yaml", *sorted(set(files) - {"rdf.yaml"}))
    reproducible_zip.write(path, [(name, files[name]) for name in names])
