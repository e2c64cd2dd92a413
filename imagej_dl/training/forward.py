"""The forward pass of a network in training, without the images of doubled resolution.

Where a decoder doubles the resolution and convolves, several weights of the kernel see the same
coarse pixel. Summed beforehand they are the kernel of a transposed convolution of the coarse image,
which takes four products a pixel in place of nine. A concatenation before it is not made either:
the convolutions of its parts are summed. These are the same sums in another order, and so are
their gradients.

See :mod:`imagej_dl.prediction.openvino_graph`, which does the same for prediction.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imagej_dl.models import backend


@dataclass(frozen=True)
class _Doubled:
    """A value (N, Y, X, C) that is to be doubled."""

    coarse: Any

    def made(self) -> Any:
        tf = backend.tensorflow()
        return tf.repeat(tf.repeat(self.coarse, 2, 1), 2, 2)


@dataclass(frozen=True)
class _Joined:
    """Parts of channels that are to be concatenated."""

    parts: list[Any]

    def made(self) -> Any:
        return backend.tensorflow().concat([_made(part) for part in self.parts], -1)


def forward(network: Any) -> Callable[..., Any]:
    """Return what computes a Keras model's output of (images, training=) on the CPU.

    It is the model itself where it computes on a GPU, in another precision than float32, or has
    several inputs or outputs or a layer that is called twice.
    """
    layers = network.operations
    simple = len(network.inputs) == len(network.outputs) == 1 and all(
        len(layer._inbound_nodes) == 1 and getattr(layer, "compute_dtype", "") == "float32"
        for layer in layers
    )
    if backend.gpus() or not simple or not any(map(_doubles, layers)):
        return network  # type: ignore[no-any-return]

    def compute(images: Any, training: bool = False) -> Any:
        values = {id(network.inputs[0]): images}
        for layer in layers:
            if type(layer).__name__ == "InputLayer":
                continue
            several = isinstance(layer.input, list)
            given = [values[id(tensor)] for tensor in (layer.input if several else [layer.input])]
            if _doubles(layer):
                found: Any = _Doubled(_made(given[0]))
            elif _joins(layer):
                found = _Joined(given)
            elif _can_sum(layer) and isinstance(given[0], _Doubled | _Joined):
                found = _convolved(layer, given[0])
            else:
                whole = [_made(value) for value in given]
                takes = "training" in inspect.signature(layer.call).parameters
                options = {"training": training} if takes else {}
                found = layer(whole if several else whole[0], **options)
            values[id(layer.output)] = found
        return _made(values[id(network.outputs[0])])

    return compute


def _made(value: Any) -> Any:
    return value.made() if isinstance(value, _Doubled | _Joined) else value


def _doubles(layer: Any) -> bool:
    return (
        type(layer).__name__ == "UpSampling2D"
        and layer.size in (2, (2, 2))
        and layer.interpolation == "nearest"
        and layer.data_format == "channels_last"
    )


def _joins(layer: Any) -> bool:
    return type(layer).__name__ == "Concatenate" and layer.axis in (-1, 3)


def _can_sum(layer: Any) -> bool:
    """Return whether a layer is a plain convolution of an odd square kernel."""
    if type(layer).__name__ != "Conv2D":
        return False
    height, width = layer.kernel_size
    steps = (*layer.strides, *layer.dilation_rate, layer.groups)
    plain = layer.padding == "same" and layer.data_format == "channels_last" and set(steps) == {1}
    return plain and height == width and height % 2 == 1


def _convolved(layer: Any, value: _Doubled | _Joined) -> Any:
    tf = backend.tensorflow()
    parts = _flat(value)
    channels = [(part.coarse if isinstance(part, _Doubled) else part).shape[-1] for part in parts]
    kernels = tf.split(tf.convert_to_tensor(layer.kernel), channels, axis=2)
    total = tf.add_n(
        [
            _of_coarse(part.coarse, kernel)
            if isinstance(part, _Doubled)
            else tf.nn.conv2d(part, kernel, 1, "SAME")
            for part, kernel in zip(parts, kernels, strict=True)
        ]
    )
    if layer.use_bias:
        total = tf.nn.bias_add(total, tf.convert_to_tensor(layer.bias))
    return layer.activation(total)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, _Joined):
        return [part for inner in value.parts for part in _flat(inner)]
    return [value]


def _of_coarse(coarse: Any, kernel: Any) -> Any:
    """Convolve what is to be doubled: each coarse pixel adds to the fine ones that see it."""
    tf = backend.tensorflow()
    turned = tf.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))
    places = [([y, 1 - y], [x, 1 - x], [0, 0], [0, 0]) for y in (0, 1) for x in (0, 1)]
    spread = tf.add_n([tf.pad(turned, place) for place in places])
    number, height, width, _ = tf.unstack(tf.shape(coarse))
    shape = tf.stack([number, 2 * height, 2 * width, kernel.shape[-1]])
    return tf.nn.conv2d_transpose(coarse, spread, shape, 2, "SAME")
