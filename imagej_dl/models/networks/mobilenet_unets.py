"""The suite's U-Nets with a MobileNetV2 for an encoder, for images and for videos.

MobileNetV2: Sandler et al., arXiv 1801.04381; as Keras builds it, up to the last skip connection
that is used.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from imagej_dl.models import backend
from imagej_dl.models.networks.suite_unets import Side, SuiteNetwork

SKIPS = (
    "block_1_expand_relu",
    "block_3_expand_relu",
    "block_6_expand_relu",
    "block_13_expand_relu",
    "block_16_project",
)
"""Layers of MobileNetV2 whose output is joined to the decoder, at 1/2, 1/4 … 1/32 of the size."""

EACH_FRAME, OVER_TIME = "each_frame", "over_time"
"""The two layers of :class:`MobileUNetLstm` between frames and probabilities."""

_MOMENTUM = 0.9  # Keras' .999 and .99 need thousands of batches, which microscopists have not


class MobileUNet(SuiteNetwork):
    """`mobilenet_mobileunet`: grey values three times → MobileNetV2 → separable decoder.

    A decoder stage is twice [3×3 separable convolution, batch normalisation, activation, dropout],
    2× upsampling and the skip; width·2^(depth−1) … width·2 filters. Then 2× upsampling and such a
    block of `width` filters without dropout.
    """

    name = "mobilenet_mobileunet"

    learning_rate = 1e-3

    depth: int = Field(default=3, ge=1, le=5, description="Skip connections (pools), of 5.")
    kernel_size: tuple[Side, Side] = Field(default=(3, 3), description="Of the decoder's kernels.")
    dilation_rate: int = Field(default=2, ge=1, le=8, description="Of the decoder's kernels.")
    alpha: float = Field(
        default=0.35, gt=0, le=2, description="Share of MobileNetV2's filters (mobile_alpha)."
    )
    frozen: bool = Field(default=False, description="Train the decoder only (train_decoder_only).")

    @property
    def multiple_of(self) -> int:
        return 2**self.depth

    @property
    def imagenet(self) -> bool:
        """True where Keras has ImageNet weights for the encoder, which takes three channels."""
        return self.channels in (1, 3) and self.alpha in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)

    def build(self) -> Any:
        keras = backend.keras()
        inputs = keras.Input((None, None, self.channels), name="image")
        outputs = self._probabilities(self._features(inputs))
        return keras.Model(inputs, outputs, name="mobilenet_mobileunet")

    def _features(self, inputs: Any) -> Any:
        keras = backend.keras()
        layers = keras.layers
        x = inputs
        if self.channels == 1:
            x = layers.Concatenate(name="rgb")([inputs, inputs, inputs])
        encoder = keras.applications.MobileNetV2(
            input_tensor=x,
            input_shape=(None, None, x.shape[-1]),
            alpha=self.alpha,
            include_top=False,
            weights=None,
        )
        for layer in encoder.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = _MOMENTUM
            layer.trainable = not self.frozen
        *skips, x = (encoder.get_layer(name).output for name in SKIPS[: self.depth])
        for stage in reversed(range(1, self.depth)):
            x = self._block(x, self.width * 2**stage, self.dropout, f"up{stage}")
            x = layers.UpSampling2D(2, name=f"up{stage}_double")(x)
            x = layers.Concatenate(name=f"up{stage}_join")([x, skips[stage - 1]])
        x = layers.UpSampling2D(2, name="last_double")(x)
        return self._block(x, self.width, 0.0, "last")

    def _block(self, x: Any, filters: int, dropout: float, name: str) -> Any:
        layers = backend.keras().layers
        for i in (1, 2):
            x = layers.SeparableConv2D(
                filters,
                self.kernel_size,
                padding="same",
                dilation_rate=self.dilation_rate,
                depthwise_initializer=self.kernel_initializer,
                pointwise_initializer=self.kernel_initializer,
                name=f"{name}_conv{i}",
            )(x)
            x = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_norm{i}")(x)
            x = layers.Activation(self.activation, name=f"{name}_activation{i}")(x)
            x = self._dropout(x, dropout, f"{name}_dropout{i}")
        return x


class MobileUNetLstm(MobileUNet):
    """`mobilenet_mobileunet_lstm`: the same for each frame, then a ConvLSTM2D over the frames.

    (N, frames, Y, X, channels) → (N, Y, X, classes) of the last frame.
    """

    name = "mobilenet_mobileunet_lstm"

    frames: int = Field(default=5, ge=2, le=50, description="Frames seen (time_windows).")

    @property
    def window(self) -> int:
        return self.frames

    def build(self) -> Any:
        from imagej_dl.models.convlstm import ConvLSTM2D

        keras = backend.keras()
        layers = keras.layers
        one = keras.Input((None, None, self.channels), name="frame")
        features = keras.Model(one, self._features(one), name="features")
        inputs = keras.Input((self.frames, None, None, self.channels), name="frames")
        x = layers.TimeDistributed(features, name=EACH_FRAME)(inputs)
        x = ConvLSTM2D(
            self.width,
            self.kernel_size,
            padding="same",
            dilation_rate=self.dilation_rate,
            activation=self.activation,
            kernel_initializer=self.kernel_initializer,
            unroll=True,
            name=OVER_TIME,
        )(x)
        return keras.Model(inputs, self._probabilities(x), name="mobilenet_mobileunet_lstm")


class UNetLstm(SuiteNetwork):
    """`unet_lstm`: a U-Net whose contracting path remembers.

    Down: ConvLSTM2D and a convolution a level, pooling in space only, dropout·level; up: 2×
    upsampling, the skip, two convolutions of each frame; the mean over the frames at the end.
    """

    name = "unet_lstm"

    depth: int = Field(default=3, ge=1, le=6, description="Levels (pools), each halving.")
    kernel_size: tuple[Side, Side] = Field(default=(3, 3), description="Of the kernels.")
    frames: int = Field(default=5, ge=2, le=50, description="Frames seen (time_windows).")

    @property
    def multiple_of(self) -> int:
        return 2**self.depth

    @property
    def window(self) -> int:
        return self.frames

    def build(self) -> Any:
        keras = backend.keras()
        layers = keras.layers
        inputs = x = keras.Input((self.frames, None, None, self.channels), name="frames")
        skips = []
        for level in range(self.depth):
            x = self._remember(x, level, self.dropout * level, f"down{level}")
            skips.append(x)
            x = layers.MaxPooling3D((1, 2, 2), name=f"down{level}_pool")(x)
        x = self._remember(x, self.depth, self.dropout * (self.depth - 1), "bottom")
        for level in reversed(range(self.depth)):
            x = layers.UpSampling3D((1, 2, 2), name=f"up{level}_double")(x)
            x = layers.Concatenate(name=f"up{level}_join")([skips[level], x])
            for i in (1, 2):
                x = self._each(x, self.width * 2**level, self.dropout, f"up{level}_conv{i}")
        x = keras.ops.mean(x, axis=1)
        return keras.Model(inputs, self._probabilities(x), name="unet_lstm")

    def _remember(self, x: Any, level: int, rate: float, name: str) -> Any:
        from imagej_dl.models.convlstm import ConvLSTM2D

        layers = backend.keras().layers
        filters = self.width * 2**level
        x = ConvLSTM2D(
            filters,
            self.kernel_size,
            padding="same",
            activation="linear",
            recurrent_activation="hard_sigmoid",
            kernel_initializer=self.kernel_initializer,
            unroll=True,
            return_sequences=True,
            name=f"{name}_lstm",
        )(x)
        x = layers.Activation(self.activation, name=f"{name}_activation")(x)
        x = self._dropout(x, rate, f"{name}_dropout")
        return self._each(x, filters, rate, f"{name}_conv")

    def _each(self, x: Any, filters: int, rate: float, name: str) -> Any:
        x = backend.keras().layers.Conv3D(
            filters,
            (1, *self.kernel_size),
            padding="same",
            activation=self.activation,
            kernel_initializer=self.kernel_initializer,
            name=name,
        )(x)
        return self._dropout(x, rate, f"{name}_dropout")
