"""A convolutional network written in OpenVINO's operations, layer by layer.

OpenVINO's own converter takes seconds, keeps TensorFlow's order of axes, and repeats pixels one
by one where the network doubles the resolution. Written by hand the graph takes milliseconds, and
two things are never made:

- The image of doubled resolution. Its convolution is one transposed convolution of the coarse
  image, by a kernel in which the weights that see the same coarse pixel are summed: 4×4 for 3×3,
  of which four weights, not nine, fall on a pixel.
- The concatenation. Its convolution is the sum of the convolutions of its parts.

These are the same sums in another order, so float32's last digits may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


class UnknownLayer(Exception):
    """A layer, or an option of one, that is not written here."""


@dataclass(frozen=True)
class _Part:
    """Channels of a value, a node (N, C, Y, X); `is_half`: of half the resolution, to double."""

    node: Any
    channels: int
    is_half: bool = False


_Value = list[_Part]
"""A value (N, C, Y, X) as parts of its channels, not concatenated yet."""


def graph(model: Any) -> Any:
    """Return a Keras model with one input (N, Y, X, C) and one output as an `openvino.Model`.

    All sizes but the number of channels are free. The weights are copied.

    Raises
    ------
    UnknownLayer : for a layer that is not written here; OpenVINO's converter may know it.
    """
    import openvino
    from openvino import opset13 as ops

    if len(model.inputs) != 1 or len(model.outputs) != 1 or len(model.inputs[0].shape) != 4:
        raise UnknownLayer("the inputs or outputs")
    channels = model.inputs[0].shape[-1]
    source = ops.parameter([-1, -1, -1, channels], np.float32, name="windows")
    values = {id(model.inputs[0]): [_Part(_transposed(source, 0, 3, 1, 2), channels)]}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "InputLayer":
            continue
        if kind not in _LAYERS or layer.compute_dtype != "float32" or len(layer._inbound_nodes) > 1:
            raise UnknownLayer(kind)
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        if any(id(tensor) not in values for tensor in inputs):
            raise UnknownLayer("an input of a layer")
        values[id(layer.output)] = _LAYERS[kind](layer, *(values[id(tensor)] for tensor in inputs))
    output = _transposed(_whole(values[id(model.outputs[0])]), 0, 2, 3, 1)
    return openvino.Model([output], [source], "network")


def _convolution(layer: Any, value: _Value) -> _Value:
    kernel = layer.kernel.numpy()
    height, width, channels, filters = kernel.shape
    is_same = layer.padding == "same" and layer.strides == (1, 1)
    _check(is_same or layer.padding == "valid", "a padding")
    _check(layer.data_format == "channels_last" and layer.groups == 1, "a kind of convolution")
    doubles = is_same and height == width and height % 2 == 1 and layer.dilation_rate == (1, 1)
    if not doubles:
        value = [_Part(_whole(value), channels)]
    total: Any = None
    for part in value:
        weights, kernel = np.split(kernel, [part.channels], axis=2)
        found = (_of_half if part.is_half else _of_whole)(layer, part.node, weights)
        total = found if total is None else _ops().add(total, found)
    if layer.bias is not None:
        total = _ops().add(total, _by_channel(layer.bias.numpy()))
    return [_Part(_activated(total, layer.activation), filters)]


def _of_whole(layer: Any, node: Any, kernel: NDArray) -> Any:
    sides = zip(kernel.shape[:2], layer.dilation_rate, strict=True)
    extent = [(size - 1) * step for size, step in sides]
    padded = extent if layer.padding == "same" else [0, 0]
    before = [total // 2 for total in padded]
    after = [total - first for total, first in zip(padded, before, strict=True)]
    weights = _constant(np.transpose(kernel, (3, 2, 0, 1)))
    return _ops().convolution(
        node, weights, list(layer.strides), before, after, list(layer.dilation_rate)
    )


def _of_half(layer: Any, node: Any, kernel: NDArray) -> Any:
    """Convolve what is to be doubled: each coarse pixel adds to the fine ones that see it."""
    size, _, *channels = kernel.shape
    spread = np.zeros((size + 1, size + 1, *channels), np.float32)
    for y in (0, 1):
        for x in (0, 1):
            spread[y : y + size, x : x + size] += kernel[::-1, ::-1]
    pad = [size // 2] * 2
    weights = _constant(np.transpose(spread, (2, 3, 0, 1)))
    return _ops().convolution_backprop_data(
        node, weights, strides=[2, 2], pads_begin=pad, pads_end=pad, dilations=[1, 1]
    )


def _normalisation(layer: Any, value: _Value) -> _Value:
    _check(layer.axis in (-1, 3), "an axis of normalisation")
    scale = 1 / np.sqrt(layer.moving_variance.numpy().astype(np.float64) + layer.epsilon)
    if layer.scale:
        scale = scale * layer.gamma.numpy()
    shift = -layer.moving_mean.numpy() * scale
    if layer.center:
        shift = shift + layer.beta.numpy()
    # OpenVINO computes both within the convolution before.
    scaled = _ops().multiply(_whole(value), _by_channel(scale))
    return [_Part(_ops().add(scaled, _by_channel(shift)), len(scale))]


def _pooling(layer: Any, value: _Value) -> _Value:
    _check(layer.padding == "valid" and layer.data_format == "channels_last", "a kind of pooling")
    size, strides, none = list(layer.pool_size), list(layer.strides), [0, 0]
    found = _ops().max_pool(_whole(value), strides, [1, 1], none, none, size).output(0)
    return [_Part(found, layer.output.shape[-1])]


def _mean_pooling(layer: Any, value: _Value) -> _Value:
    _check(layer.padding == "valid" and layer.data_format == "channels_last", "a kind of pooling")
    size, strides, none = list(layer.pool_size), list(layer.strides), [0, 0]
    found = _ops().avg_pool(_whole(value), strides, none, none, size, True).output(0)
    return [_Part(found, layer.output.shape[-1])]


def _padding(layer: Any, value: _Value) -> _Value:
    _check(layer.data_format == "channels_last", "a kind of padding")
    (top, bottom), (left, right) = layer.padding
    before, after = ([0, 0, top, left], [0, 0, bottom, right])
    ends = (_ops().constant(np.array(end)) for end in (before, after))
    zero = _ops().constant(np.float32(0))
    return [_Part(_ops().pad(_whole(value), *ends, "constant", zero), layer.output.shape[-1])]


def _doubling(layer: Any, value: _Value) -> _Value:
    is_double = layer.size in (2, (2, 2)) and layer.interpolation == "nearest"
    _check(is_double and layer.data_format == "channels_last", "an upsampling")
    return [_Part(_whole(value), layer.output.shape[-1], is_half=True)]


def _interpolation(layer: Any, value: _Value) -> _Value:
    node = _resized(_whole(value), "linear_onnx", coordinate_transformation_mode="half_pixel")
    return [_Part(node, layer.output.shape[-1])]


def _concatenation(layer: Any, *values: _Value) -> _Value:
    _check(layer.axis in (-1, 3), "an axis of concatenation")
    return [part for value in values for part in value]


def _sum(layer: Any, *values: _Value) -> _Value:
    total, *others = map(_whole, values)
    for other in others:
        total = _ops().add(total, other)
    return [_Part(total, layer.output.shape[-1])]


def _activation(layer: Any, value: _Value) -> _Value:
    return [_Part(_activated(_whole(value), layer.activation), layer.output.shape[-1])]


def _nothing(layer: Any, value: _Value) -> _Value:
    return value


_LAYERS: dict[str, Callable[..., _Value]] = {
    "Activation": _activation,
    "Add": _sum,
    "AveragePooling2D": _mean_pooling,
    "BatchNormalization": _normalisation,
    "Concatenate": _concatenation,
    "Conv2D": _convolution,
    "Doubled2D": _interpolation,
    "Dropout": _nothing,
    "MaxPooling2D": _pooling,
    "SpatialDropout2D": _nothing,
    "UpSampling2D": _doubling,
    "ZeroPadding2D": _padding,
}


def _activated(node: Any, activation: Any) -> Any:
    name = getattr(activation, "__name__", "")
    if name == "linear":
        return node
    if name == "softmax":
        return _ops().softmax(node, 1)
    if name == "elu":
        return _ops().elu(node, 1.0)
    _check(name in ("relu", "sigmoid", "tanh", "softplus"), "an activation")
    return getattr(_ops(), name)(node)


def _whole(value: _Value) -> Any:
    """Return a value as one node, at its resolution."""
    nodes = [_doubled(part.node) if part.is_half else part.node for part in value]
    return nodes[0] if len(nodes) == 1 else _ops().concat(nodes, 1)


def _doubled(node: Any) -> Any:
    return _resized(
        node, "nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )


def _resized(node: Any, mode: str, **how: str) -> Any:
    axes = _ops().constant(np.array([2, 3]))
    return _ops().interpolate(node, _constant([2, 2]), mode, "scales", axes=axes, **how)


def _transposed(node: Any, *axes: int) -> Any:
    return _ops().transpose(node, _ops().constant(np.array(axes)))


def _constant(values: Any) -> Any:
    return _ops().constant(np.ascontiguousarray(values, np.float32))


def _by_channel(values: NDArray) -> Any:
    return _constant(values.reshape(1, -1, 1, 1))


def _check(is_known: bool, what: str) -> None:
    if not is_known:
        raise UnknownLayer(what)


def _ops() -> Any:
    from openvino import opset13

    return opset13
