"""Export a small model of each method, and let bioimageio.core test the packages.

    python bench/exported_packages.py --out FOLDER [--kinds border n2v2 …] [--python PYTHON]

The networks have random weights: what is measured is whether a package says what its network
does, not how good that is. PYTHON is that of an environment with bioimageio.core 0.11, TensorFlow
and ONNX Runtime (bioimageio.spec 0.5.12 needs pydantic 2.11, so it is one of its own). There
`bioimageio.core.test_model` runs each format: test tensors, larger sizes, and batches of two.
Prints a JSON line a package.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl import models, noise
from imagej_dl._version import __version__
from imagej_dl.errors import UserError
from imagej_dl.methods.registry import METHODS
from imagej_dl.models import Architecture, ModelBundle, ModelConfig, backend
from imagej_dl.models.exporting.about import about
from imagej_dl.models.exporting.package import export, refuse
from imagej_dl.models.receptive_field import receptive_field
from imagej_dl.training import Settings

OWN: dict[str, dict[str, Any]] = {"star_convex": {"rays": 8}}
TEST = """
import json, sys, zipfile
from bioimageio.core import test_model
for path in sys.argv[1:]:
    for name in ("onnx", "keras_v3"):
        if name == "keras_v3" and "model.keras" not in zipfile.ZipFile(path).namelist():
            continue
        found = test_model(path, weight_format=name)
        words = [(d.name, [e.msg for e in d.errors]) for d in found.details if d.errors]
        record = {"package": path, "format": name, "status": found.status}
        print(json.dumps(record | {"checks": len(found.details), "errors": words}), flush=True)
"""


def untrained(kind: str, folder: Path, *, side: int = 96, channels: int = 1, **given: Any) -> Path:
    """Write a model of a kind with random weights; return its folder."""
    asked = {"kind": kind, "depth": 2, "width": 4, **given}
    settings = Settings.of(asked).of_images(channels)
    keras = backend.keras()
    keras.utils.set_random_seed(3)
    network = settings.built(channels)
    model = network.build()
    rng = np.random.default_rng(3)
    # Away from 0 and 1, so that no statistic of a normalisation can hide.
    weights = model.get_weights()
    model.set_weights([w + rng.uniform(0.02, 0.2, w.shape) * (w.ndim == 1) for w in weights])
    field, method = receptive_field(model), settings.method
    config = ModelConfig(
        kind=kind,
        classes=method.channels,
        architecture=Architecture(name=settings.architecture, arguments=network.model_dump()),
        normalisation=settings.normalisation,
        axes="YX" if channels == 1 else "YXC",
        channels=channels,
        patch=settings.patch,
        halo=field.halo,
        multiple_of=field.multiple_of,
        instances=method.default_postprocessing(),
        border_size=settings.border_size,
        method_settings=settings.method_settings,
        imagej_dl_version=__version__,
        keras_version=keras.__version__,
        tensorflow_version=backend.tensorflow().__version__,
    )
    shape = (side, side) if channels == 1 else (side, side, channels)
    plane = rng.integers(100, 1000, shape).astype(np.uint16)
    bundle = ModelBundle.deployed(model, config)
    models.save(bundle.model, config, folder, test_image=plane, overwrite=True)
    return folder


def packaged(kind: str, folder: Path) -> dict[str, Any]:
    """Write a model of a kind and its package; return what is to be known of it."""
    own = OWN.get(kind, {})
    if "noise_model" in METHODS[kind].model_fields:
        own = {"noise_model": camera(), **own}
    method = {"method_settings": own} if own else {}
    model = untrained(kind, folder / kind, **method)
    out = folder / f"{kind}.zip"
    try:
        refuse(models.load_config(model), model)
        said = about(f"{kind} model", METHODS[kind].summary, ("A. Author",), "CC0-1.0", (), None)
        made = export(model, out, said, overwrite=True)
    except UserError as error:
        return {"kind": kind, "refused": str(error.problem)}
    return {
        "kind": kind,
        "package": str(out),
        "bytes": made.size,
        "formats": made.formats,
        "difference": made.difference,
    }


def camera() -> noise.GaussianMixture:
    """Return a noise model: a variance that grows with the signal, from 100 to 1000."""
    return noise.GaussianMixture(
        origin=noise.Origin(signal="frames", pairs=1000),
        low=100.0,
        high=1000.0,
        weights=[[0.0]],
        offsets=[[0.0]],
        variances=[[3.0, 4.0]],
        floor=1.0,
    )


def tested(python: str, paths: list[str]) -> None:
    """Let bioimageio.core test packages, and print what it says of each format."""
    command = [python, "-c", TEST, *paths]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("{"):
                print(line, end="", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", default=list(METHODS))
    parser.add_argument("--python", help="Python of an environment with bioimageio.core.")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind in options.kinds:
        record = packaged(kind, options.out)
        print(json.dumps(record), flush=True)
        paths += [record["package"]] if "package" in record else []
    if options.python:
        tested(options.python, paths)


if __name__ == "__main__":
    main()
