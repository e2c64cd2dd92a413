"""The MODEL folder: network, configuration, and a test image with what must come of it.

model.keras        network and weights, Keras 3 format; nothing in it is unpickled
config.json        :class:`ModelConfig`
test_image.tif     a plane, and
test_expected.tif  the probabilities that this model gave for it, float32, one channel a class
metrics.json, split.json, log.csv, loss.png   of the training, for the reader
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.filesystem.atomic import atomic_folder, heal, load_json
from imagej_dl.models import fluffy_h5, network_files
from imagej_dl.models.bundle import ModelBundle, largest_difference
from imagej_dl.models.config import CONFIG, FORMAT_VERSION, UNFINISHED, ModelConfig
from imagej_dl.models.network_files import NETWORK
from imagej_dl.models.packages import loading as packages
from imagej_dl.models.packages.archive import is_package
from imagej_dl.models.ready import registry as ready

TEST_IMAGE, TEST_EXPECTED = "test_image.tif", "test_expected.tif"
TOLERANCE = 1e-3
"""Largest difference of an output between machines, of values above 1 as a share of them: float32
sums differ by order only."""


def save(
    model: Any,
    config: ModelConfig,
    folder: str | Path,
    *,
    test_image: NDArray,
    metrics: dict[str, Any] | None = None,
    split: dict[str, Any] | None = None,
    files: dict[str, Path] | None = None,
    overwrite: bool = False,
) -> ModelBundle:
    """Write the MODEL folder, whole or not at all.

    Parameters
    ----------
    model : a Keras model, (N, Y, X, channels) → (N, Y, X, classes), for any Y and X; with frames
        before Y where `config.frames` is above 1, slices where `config.volume` is not None.
    test_image : a raw plane (Y, X) or (Y, X, C), or a window or volume of these; its probabilities
        are kept beside it.
    metrics, split : what metrics.json and split.json say.
    files : further files (or folders) to copy into it, by the name they get there.

    Raises
    ------
    UserError : when the folder is there and may not be overwritten, or cannot be written.
    """
    folder = Path(folder)
    bundle = ModelBundle(model, config, folder)
    plane = _writable(test_image)
    expected = bundle.probabilities(plane)
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        model.save(temporary / NETWORK)
        stack = "Z" if config.volume is not None else ""
        dims = (stack or ("T" if config.frames > 1 else "")) + "YX"
        dims += "C" if plane.ndim > len(dims) else ""
        images.write(images.make(plane, dims), temporary / TEST_IMAGE)
        images.write(images.make(expected, f"{stack}YXC"), temporary / TEST_EXPECTED)
        for name, content in (("metrics.json", metrics), ("split.json", split)):
            _write_json(temporary / name, content or {})
        for name, source in (files or {}).items():
            _copy(source, temporary / name)
        _write_json(temporary / CONFIG, config.model_dump(mode="json"))
    return bundle


def load(folder: str | Path, *, verify: bool = False) -> ModelBundle:
    """Read a MODEL folder, a package of BioImage.IO, or a model that Fluffy saved.

    Parameters
    ----------
    folder : what :func:`save` wrote; or the name of a ready model, such as "nuclei"; or Fluffy's
        .h5 file, see :mod:`imagej_dl.models.fluffy_h5`; or a package, a ZIP archive or a folder,
        see :mod:`imagej_dl.models.packages`.
    verify : predict the test image and compare with the probabilities kept beside it. The test
        tensors of a package are always compared, once.

    Raises
    ------
    UserError : when the folder is no model, of another version, damaged, holds code that
        Keras would have to run, or (with `verify`) gives other probabilities than it did.
    """
    folder = ready.find(folder)
    if fluffy_h5.is_file(folder):
        return fluffy_h5.load(folder)
    if is_package(folder):
        return packages.load(folder)
    config = load_config(folder)
    bundle = ModelBundle(network_files.load(folder / NETWORK, config), config, folder)
    if verify:
        check(bundle)
    return bundle


def load_config(folder: str | Path) -> ModelConfig:
    """Read only the configuration, without TensorFlow; errors as in :func:`load`.

    (Of Fluffy's .h5 files it is found by building the network, which needs TensorFlow.)
    """
    folder = ready.find(folder)
    if fluffy_h5.is_file(folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # :func:`load` says it
            return fluffy_h5.load(folder).config
    if is_package(folder):
        return packages.load_config(folder)
    if not folder.is_dir():
        raise UserError(
            "there is no such model folder",
            path=folder,
            remedy=f"Name the folder of a model, or a ready model: {', '.join(ready.names())}.",
        )
    heal(folder)  # a training may have been killed while it put a new model there
    path = folder / CONFIG
    if not path.is_file():
        if (folder / UNFINISHED).is_dir():
            raise UserError(
                "its training is not finished",
                path=folder,
                remedy="Continue it: the same imagej-dl train command with --resume.",
            )
        raise UserError(
            "is not a model of imagej-dl (it has no config.json)",
            path=folder,
            remedy="Name a folder that was written by imagej-dl train.",
        )
    try:
        content = load_json(path)
        version = content.get("format_version") if isinstance(content, dict) else None
        if version != FORMAT_VERSION:
            raise UserError(
                f"has the format version {version}; this imagej-dl reads {FORMAT_VERSION}",
                path=path,
                remedy="Install the imagej-dl that made the model, or train again.",
            )
        return ModelConfig.model_validate(content)
    except ValidationError as error:
        raise UserError.of_validation(error, ModelConfig.model_fields, path=path) from error
    except (ValueError, OSError) as error:
        raise UserError(f"cannot be read ({error})", path=path) from error


def check(bundle: ModelBundle) -> float:
    """Predict the test image; return the largest difference from the expected probabilities.

    Raises
    ------
    UserError : when the difference is above `TOLERANCE`, or a file is missing.
    """
    if bundle.folder is None:
        raise ValueError("a bundle that is in no folder has no test image")
    plane = test_array(bundle.folder / TEST_IMAGE)
    expected = test_array(bundle.folder / TEST_EXPECTED)
    found, expected = bundle.probabilities(plane).reshape(-1), expected.reshape(-1)
    if found.size != expected.size:
        raise UserError("does not match the test image", path=bundle.folder / TEST_EXPECTED)
    difference = largest_difference(found, expected)
    if not difference <= TOLERANCE:
        raise UserError(
            f"predicts its test image differently than when it was written (by {difference:.3g})",
            path=bundle.folder,
            remedy="A file was changed, or this TensorFlow computes differently: train again.",
        )
    return difference


def test_array(path: Path) -> NDArray[Any]:
    """Return a test image, or what is kept beside it, with its axes in the order T, Z, Y, X, C."""
    image = images.read(path)
    return image.transpose(*[d for d in ("T", "Z", "Y", "X", "C") if d in image.dims]).data


def _writable(plane: NDArray) -> NDArray:
    kinds = (np.uint8, np.uint16, np.float32)
    return plane if plane.dtype in kinds else plane.astype(np.float32)


def _copy(source: Path, target: Path) -> None:
    import shutil

    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
