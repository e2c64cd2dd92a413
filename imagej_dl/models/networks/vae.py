"""The variational autoencoder of DivNoising (Prakash, Krull, Jug 2021, arXiv 2006.06072)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from imagej_dl.models import backend
from imagej_dl.models.networks.base import Network

BLOCKS, STATISTICS, DRAW, SIGNAL = "blocks", "statistics", "draw", "signal"
"""Names of the layers that a trained network is cut at to draw several samples."""


class VAE(Network):
    """Arguments of the network.

    Encoder level i: twice 3×3 convolution (elu) of `width`·2^i filters, max pooling; twice the
    same at the bottom; then mean and log variance of `latent` variables at each position. Decoder:
    twice 3×3 convolution, and for each level 2× upsampling and twice 3×3 convolution. There are no
    skip connections: all that is known of the signal goes through the latent variables.

    Output channels: the signal, and the divergence of the latent variables, shared among the
    pixels of their block.
    """

    name: ClassVar[str] = "vae"
    summary: ClassVar[str] = "the variational autoencoder of DivNoising"
    learning_rate: ClassVar[float] = 2e-3

    classes: int = Field(default=2, ge=2, le=2, description="Output channels.")
    depth: int = Field(default=2, ge=1, le=7, description="Levels, each halving the resolution.")
    width: int = Field(default=32, ge=1, le=4096, description="Filters of the first level.")
    latent: int = Field(default=16, ge=1, le=4096, description="Latent variables of a position.")
    scale: float = Field(
        default=1.0, allow_inf_nan=False, description="Factor of intensities before the network."
    )
    offset: float = Field(
        default=0.0, allow_inf_nan=False, description="What is added to them after that."
    )
    draws: int = Field(default=0, ge=0, lt=2**32, description="Random seed of the samples.")

    @property
    def multiple_of(self) -> int:
        """Sides of the input must be multiples of this, in px."""
        return 2**self.depth

    def build(self) -> Any:
        """Return the untrained Keras model, (N, Y, X, channels) → (N, Y, X, 2) float32."""
        from imagej_dl.models.latent import Blocks, Divergence, Draw

        keras = backend.keras()
        layers = keras.layers
        side = self.multiple_of
        inputs = keras.Input((None, None, self.channels), name="image")
        x = layers.Rescaling(self.scale, self.offset, name="rescaled")(inputs)
        for level in range(self.depth):
            x = self._block(x, level, f"down{level}")
            x = layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        x = self._block(x, self.depth, "bottom")
        statistics = layers.Conv2D(
            2 * self.latent, 3, padding="same", dtype="float32", name=STATISTICS
        )(x)
        blocks = Blocks(side, dtype="float32", name=BLOCKS)(inputs)
        drawn = Draw(self.draws, dtype="float32", name=DRAW)([statistics, blocks])
        signal = self._decoded(drawn)
        divergence = Divergence(1 / side**2, dtype="float32", name="divergence")(statistics)
        divergence = layers.UpSampling2D(side, name="divergence_of_pixels")(divergence)
        outputs = layers.Concatenate(dtype="float32", name="output")([signal, divergence])
        return keras.Model(inputs, outputs, name=self.name)

    def _decoded(self, x: Any) -> Any:
        layers = backend.keras().layers
        x = self._block(x, self.depth, "first")
        for level in reversed(range(self.depth)):
            x = layers.UpSampling2D(2, name=f"up{level}_double")(x)
            x = self._block(x, level, f"up{level}")
        # The first outputs are the middle of all intensities: far from the image the likelihood
        # is so small that training would begin with leaps.
        start = backend.keras().initializers.RandomNormal(stddev=0.02)
        return layers.Conv2D(1, 1, kernel_initializer=start, dtype="float32", name=SIGNAL)(x)

    def _block(self, x: Any, level: int, name: str) -> Any:
        for i in (1, 2):
            x = backend.keras().layers.Conv2D(
                self.width * 2**level,
                3,
                padding="same",
                activation="elu",
                kernel_initializer="he_normal",
                name=f"{name}_conv{i}",
            )(x)
        return x
