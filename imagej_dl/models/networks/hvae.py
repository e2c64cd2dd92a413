"""The ladder variational autoencoder of HDN (Prakash et al., ICLR 2022)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from imagej_dl.declarations import field_of
from imagej_dl.models import backend
from imagej_dl.models.networks.base import Network
from imagej_dl.models.networks.vae import VAE

ENCODED, NOISE, SIGNAL = "encoded", "noise", "signal"
"""Names of the layers that a trained network is cut at to draw several samples; the first two are
followed by the number of the layer of latent variables, from 1 on, the finest first."""


class HVAE(Network):
    """Arguments of the network.

    Bottom-up: a 5×5 convolution and a residual block, then for each layer of latent variables a
    3×3 convolution that halves the resolution, and `blocks` residual blocks. Top-down, coarsest
    first: the prior of the latent variables is made of what the layers above give, their posterior
    of that and the bottom-up features of the same resolution; what is drawn is joined with what
    came from above, doubled, and goes through `blocks` residual blocks. `blocks` more at full
    resolution, and a 3×3 convolution, make the signal. A residual block adds to its input what two
    3×3 convolutions (elu) make of it, times a gate.

    As in NVAE (Vahdat and Kautz, 2020), the posterior is given relative to the prior. The prior of
    the coarsest layer is the normal distribution. There is no batch normalisation.

    Output channels: the signal, and for each layer of latent variables their divergence, shared
    among the pixels of their block.
    """

    name: ClassVar[str] = "hvae"
    summary: ClassVar[str] = "the ladder variational autoencoder of HDN"
    learning_rate: ClassVar[float] = 4e-3

    classes: int = Field(default=4, ge=2, le=8, description="Output channels: depth + 1.")
    depth: int = Field(
        default=3,
        ge=1,
        le=7,
        description="Layers of latent variables, each at half the resolution of the one before; "
        "HDN has 6.",
    )
    width: int = Field(default=32, ge=1, le=4096, description="Filters; HDN has 64.")
    latent: int = Field(
        default=16, ge=1, le=4096, description="Latent variables of a position; HDN has 32."
    )
    blocks: int = Field(
        default=1, ge=1, le=20, description="Residual blocks of a layer; HDN has 5."
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Dropout after convolutions; HDN has .2."
    )
    scale: float = field_of(VAE, "scale")
    offset: float = field_of(VAE, "offset")
    draws: int = field_of(VAE, "draws")

    @model_validator(mode="after")
    def _one_a_layer(self) -> HVAE:
        if self.classes != self.depth + 1:
            raise ValueError(
                f"{self.depth} layers of latent variables have {self.depth + 1} output channels, "
                f"not {self.classes}"
            )
        return self

    @property
    def multiple_of(self) -> int:
        """Sides of the input must be multiples of this, in px."""
        return 2**self.depth

    def build(self) -> Any:
        """Return the untrained Keras model, (N, Y, X, channels) → (N, Y, X, classes) float32."""
        keras = backend.keras()
        layers = keras.layers
        inputs = keras.Input((None, None, self.channels), name="image")
        x = layers.Rescaling(self.scale, self.offset, name="rescaled")(inputs)
        x = layers.Conv2D(self.width, 5, padding="same", activation="elu", name="first")(x)
        x = self._residual(x, "first_block")
        encoded = []
        for level in range(1, self.depth + 1):
            x = layers.Conv2D(
                self.width, 3, strides=2, padding="same", name=f"encode{level}_halve"
            )(x)
            for i in range(1, self.blocks):
                x = self._residual(x, f"encode{level}_block{i}")
            x = self._residual(x, f"encode{level}_block{self.blocks}", f"{ENCODED}{level}")
            encoded.append(x)
        above: Any = None
        divergences: list[Any] = []
        for level in reversed(range(1, self.depth + 1)):
            above, divergence = self._layer(inputs, encoded[level - 1], above, level)
            divergences.insert(0, divergence)
        for i in range(1, self.blocks + 1):
            above = self._residual(above, f"last_block{i}")
        # The first outputs are the middle of all intensities: far from the image the likelihood
        # is so small that training would begin with leaps.
        start = keras.initializers.RandomNormal(stddev=0.005)
        signal = layers.Conv2D(
            1, 3, padding="same", kernel_initializer=start, dtype="float32", name=SIGNAL
        )(above)
        outputs = layers.Concatenate(dtype="float32", name="output")([signal, *divergences])
        return keras.Model(inputs, outputs, name=self.name)

    def _layer(self, inputs: Any, encoded: Any, above: Any, level: int) -> tuple[Any, Any]:
        """Return what a layer of latent variables hands down, and its divergence, of all pixels."""
        from imagej_dl.models.ladder import Drawn, LadderDivergence, LatentNoise, Refined
        from imagej_dl.models.latent import Divergence

        layers, name, side = backend.keras().layers, f"latent{level}", 2**level
        exact = {"dtype": "float32"}
        noise = LatentNoise(self.latent, side, self.draws, **exact, name=f"{NOISE}{level}")(inputs)
        if above is None:
            posterior = self._statistics(encoded, f"{name}_posterior")
            divergence = Divergence(1 / side**2, **exact, name=f"{name}_divergence")(posterior)
        else:
            prior = self._statistics(above, f"{name}_prior")
            both = layers.Concatenate(name=f"{name}_both")([encoded, above])
            both = layers.Conv2D(self.width, 1, name=f"{name}_merged")(both)
            both = self._residual(both, f"{name}_block")
            change = self._statistics(both, f"{name}_change")
            posterior = Refined(**exact, name=f"{name}_posterior")([prior, change])
            divergence = LadderDivergence(1 / side**2, **exact, name=f"{name}_divergence")(
                [posterior, prior]
            )
        drawn = Drawn(**exact, name=f"{name}_drawn")([posterior, noise])
        x = layers.Conv2D(self.width, 3, padding="same", name=f"decode{level}")(drawn)
        if above is not None:
            x = layers.Concatenate(name=f"decode{level}_both")([x, above])
            x = layers.Conv2D(self.width, 1, name=f"decode{level}_merged")(x)
        x = layers.UpSampling2D(2, name=f"decode{level}_double")(x)
        for i in range(1, self.blocks + 1):
            x = self._residual(x, f"decode{level}_block{i}")
        spread = layers.UpSampling2D(side, name=f"{name}_divergence_of_pixels")(divergence)
        return x, spread

    def _statistics(self, x: Any, name: str) -> Any:
        """Return mean and log variance of latent variables, near 0 at first."""
        keras = backend.keras()
        start = keras.initializers.RandomNormal(stddev=0.01)
        return keras.layers.Conv2D(
            2 * self.latent,
            3,
            padding="same",
            kernel_initializer=start,
            dtype="float32",
            name=name,
        )(x)

    def _residual(self, x: Any, name: str, whole: str | None = None) -> Any:
        """Return a residual block; its last layer is called `whole`, else as the block is."""
        layers = backend.keras().layers
        y = x
        for i in (1, 2):
            y = layers.Activation("elu", name=f"{name}_elu{i}")(y)
            y = layers.Conv2D(
                self.width,
                3,
                padding="same",
                kernel_initializer="he_normal",
                name=f"{name}_conv{i}",
            )(y)
            if self.dropout:
                y = layers.SpatialDropout2D(self.dropout, name=f"{name}_dropout{i}")(y)
        y = layers.Activation("elu", name=f"{name}_elu3")(y)
        values = layers.Conv2D(self.width, 1, name=f"{name}_values")(y)
        gate = layers.Conv2D(self.width, 1, activation="sigmoid", name=f"{name}_gate")(y)
        y = layers.Multiply(name=f"{name}_gated")([values, gate])
        return layers.Add(name=whole or name)([x, y])
