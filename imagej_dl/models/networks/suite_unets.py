"""The five U-Nets of microscopy-dl-suite-tf (esgomezm/microscopy-dl-suite-tf, MIT).

As released only its MobileNets can be built; these are built after what its description and its
layers say. Its `unet` is called `unet_suite` here, since `unet` is Fluffy's.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from imagej_dl.models import backend
from imagej_dl.models.networks.base import Network

Side = Annotated[int, Field(ge=1, le=63)]
Kernel = tuple[Side, Side]


class SuiteNetwork(Network):
    """The arguments common to the suite's networks, under its names without `model_`."""

    # Without batch normalisation 3e-3 was seen to end with no object found (bench/networks.py).
    learning_rate = 3e-4

    width: int = Field(
        default=16, ge=1, le=4096, description="Filters of the first level (n_filters)."
    )
    dropout: float = Field(default=0.01, ge=0, lt=1, description="Dropout of the first level.")
    activation: str = Field(default="elu", description="Activation, as Keras names it.")
    kernel_initializer: str = Field(
        default="glorot_uniform", description="Initial weights, as Keras names them."
    )

    def _conv(self, filters: int, size: Any, name: str, **more: Any) -> Any:
        options = {"padding": "same", "activation": self.activation} | more
        return backend.keras().layers.Conv2D(
            filters, size, kernel_initializer=self.kernel_initializer, name=name, **options
        )

    def _dropout(self, x: Any, rate: float, name: str) -> Any:
        # Deep levels multiply the rate; nothing would be left at 1.
        return backend.keras().layers.Dropout(min(rate, 0.9), name=name)(x) if rate else x


class UNetSuite(SuiteNetwork):
    """`unet` and `categorical_unet`: depth 4, two convolutions with a dropout between a level.

    Filters width…16·width, dropouts d, d, 2d, 2d, 3d and back; max pooling, upsampling. The two
    differ in their output channels only: one, or one a class.
    """

    name = "unet_suite"

    @property
    def multiple_of(self) -> int:
        return 16

    def build(self) -> Any:
        keras = backend.keras()
        layers = keras.layers
        inputs = x = keras.Input((None, None, self.channels), name="image")
        skips = []
        for level, factor in enumerate((1, 1, 2, 2)):
            x = self._level(x, level, factor, f"down{level}")
            skips.append(x)
            x = layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        x = self._level(x, 4, 3, "bottom")
        for level, factor in ((3, 2), (2, 2), (1, 1), (0, 1)):
            x = layers.UpSampling2D(2, name=f"up{level}_double")(x)
            x = layers.Concatenate(name=f"up{level}_join")([x, skips[level]])
            x = self._level(x, level, factor, f"up{level}")
        return keras.Model(inputs, self._probabilities(x), name="unet_suite")

    def _level(self, x: Any, level: int, factor: int, name: str) -> Any:
        filters = self.width * 2**level
        x = self._conv(filters, 3, f"{name}_conv1")(x)
        x = self._dropout(x, factor * self.dropout, f"{name}_dropout")
        return self._conv(filters, 3, f"{name}_conv2")(x)


class CategoricalUNet(UNetSuite):
    """`categorical_unet`: the suite's `unet` with one output channel a class."""

    name = "categorical_unet"


class _Blocks(SuiteNetwork):
    """U-Nets of blocks: twice a convolution (and batch normalisation), then dropout."""

    depth: int = Field(default=3, ge=1, le=7, description="Levels (pools), each halving.")
    kernel_size: Kernel = Field(default=(3, 3), description="Rows and columns of the kernels.")
    batch_norm: bool = Field(default=False, description="Batch normalisation after convolutions.")

    @property
    def multiple_of(self) -> int:
        return 2**self.depth

    def build(self) -> Any:
        keras = backend.keras()
        layers = keras.layers
        inputs = keras.Input((None, None, self.channels), name="image")
        x, skips = self._first(inputs), []
        for level in range(self.depth):
            x = self._down_block(x, level)
            skips.append(x)
            x = self._shrink(x, level)
        x = self._block(x, self.depth, self.depth, "bottom")
        for level in reversed(range(self.depth)):
            x = layers.Conv2DTranspose(
                self.width * 2 ** (level + 1),
                2,
                strides=2,
                padding="same",
                kernel_initializer=self.kernel_initializer,
                name=f"up{level}_double",
            )(x)
            x = layers.Concatenate(name=f"up{level}_join")([skips[level], x])
            x = self._block(x, level, level + 1, f"up{level}")
        return keras.Model(inputs, self._probabilities(x), name="categorical_unet")

    def _first(self, inputs: Any) -> Any:
        return inputs

    def _down_block(self, x: Any, level: int) -> Any:
        return self._block(x, level, level + 1, f"down{level}")

    def _shrink(self, x: Any, level: int) -> Any:
        name = f"down{level}_shrink"
        return self._conv(self.width * 2**level, self.kernel_size, name, strides=2)(x)

    def _block(self, x: Any, level: int, factor: int, name: str, rates: Any = (1, 1)) -> Any:
        for i, rate in enumerate(rates, 1):
            conv = self._conv(
                self.width * 2**level, self.kernel_size, f"{name}_conv{i}", dilation_rate=rate
            )
            x = self._norm(conv(x), f"{name}_conv{i}")
        return self._dropout(x, factor * self.dropout, f"{name}_dropout")

    def _norm(self, x: Any, name: str) -> Any:
        # Keras' momentum of .99 needs hundreds of batches, which short trainings have not.
        norm = backend.keras().layers.BatchNormalization
        return norm(momentum=0.9, name=f"{name}_norm")(x) if self.batch_norm else x


class CategoricalUNetTranspose(_Blocks):
    """`categorical_unet_transpose`: max pooling down, transposed 2×2 convolutions up."""

    name = "categorical_unet_transpose"

    def _shrink(self, x: Any, level: int) -> Any:
        return backend.keras().layers.MaxPooling2D(2, name=f"down{level}_pool")(x)


class CategoricalUNetFc(_Blocks):
    """`categorical_unet_fc`: strided convolutions down instead of pooling."""

    name = "categorical_unet_fc"


class CategoricalUNetFcDil(_Blocks):
    """`categorical_unet_fc_dil`: a first convolution, dilated blocks (r, then 2r) down."""

    name = "categorical_unet_fc_dil"

    dilation_rate: int = Field(
        default=2, ge=1, le=8, description="Dilation of a block's first convolution; 2× after it."
    )

    def _first(self, inputs: Any) -> Any:
        conv = self._conv(self.width, self.kernel_size, "first_conv")
        return self._norm(conv(inputs), "first_conv")

    def _down_block(self, x: Any, level: int) -> Any:
        rates = (self.dilation_rate, 2 * self.dilation_rate)
        return self._block(x, level, level + 1, f"down{level}", rates)
