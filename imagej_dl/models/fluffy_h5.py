"""Models that Fluffy (BBQuercus/fluffy, MIT) saved: a single .h5 file of Keras 2.

The file is not opened as a model: which network it is of follows from the shapes of its weights,
since Fluffy knows one U-Net only. That network is built here and given the weights. What Fluffy's
programs know besides (how intensities are scaled, what the channels are) is written in its source.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl._version import __version__
from imagej_dl.errors import UserError, warn
from imagej_dl.images import Normalisation
from imagej_dl.methods import registry
from imagej_dl.methods.shared.postprocessing_settings import Instances
from imagej_dl.models import backend, keras_settings, weight_files
from imagej_dl.models.bundle import ModelBundle
from imagej_dl.models.config import Architecture, ModelConfig
from imagej_dl.models.networks.unet import UNet
from imagej_dl.models.receptive_field import receptive_field

SUFFIXES = (".h5", ".hdf5")

_SERIES = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_RANGE = 65535.0

Layer = dict[str, NDArray]


def is_file(path: Path) -> bool:
    """Return whether a path is such a file by its name, and no folder."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


def load(path: Path) -> ModelBundle:
    """Read a model that Fluffy trained.

    Parameters
    ----------
    path : its YYYYMMDD_NAME.h5.

    Returns
    -------
    the model, in no folder. Intensities are divided by 65535, as Fluffy does with every image.

    Raises
    ------
    UserError : when the file is damaged, or of another network.

    Warns
    -----
    DataWarning : that nothing is known of the pixel size and of the size of the objects.
    """
    convolutions, norms = _read(path)
    network = _network(path, convolutions, norms)
    with keras_settings.ours():
        model = network.build()
    _assign(path, model, convolutions, norms)
    warn(
        "a Fluffy model, which stores neither pixel size nor object size: intensities "
        "are divided by 65535, whatever the pixel type, and no minimum area applies",
        path=path,
    )
    return ModelBundle(model, _config(model, network))


def _network(path: Path, convolutions: list[Layer], norms: list[Layer]) -> UNet:
    """Return the U-Net whose weights these are."""
    kernels = [layer["kernel"] for layer in convolutions]
    depth, rest = divmod(len(kernels) - 3, 4)
    classes = kernels[-1].shape[-1] if kernels else 0
    if depth < 1 or rest or len(norms) != 4 * depth or registry.of_fluffy(classes) is None:
        remedy = "Of other Keras files only the weights are taken, to begin a training with: "
        remedy += 'train with settings {"pretrained": FILE}.'
        if (path.parent / "config.json").is_file():  # `train --h5` wrote it beside the model
            remedy = f"Give the model's folder instead: {path.parent}."
        raise UserError(
            f"is not a Fluffy model ({len(kernels)} convolutions, {len(norms)} batch "
            f"normalisations, {classes} output channels)",
            path=path,
            remedy=remedy,
        )
    return UNet(
        depth=depth,
        width=kernels[0].shape[-1],
        last_width=kernels[-2].shape[-1],
        channels=kernels[0].shape[-2],
        classes=classes,
    )


def _assign(path: Path, model: Any, convolutions: list[Layer], norms: list[Layer]) -> None:
    left = {"Conv2D": list(convolutions), "BatchNormalization": list(norms)}
    for layer in model.layers:
        if not layer.weights:
            continue
        found = left[type(layer).__name__].pop(0)
        values = [found.get(variable.name) for variable in layer.weights]
        shapes = [None if value is None else value.shape for value in values]
        if shapes != [tuple(variable.shape) for variable in layer.weights]:
            raise UserError(
                f"is not a Fluffy model (the weights of {layer.name} have the shapes {shapes})",
                path=path,
            )
        layer.set_weights(values)


def _config(model: Any, network: UNet) -> ModelConfig:
    field = receptive_field(model)
    method = registry.of_fluffy(network.classes)
    assert method is not None, "networks with other channels are refused"
    # What a file gives stays the same when trainings begin with better settings.
    kept = dict.fromkeys(Instances.LATER, 0.0)
    return ModelConfig(
        kind=method.name,
        classes=method.channels,
        architecture=Architecture(name="unet", arguments=network.model_dump()),
        normalisation=Normalisation.model_validate({"method": "range", "largest": _RANGE}),
        axes="YX" if network.channels == 1 else "YXC",
        channels=network.channels,
        patch=256,  # Fluffy's
        halo=field.halo,
        multiple_of=field.multiple_of,
        instances=method.default_postprocessing().model_copy(update=kept),
        imagej_dl_version=__version__,
        keras_version=backend.keras().__version__,
        tensorflow_version=backend.tensorflow().__version__,
    )


def _read(path: Path) -> tuple[list[Layer], list[Layer]]:
    """Return the convolutions and batch normalisations, in the order in which they were made."""
    import h5py

    weight_files.check(path, path)
    found: dict[str, Layer] = {}

    def keep(name: str, node: Any) -> None:
        parts = name.split("/")
        if isinstance(node, h5py.Dataset) and len(parts) > 1 and _SERIES.fullmatch(parts[-2]):
            found.setdefault(parts[-2], {})[parts[-1].removesuffix(":0")] = np.asarray(node)

    try:
        with h5py.File(path) as file:
            file.get("model_weights", file).visititems(keep)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"is no HDF5 file, or damaged ({error})", path=path, remedy="Copy it again."
        ) from error
    return (
        _numbered(found, "conv2d", ("kernel", "bias")),
        _numbered(found, "batch_normalization", _NORM),
    )


def _numbered(found: dict[str, Layer], series: str, weights: tuple[str, ...]) -> list[Layer]:
    """Return the layers of a series by their numbers: Keras numbers them as they are made."""
    matches = [(_SERIES.fullmatch(name), layer) for name, layer in found.items()]
    own = [
        (int(match[2] or 0), layer)
        for match, layer in matches
        if match and match[1] == series and set(weights) <= layer.keys()
    ]
    return [layer for _, layer in sorted(own, key=lambda pair: pair[0])]
