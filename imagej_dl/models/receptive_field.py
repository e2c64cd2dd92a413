"""How far a network looks: the halo that tiles need, read off its layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

_POINTWISE = (
    "BatchNormalization",
    "Dropout",
    "SpatialDropout2D",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "PReLU",
    "Softmax",
    "Rescaling",
    "Concatenate",
    "Add",
    "Multiply",
    "Average",
    "Maximum",
)


@dataclass(frozen=True)
class ReceptiveField:
    """What tiling must know of a network, in px of its input.

    halo : an output pixel depends on input pixels at most this far away along Y or X.
    multiple_of : the pooling grid's period; inputs that begin at multiples of it give the same.
    """

    halo: int
    multiple_of: int


def receptive_field(model: Any) -> ReceptiveField:
    """Walk the layers backwards from every phase of the output grid to the input.

    For each output index in one period of the pooling grid, the interval of indices that every
    layer needs of its input is followed to the input. The result is exact: no smaller halo does
    (as long as no kernel entry is 0).

    Parameters
    ----------
    model : a Keras functional model with one input and one output of equal resolution.

    Raises
    ------
    ValueError : for a layer whose reach is not known, such as one that pools over all pixels.
    """
    period = _period(model)
    reach = [_needed(model, axis, at) for axis in (0, 1) for at in range(period)]
    return ReceptiveField(max(0, *(max(at - low, high - at) for at, low, high in reach)), period)


def _period(model: Any) -> int:
    scale = {id(model.inputs[0]): 1.0}
    largest = 1.0
    for layer in model.layers:
        if type(layer).__name__ == "InputLayer":
            continue
        scale[id(layer.output)] = max(scale[id(t)] for t in _tensors(layer.input)) * _factor(layer)
        largest = max(largest, scale[id(layer.output)])
    if scale[id(model.outputs[0])] != 1.0:
        raise ValueError("the network's output has not the resolution of its input")
    return math.ceil(largest)


def _needed(model: Any, axis: int, at: int) -> tuple[int, int, int]:
    """Return `at` and the first and last input index that output index `at` depends on."""
    needed: dict[int, tuple[int, int]] = {id(model.outputs[0]): (at, at)}
    # Keras lists layers in an order in which each follows those it takes its input from.
    for layer in reversed(model.layers):
        if id(layer.output) not in needed or type(layer).__name__ == "InputLayer":
            continue
        low, high = _back(layer, axis, *needed[id(layer.output)])
        for tensor in _tensors(layer.input):
            before = needed.get(id(tensor), (low, high))
            needed[id(tensor)] = (min(low, before[0]), max(high, before[1]))
    low, high = needed[id(model.inputs[0])]
    return at, low, high


def _back(layer: Any, axis: int, low: int, high: int) -> tuple[int, int]:
    """Return the interval of a layer's input indices that its outputs low…high depend on."""
    kind = type(layer).__name__
    if kind in _POINTWISE:
        return low, high
    if kind == "UpSampling2D":
        size = layer.size[axis]
        margin = 0 if layer.interpolation == "nearest" else 1
        return low // size - margin, high // size + margin
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        kernel, stride, dilation = layer.pool_size[axis], layer.strides[axis], 1
    elif kind in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"):
        kernel, stride = layer.kernel_size[axis], layer.strides[axis]
        dilation = layer.dilation_rate[axis]
    else:
        raise ValueError(f"how far a layer of type {kind} looks is not known")
    span = (kernel - 1) * dilation
    if layer.padding not in ("same", "valid"):
        raise ValueError(f"padding {layer.padding!r} is not known")
    # "same" puts the smaller half of its padding first, for sides that are multiples of strides.
    first = max(span + 1 - stride, 0) // 2 if layer.padding == "same" else 0
    if kind == "Conv2DTranspose":
        return -((span - low - first) // stride), (high + first) // stride
    return low * stride - first, high * stride - first + span


def _factor(layer: Any) -> float:
    kind = type(layer).__name__
    if kind == "UpSampling2D":
        return 1 / max(layer.size)
    if kind == "Conv2DTranspose":
        return 1 / max(layer.strides)
    return float(max(getattr(layer, "strides", (1,))))


def _tensors(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
