"""Weights that microscopy-dl-suite-tf saved: Keras 2's .hdf5 of its MobileNets.

There the encoder, the decoder's blocks and, for videos, all of both are nested in layers of their
own, so Keras cannot tell which weights are which. Their names can: the encoder's layers are called
as ours; those of the decoder are numbered in the order in which they were made.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.models import weight_files
from imagej_dl.models.networks.mobilenet_unets import EACH_FRAME

_SERIES = ("separable_conv2d", "batch_normalization", "conv_lst_m2d")
_OURS = ("SeparableConv2D", "BatchNormalization", "ConvLSTM2D")
_NAMES = {"depthwise_kernel": "kernel"}  # of a DepthwiseConv2D, in Keras 3

Weights = dict[str, dict[str, NDArray]]
"""By the name of the layer, and of the weight."""


def read(path: Path) -> Weights | None:
    """Read the weights by their names; None when the file is none of the suite's MobileNets.

    Raises
    ------
    UserError : when it is no whole HDF5, or declares more than it can hold.
    """
    import h5py

    weight_files.check(path, path)

    found: Weights = {}

    def keep(name: str, node: Any) -> None:
        parts = name.split("/")
        if isinstance(node, h5py.Dataset) and len(parts) > 1:
            found.setdefault(parts[-2], {})[parts[-1].removesuffix(":0")] = np.asarray(node)

    try:
        with h5py.File(path) as file:
            legacy = "layer_names" in file.attrs
            file.visititems(keep)  # which follows no link to another file
    except (OSError, RuntimeError, KeyError, TypeError, ValueError):  # in attributes
        return None
    return found if legacy and any(name.startswith(_SERIES[0]) for name in found) else None


def assign(model: Any, weights: Weights) -> None:
    """Set the weights of a MobileNet network to those of the suite's.

    Raises
    ------
    ValueError : when a layer has none, or of another shape.
    """
    layers = list(model.layers)
    if any(layer.name == EACH_FRAME for layer in layers):
        layers = [*model.get_layer(EACH_FRAME).layer.layers, *layers]
    left = {series: _numbered(weights, series) for series in _SERIES}
    for layer in layers:
        if not layer.weights or layer.name == EACH_FRAME:
            continue
        kind = type(layer).__name__
        if layer.name in weights:
            found = weights[layer.name]
        elif layer.name == "probabilities":
            found = _last(weights)
        elif kind in _OURS and left[_SERIES[_OURS.index(kind)]]:
            found = left[_SERIES[_OURS.index(kind)]].pop(0)
        else:
            raise ValueError(f"it holds no weights for the layer {layer.name}")
        layer.set_weights([_of(found, variable.name, layer.name) for variable in layer.weights])


def _numbered(weights: Weights, series: str) -> list[dict[str, NDArray]]:
    pattern = re.compile(rf"{series}(?:_(\d+))?")
    matches = [
        (match, found) for name, found in weights.items() if (match := pattern.fullmatch(name))
    ]
    return [found for _, found in sorted(matches, key=lambda pair: int(pair[0][1] or 0))]


def _last(weights: Weights) -> dict[str, NDArray]:
    """Return the 1×1 convolution to the classes, called slog or after the layer around it."""
    for name in ("slog", *(n for n in weights if n.startswith("time_distributed"))):
        if "kernel" in weights.get(name, {}) and weights[name]["kernel"].shape[:2] == (1, 1):
            return weights[name]
    raise ValueError("it holds no last layer (slog)")


def _of(found: dict[str, NDArray], name: str, layer: str) -> NDArray:
    for other in (name, *(theirs for theirs, ours in _NAMES.items() if ours == name)):
        if other in found:
            return found[other]
    raise ValueError(f"it holds no {name} for the layer {layer}")
