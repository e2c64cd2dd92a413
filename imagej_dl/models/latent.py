"""Layers of variational autoencoders. Importing this loads TensorFlow.

Model files name these classes by their module: neither may be renamed.

While a network is trained, latent variables are drawn anew for each batch. A trained network draws
them by the pixels: a draw is a function of a seed, the number of the sample, and the bits of the
block of pixels above it. So it is the same each time, and in whichever tile the block lies; noisy
blocks hardly ever have the same bits (those of a saturated area do, and get the same draw).
"""

from __future__ import annotations

import math
from typing import Any

from imagej_dl.models import backend

keras = backend.keras()
tf = backend.tensorflow()

_LOGARITHM = 10.0
"""Bound of the log variance of a latent variable."""


@keras.saving.register_keras_serializable(package="imagej_dl")
class Blocks(keras.layers.Layer):  # type: ignore[name-defined]
    """Blocks of pixels as channels, (N, Y, X, C) → (N, Y/side, X/side, side²·C)."""

    padding = "valid"

    def __init__(self, side: int, **more: Any) -> None:
        super().__init__(**more)
        self.side = int(side)
        self.pool_size = self.strides = (self.side, self.side)

    def call(self, images: Any) -> Any:
        """Move each block into the channels."""
        return images if self.side == 1 else tf.nn.space_to_depth(images, self.side)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the blocks."""
        number, height, width, channels = input_shape
        side = self.side
        return (
            number,
            None if height is None else height // side,
            None if width is None else width // side,
            channels * side**2,
        )

    def get_config(self) -> dict[str, Any]:
        """Return what a file keeps."""
        return {**super().get_config(), "side": self.side}


@keras.saving.register_keras_serializable(package="imagej_dl")
class Draw(keras.layers.Layer):  # type: ignore[name-defined]
    """A draw of latent variables: [mean and log variance (N, Y, X, 2·L), blocks] → (N, Y, X, L).

    Parameters
    ----------
    seed : of the draws.
    """

    def __init__(self, seed: int = 0, **more: Any) -> None:
        super().__init__(**more)
        self.seed = int(seed)
        self.generator = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Draw at random in training, else by the pixels."""
        statistics, blocks = inputs
        mean, _ = halves(statistics)
        if training:
            noise = keras.random.normal(tf.shape(mean), seed=self.generator)
        else:
            noise = normal(blocks, mean.shape[-1], self.seed, 0)
        return drawn(statistics, noise)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the latent variables."""
        *shape, channels = input_shape[0]
        return (*shape, channels // 2)

    def get_config(self) -> dict[str, Any]:
        """Return what a file keeps."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="imagej_dl")
class Divergence(keras.layers.Layer):  # type: ignore[name-defined]
    """Divergence (Kullback–Leibler) of latent variables from normal ones, (N, Y, X, 1).

    Parameters
    ----------
    share : by which the sum over the latent variables of a position is multiplied.
    """

    def __init__(self, share: float = 1.0, **more: Any) -> None:
        super().__init__(**more)
        self.share = float(share)

    def call(self, statistics: Any) -> Any:
        """Return ½·Σ(µ² + σ² − 1 − log σ²)·share, in nats."""
        mean, logarithm = halves(statistics)
        each = 0.5 * (tf.square(mean) + tf.exp(logarithm) - 1 - logarithm)
        return self.share * tf.reduce_sum(each, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of one channel."""
        return (*input_shape[:-1], 1)

    def get_config(self) -> dict[str, Any]:
        """Return what a file keeps."""
        return {**super().get_config(), "share": self.share}


@keras.saving.register_keras_serializable(package="imagej_dl")
class Samples(keras.layers.Layer):  # type: ignore[name-defined]
    """Samples of the signal, or their mean: [mean and log variance, blocks] → (N, Y, X, K).

    Parameters
    ----------
    decoder : the network from latent variables (N, y, x, L) to the signal (N, Y, X, 1).
    number : how many samples are drawn.
    apart : whether each sample is a channel; else the mean of them is the only one.
    seed : of the draws.
    """

    def __init__(
        self, decoder: Any, number: int, apart: bool = False, seed: int = 0, **more: Any
    ) -> None:
        super().__init__(**more)
        self.decoder = decoder
        self.number, self.apart, self.seed = int(number), bool(apart), int(seed)

    def call(self, inputs: Any) -> Any:
        """Draw and decode one sample after the other: the memory is that of one."""
        prepared = self.prepared(inputs)
        first = self.one(prepared, 0)
        if self.apart:
            several = tf.map_fn(
                lambda number: self.one(prepared, number),
                tf.range(self.number),
                fn_output_signature=tf.float32,
                parallel_iterations=1,
            )
            return tf.transpose(several[..., 0], (1, 2, 3, 0))

        def add(number: Any, total: Any) -> tuple[Any, Any]:
            return number + 1, total + self.one(prepared, number)

        _, total = tf.while_loop(
            lambda number, _: number < self.number,
            add,
            (tf.constant(1), first),
            shape_invariants=(tf.TensorShape(()), tf.TensorShape((None, None, None, 1))),
            parallel_iterations=1,
        )
        return total / float(self.number)

    def prepared(self, inputs: Any) -> Any:
        """Return what all samples are drawn of."""
        return inputs

    def one(self, prepared: Any, number: Any) -> Any:
        """Return a sample of the signal."""
        statistics, blocks = prepared
        channels = statistics.shape[-1] // 2
        noise = normal(blocks, channels, self.seed, number)
        return self.decoder(drawn(statistics, noise), training=False)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the samples."""
        number, height, width, _ = input_shape[0]
        after = self.decoder.compute_output_shape((number, height, width, 1))
        return (*after[:-1], self.number if self.apart else 1)

    def get_config(self) -> dict[str, Any]:
        """Return what a file keeps."""
        return {
            **super().get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "number": self.number,
            "apart": self.apart,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Samples:
        """Return the layer of a file."""
        config = dict(config)
        decoder = keras.saving.deserialize_keras_object(config.pop("decoder"))
        return cls(decoder, **config)


def halves(statistics: Any) -> tuple[Any, Any]:
    """Return mean and log variance of latent variables."""
    mean, logarithm = tf.split(statistics, 2, axis=-1)
    return mean, tf.clip_by_value(logarithm, -_LOGARITHM, _LOGARITHM)


def drawn(statistics: Any, noise: Any) -> Any:
    """Return latent variables of mean and log variance, for normal noise."""
    mean, logarithm = halves(statistics)
    return mean + tf.exp(0.5 * logarithm) * noise


def normal(blocks: Any, channels: int, seed: int, number: Any) -> Any:
    """Return normal noise (N, Y, X, channels) that is a function of the bits of blocks.

    Whole numbers alone are computed with until the noise is made: what floats are rounded to
    depends on the device and on the size of the tile.
    """
    return normal_of(words_of(blocks), channels, seed, number)


def words_of(values: Any) -> Any:
    """Return a 32-bit word of the bits of all channels of each position, (N, Y, X, 1)."""
    bits = values if values.dtype == tf.uint32 else tf.bitcast(values, tf.uint32)
    state = tf.zeros_like(bits[..., :1])
    for index in range(bits.shape[-1]):
        state = _mixed(tf.bitwise.bitwise_xor(state, bits[..., index : index + 1]))
    return state


def normal_of(state: Any, channels: int, seed: int, number: Any) -> Any:
    """Return normal noise (N, Y, X, channels) that is a function of words (N, Y, X, 1)."""
    number = tf.cast(number, tf.uint32)
    salts = _mixed(tf.range(2 * channels, dtype=tf.int32), seed, number)
    words = _mixed(tf.bitwise.bitwise_xor(state, salts))
    # The upper 24 bits are all that a float holds.
    uniform = tf.cast(tf.bitwise.right_shift(words, _word(8)), tf.float32)
    first, second = tf.split((uniform + 0.5) / 2.0**24, 2, axis=-1)
    return tf.sqrt(-2 * tf.math.log(first)) * tf.cos(2 * math.pi * second)


def _word(value: int) -> Any:
    return tf.constant(value % 2**32, tf.uint32)


def _mixed(values: Any, seed: int | None = None, number: Any = None) -> Any:
    """Mix 32-bit words so that each bit depends on all (MurmurHash3's last step)."""
    xor, right = tf.bitwise.bitwise_xor, tf.bitwise.right_shift
    words = tf.cast(values, tf.uint32) + _word(0x9E3779B9)
    if seed is not None:
        words = _mixed(xor(words, _word(seed * 0x85EBCA77)))
        words = xor(words, number * _word(0xC2B2AE3D))
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        words = xor(words, right(words, _word(shift))) * _word(factor)
    return xor(words, right(words, _word(16)))
