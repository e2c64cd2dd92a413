"""The U-Net of Noise2Void and N2V2."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from imagej_dl.models import backend
from imagej_dl.models.networks.base import Network
from imagej_dl.serialisation import omitting_none

_FEWEST_SLICES = 4
"""Slices of a patch that are left, at least, where the resolution is halved along Z."""


class UNetN2V(Network):
    """Arguments of the network.

    Encoder level i: twice 3×3 convolution (relu) of `width`·2^i filters, the skip connection,
    pooling; the same block at the bottom; decoder, deepest level first: 2× upsampling,
    concatenation with the skip, the same block. A 1×1 convolution makes the output channels.

    With `patch_slices` the network is 3-D: the second convolution of each block is 3×3×3, and the
    first `z_levels` levels pool along Z, too; the others along Y and X alone.
    """

    name: ClassVar[str] = "unet_n2v"
    summary: ClassVar[str] = "the U-Net of Noise2Void and N2V2, for denoising"
    learning_rate: ClassVar[float] = 4e-3

    depth: int = Field(default=2, ge=1, le=7, description="Levels, each halving the resolution.")
    width: int = Field(default=32, ge=1, le=4096, description="Filters of the first level.")
    pooling: Literal["max", "blur"] = Field(
        default="blur",
        description="max: 2×2 max pooling. blur: the maximum at each pixel, blurred by the "
        "binomial kernel 1 2 1, then every other pixel, which leaves no checkerboard (N2V2).",
    )
    residual: bool = Field(
        default=False, description="Add the input to the output; needs as many channels."
    )
    top_skip: bool = Field(
        default=False, description="The skip connection of the first level, too."
    )
    apart: bool = Field(
        default=False,
        description="A network of its own for each channel; needs as many output channels.",
    )
    batch_norm: bool = Field(
        default=False, description="Normalise the batch after each convolution."
    )
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Of batch normalisation.")
    patch_slices: int | None = Field(
        default=None,
        ge=2,
        le=256,
        description="Slices of the training patches: the network is 3-D; if left out, 2-D.",
    )
    z_levels: int | None = Field(
        default=None,
        ge=0,
        le=7,
        description="Levels, the first ones, that halve the resolution along Z, too; if left out, "
        "as many as leave 4 slices of a patch.",
    )

    scale: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="Factor of intensities before the network; if left out, they are as they are.",
    )
    offset: float | None = Field(
        default=None, allow_inf_nan=False, description="What is added to them after that."
    )

    first_outputs: tuple[float, ...] | None = Field(
        default=None,
        description="Biases of the first output channels of the untrained network; others are 0.",
    )

    _later = omitting_none("patch_slices", "z_levels", "scale", "offset", "first_outputs")

    @property
    def multiple_of(self) -> int:
        """Sides of the input must be multiples of this, in px."""
        return 2**self.depth

    @property
    def multiple_of_z(self) -> int:
        """Slices of the input of a 3-D network must be multiples of this."""
        return 2**self.halvings

    @property
    def halvings(self) -> int:
        """Levels that halve the resolution along Z."""
        if self.patch_slices is None:
            return 0
        if self.z_levels is not None:
            return min(self.z_levels, self.depth)
        number, left = 0, self.patch_slices
        while number < self.depth and left % 2 == 0 and left // 2 >= _FEWEST_SLICES:
            number, left = number + 1, left // 2
        return number

    def _of(self, kind: str) -> Any:
        """Return a kind of layer, in two or three dimensions."""
        return getattr(backend.keras().layers, f"{kind}{2 if self.patch_slices is None else 3}D")

    def _size(self, z: int, plane: int) -> tuple[int, ...]:
        return (plane, plane) if self.patch_slices is None else (z, plane, plane)

    def build(self) -> Any:
        """Return the untrained Keras model, (N, Y, X, channels) → (N, Y, X, classes) float32.

        With `patch_slices` (N, Z, Y, X, channels) → (N, Z, Y, X, classes).
        """
        if (self.residual or self.apart) and self.classes != self.channels:
            raise ValueError(
                f"residual and apart need as many output channels as the image has: "
                f"{self.channels}, not {self.classes}"
            )
        if self.first_outputs is not None and (
            len(self.first_outputs) > self.classes or (self.apart and self.channels > 1)
        ):
            raise ValueError("first_outputs are of one network, and no more than its outputs")
        keras = backend.keras()
        inputs = seen = self._inputs()
        if self.scale is not None or self.offset is not None:
            scale = 1.0 if self.scale is None else self.scale
            rescaling = keras.layers.Rescaling
            seen = rescaling(scale, self.offset or 0.0, name="rescaled")(inputs)
        if not self.apart or self.channels == 1:
            output = self._probabilities(self._body(seen, ""))
        else:
            output = self._each(seen)
        if self.residual:
            shown = self._denoised(inputs)
            output = keras.layers.Add(dtype="float32", name="residual")([output, shown])
        model = keras.Model(inputs, output, name=self.name)
        for number in range(self.channels if self.apart and self.channels > 1 else 0):
            layer = model.get_layer(f"channel{number + 1}")
            kernel = np.zeros(layer.kernel.shape, np.float32)
            kernel[..., number, 0] = 1
            layer.set_weights([kernel])
        if self.first_outputs is not None:
            kernel, biases = model.get_layer("probabilities").get_weights()
            biases[: len(self.first_outputs)] = self.first_outputs
            model.get_layer("probabilities").set_weights([kernel, biases])
        return model

    def _inputs(self) -> Any:
        sides = len(self._size(1, 1))
        return backend.keras().Input((*[None] * sides, self.channels), name="image")

    def _denoised(self, inputs: Any) -> Any:
        """Return of the inputs what the output is an estimate of."""
        return inputs

    def _channel(self, inputs: Any, number: int) -> Any:
        """Return a channel, by a layer that any program reads, a convolution that selects it."""
        conv = self._of("Conv")
        return conv(1, 1, use_bias=False, trainable=False, name=f"channel{number}")(inputs)

    def _each(self, inputs: Any) -> Any:
        """Return the outputs of a network for each channel."""
        layers = backend.keras().layers
        outputs = []
        for number in range(1, self.channels + 1):
            body = self._body(self._channel(inputs, number), f"of{number}_")
            output = self._of("Conv")(1, 1, dtype="float32", name=f"of{number}_output")
            outputs.append(output(body))
        return layers.Concatenate(dtype="float32", name="output")(outputs)

    def _body(self, x: Any, prefix: str) -> Any:
        layers = backend.keras().layers
        skips = []
        for level in range(self.depth):
            x = self._block(x, level, f"{prefix}down{level}")
            skips.append(x)
            x = self._pool(x, self._stride(level), f"{prefix}down{level}_pool")
        x = self._block(x, self.depth, f"{prefix}bottom")
        for level in reversed(range(self.depth)):
            double = self._of("UpSampling")
            x = double(self._size(self._stride(level), 2), name=f"{prefix}up{level}_double")(x)
            if level or self.top_skip:
                x = layers.Concatenate(name=f"{prefix}up{level}_join")([x, skips[level]])
            x = self._block(x, level, f"{prefix}up{level}")
        return x

    def _stride(self, level: int) -> int:
        """Return by how much a level lowers the resolution along Z."""
        return 2 if level < self.halvings else 1

    def _pool(self, x: Any, stride: int, name: str) -> Any:
        most, mean, pad = map(self._of, ("MaxPooling", "AveragePooling", "ZeroPadding"))
        window = self._size(stride, 2)
        if self.pooling == "max":
            return most(window, name=name)(x)
        # Two means of two pixels are the binomial kernel. What is padded lies in the middle of
        # the pooled grid, as with 2×2 pooling, and features are not below 0.
        x = pad(self._size(stride - 1, 1), name=f"{name}_pad")(x)
        x = most(window, strides=1, name=f"{name}_max")(x)
        x = mean(window, strides=1, name=f"{name}_blur")(x)
        return mean(window, name=name)(x)

    def _block(self, x: Any, level: int, name: str) -> Any:
        layers = backend.keras().layers
        for i in (1, 2):
            along_z = i == 2 and self.patch_slices is not None
            if along_z:
                from imagej_dl.models.volume_layers import SlicePadding3D

                x = SlicePadding3D(name=f"{name}_pad{i}")(x)
            x = self._of("Conv")(
                self.width * 2**level,
                self._size(3 if along_z else 1, 3),
                padding="valid" if along_z else "same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"{name}_conv{i}",
            )(x)
            if self.batch_norm:
                x = layers.BatchNormalization(momentum=self.momentum, name=f"{name}_norm{i}")(x)
        return x
