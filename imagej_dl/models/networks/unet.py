"""The U-Net of Fluffy (BBQuercus/fluffy, MIT), by its four numbers."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from imagej_dl.models import backend
from imagej_dl.models.networks.base import Network


class UNet(Network):
    """Arguments of the network; the defaults are Fluffy's except for those that say otherwise.

    Encoder level i: twice 3×3 convolution (relu) and batch normalisation, dropout, the skip
    connection, 2×2 max pooling; `width`·2^i filters. Decoder, deepest level first: the same
    block, 2× upsampling, concatenation with the skip. Then two 3×3 convolutions of `last_width`
    filters and a 1×1 convolution to the classes. There is no further block at the bottom: the
    first decoder block works there.
    """

    name: ClassVar[str] = "unet"
    finest: ClassVar[int] = 0
    """Level at whose resolution the output is made: 0 is that of the image."""

    depth: int = Field(default=4, ge=1, le=7, description="Levels, each halving the resolution.")
    width: int = Field(default=16, ge=1, le=4096, description="Filters of the first level.")
    last_width: int = Field(
        default=16, ge=1, le=4096, description="Filters of the last convolutions."
    )
    dropout: float = Field(
        default=0.1, ge=0, lt=1, description="Dropout of level i is dropout·(i+1), at most 0.5."
    )
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Of batch normalisation.")

    @property
    def multiple_of(self) -> int:
        """Sides of the input must be multiples of this, in px."""
        return 2**self.depth

    def build(self) -> Any:
        """Return the untrained Keras model, (N, Y, X, channels) → (N, Y, X, classes) float32.

        Y and X are free, but must be multiples of 2^depth.
        """
        keras = backend.keras()
        layers = keras.layers
        inputs = keras.Input((None, None, self.channels), name="image")
        x, skips = inputs, []
        for level in range(self.depth):
            x = self._block(x, level, f"down{level}")
            skips.append(x)
            x = layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        for level in reversed(range(self.finest, self.depth)):
            x = self._block(x, level, f"up{level}")
            x = layers.UpSampling2D(2, name=f"up{level}_double")(x)
            x = layers.Concatenate(name=f"up{level}_join")([x, skips[level]])
        for i in (1, 2):
            x = layers.Conv2D(
                self.last_width, 3, padding="same", activation="relu", name=f"last_conv{i}"
            )(x)
        return keras.Model(inputs, self._finished(x), name=self.name)

    def _finished(self, x: Any) -> Any:
        """Return the output, of the image's resolution."""
        return self._probabilities(x)

    def _block(self, x: Any, level: int, name: str) -> Any:
        layers = backend.keras().layers
        filters = self.width * 2**level
        for i in (1, 2):
            x = layers.Conv2D(
                filters, 3, padding="same", activation="relu", name=f"{name}_conv{i}"
            )(x)
            x = layers.BatchNormalization(momentum=self.momentum, name=f"{name}_norm{i}")(x)
        rate = min(self.dropout * (level + 1), 0.5)
        return layers.Dropout(rate, name=f"{name}_dropout")(x)
