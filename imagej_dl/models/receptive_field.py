"""The receptive field of a network, and the halo that tiles need, from its layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from imagej_dl.models.frame_windows import is_volumetric
from imagej_dl.models.layers import REACH, Reach

_Z = -1
"""The axis before those of a plane, which are 0 and 1."""


@dataclass(frozen=True)
class ReceptiveField:
    """The properties of a network that tiling needs, in px of its input.

    halo : an output pixel depends on input pixels at most this far away along Y or X.
    multiple_of : the pooling grid's period; inputs that begin at multiples of it give the same.
    halo_z, multiple_of_z : the same of a 3-D network along Z, in slices; 0 and 1 of others.
    """

    halo: int
    multiple_of: int
    halo_z: int = 0
    multiple_of_z: int = 1


def receptive_field(model: Any) -> ReceptiveField:
    """Walk the layers backwards from every phase of the output grid to the input.

    For each output index in one period of the pooling grid, the interval of indices that every
    layer needs of its input is followed to the input. The result is exact: no smaller halo does
    (as long as no kernel entry is 0).

    Parameters
    ----------
    model : a Keras functional model with one input and one output of equal resolution; the input
        may have frames before Y and X, or both slices.

    Raises
    ------
    ValueError : for a layer whose reach is not known, such as one that pools over all pixels.
    """
    period = _period(model)
    halo = _halo(model, (0, 1), period)
    if not is_volumetric(model):
        return ReceptiveField(halo, period)
    period_z = _period(model, along_z=True)
    return ReceptiveField(halo, period, _halo(model, (_Z,), period_z), period_z)


def _halo(model: Any, axes: tuple[int, ...], period: int) -> int:
    reach = [_needed(model, axis, at) for axis in axes for at in range(period)]
    return max(0, *(max(at - low, high - at) for at, low, high in reach))


def _period(model: Any, along_z: bool = False) -> int:
    out, largest = _scales(model, 1.0, along_z)
    if out != 1.0:
        raise ValueError("the network's output does not have the resolution of its input")
    return math.ceil(largest)


def _scales(model: Any, start: float, along_z: bool) -> tuple[float, float]:
    """Return how coarse the output is beside the input, and how coarse the coarsest layer."""
    scale = {id(model.inputs[0]): start}
    largest = start
    for layer in model.operations:
        if type(layer).__name__ == "InputLayer":
            continue
        before = max(scale[id(t)] for t in _tensors(layer.input))
        inner = _inner(layer)
        if hasattr(inner, "layers"):
            after, coarsest = _scales(inner, before, along_z)
        else:
            after = coarsest = before * _factor(inner, along_z)
        scale[id(layer.output)] = after
        largest = max(largest, coarsest)
    return scale[id(model.outputs[0])], largest


def _needed(model: Any, axis: int, at: int) -> tuple[int, int, int]:
    """Return `at` and the first and last input index that output index `at` depends on."""
    return at, *_through(model, axis, at, at)


def _through(model: Any, axis: int, low: int, high: int) -> tuple[int, int]:
    """Return the interval of input indices that a network's outputs low…high depend on."""
    needed: dict[int, tuple[int, int]] = {id(model.outputs[0]): (low, high)}
    # Keras lists layers in an order in which each follows those it takes its input from.
    for layer in reversed(model.operations):
        if id(layer.output) not in needed or type(layer).__name__ == "InputLayer":
            continue
        low, high = _back(layer, axis, *needed[id(layer.output)])
        for tensor in _tensors(layer.input):
            before = needed.get(id(tensor), (low, high))
            needed[id(tensor)] = (min(low, before[0]), max(high, before[1]))
    return needed[id(model.inputs[0])]


def _back(layer: Any, axis: int, low: int, high: int) -> tuple[int, int]:
    """Return the interval of a layer's input indices that its outputs low…high depend on."""
    frames = layer.input.shape[1] if type(layer).__name__ == "ConvLSTM2D" else 1
    layer = _inner(layer)
    if hasattr(layer, "layers"):
        return _through(layer, axis, low, high)
    kind = type(layer).__name__
    reach = REACH.get(kind)
    over_frames = kind == "Mean" and layer.axis in (1, [1], (1,))
    if reach is Reach.PIXEL or over_frames:
        return low, high
    if kind.endswith("3D"):  # the first of its axes is time, or Z
        axis += 1
    if reach is Reach.UPSAMPLED:
        size = layer.size[axis]
        margin = 0 if getattr(layer, "interpolation", "nearest") == "nearest" else 1
        return low // size - margin, high // size + margin
    if reach is Reach.SHIFTED:
        before = layer.padding[axis][0]
        return low - before, high - before
    if reach is Reach.POOL:
        kernel, stride, dilation = layer.pool_size[axis], layer.strides[axis], 1
    elif reach in (Reach.KERNEL, Reach.TRANSPOSED):
        kernel, stride = layer.kernel_size[axis], layer.strides[axis]
        dilation = layer.dilation_rate[axis]
    else:
        raise ValueError(f"the receptive field of a layer of type {kind} is not known")
    span = (kernel - 1) * dilation
    if layer.padding not in ("same", "valid"):
        raise ValueError(f"padding {layer.padding!r} is not known")
    # "same" puts the smaller half of its padding first, for sides that are multiples of strides.
    first = max(span + 1 - stride, 0) // 2 if layer.padding == "same" else 0
    if reach is Reach.TRANSPOSED:
        return -((span - low - first) // stride), (high + first) // stride
    low, high = low * stride - first, high * stride - first + span
    # The state is carried from frame to frame by a convolution of its own, never dilated.
    again, before = (frames - 1) * (kernel - 1), (frames - 1) * ((kernel - 1) // 2)
    return low - before, high - before + again


def _factor(layer: Any, along_z: bool) -> float:
    reach = REACH.get(type(layer).__name__)
    if reach is Reach.UPSAMPLED:
        return 1 / _largest(layer.size, along_z)
    if reach is Reach.TRANSPOSED:
        return 1 / _largest(layer.strides, along_z)
    return float(_largest(getattr(layer, "strides", (1,)), along_z))


def _largest(sizes: tuple[int, ...], along_z: bool) -> int:
    return max(sizes[:1] if along_z else sizes[-2:])


def _inner(layer: Any) -> Any:
    """Return what a layer does to each frame, where it does the same to each."""
    return layer.layer if type(layer).__name__ == "TimeDistributed" else layer


def _tensors(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
