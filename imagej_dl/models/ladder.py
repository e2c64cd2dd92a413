"""Layers of ladder variational autoencoders. Importing this loads TensorFlow.

Model files name these classes by their module: neither may be renamed. How a trained network draws
latent variables is said in :mod:`imagej_dl.models.latent`.
"""

from __future__ import annotations

from typing import Any

from imagej_dl.models import backend
from imagej_dl.models.latent import Divergence, Samples, drawn, halves, normal_of, words_of

keras = backend.keras()
tf = backend.tensorflow()


@keras.saving.register_keras_serializable(package="imagej_dl")
class LatentNoise(keras.layers.Layer):  # type: ignore[name-defined]
    """Normal noise of a layer of latent variables: image (N, Y, X, C) → (N, Y/side, X/side, L).

    Parameters
    ----------
    channels : latent variables of a position.
    side : of the block of pixels that a position stands for, a power of 2.
    seed : of the noise.
    """

    padding = "valid"

    def __init__(self, channels: int, side: int, seed: int = 0, **more: Any) -> None:
        super().__init__(**more)
        self.channels, self.side, self.seed = int(channels), int(side), int(seed)
        self.pool_size = self.strides = (self.side, self.side)
        # Layers of the same seed differ by their side.
        self.generator = keras.random.SeedGenerator((self.seed + self.side) % 2**31)

    def call(self, images: Any, training: bool = False) -> Any:
        """Draw at random in training, else by the pixels."""
        if not training:
            return normal_of(block_words(images, self.side), self.channels, self.seed, 0)
        number, height, width = (tf.shape(images)[axis] for axis in range(3))
        shape = (number, height // self.side, width // self.side, self.channels)
        return keras.random.normal(shape, seed=self.generator)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the latent variables."""
        number, *sides, _ = input_shape
        less = [None if length is None else length // self.side for length in sides]
        return (number, *less, self.channels)

    def get_config(self) -> dict[str, Any]:
        """Return what a file keeps."""
        own = {"channels": self.channels, "side": self.side, "seed": self.seed}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="imagej_dl")
class Drawn(keras.layers.Layer):  # type: ignore[name-defined]
    """Latent variables: [mean and log variance (N, Y, X, 2·L), noise (N, Y, X, L)] → (…, L)."""

    def call(self, inputs: Any) -> Any:
        """Return mean + deviation × noise."""
        return drawn(*inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the latent variables."""
        return input_shape[1]


@keras.saving.register_keras_serializable(package="imagej_dl")
class Refined(keras.layers.Layer):  # type: ignore[name-defined]
    """A posterior relative to its prior: [prior, change] → posterior, all (N, Y, X, 2·L).

    The change of the mean is in deviations of the prior, that of the variance a logarithm.
    """

    def call(self, inputs: Any) -> Any:
        """Return mean and log variance of the posterior."""
        prior, change = inputs
        mean, logarithm = halves(prior)
        moved, widened = halves(change)
        return tf.concat([mean + tf.exp(0.5 * logarithm) * moved, logarithm + widened], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the posterior."""
        return input_shape[0]


@keras.saving.register_keras_serializable(package="imagej_dl")
class LadderDivergence(Divergence):
    """Divergence (Kullback–Leibler) of a posterior from its prior: [posterior, prior] → (…, 1).

    The parameter is that of :class:`Divergence`.
    """

    def call(self, inputs: Any) -> Any:
        """Return ½·Σ((µq − µp)²/σp² + σq²/σp² − 1 − log σq²/σp²)·share, in nats."""
        (mean, logarithm), (prior_mean, prior_logarithm) = map(halves, inputs)
        ratio = logarithm - prior_logarithm
        moved = tf.square(mean - prior_mean) * tf.exp(-prior_logarithm)
        each = 0.5 * (moved + tf.exp(ratio) - 1 - ratio)
        return self.share * tf.reduce_sum(each, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of one channel."""
        return super().compute_output_shape(input_shape[0])


@keras.saving.register_keras_serializable(package="imagej_dl")
class LadderSamples(Samples):
    """Samples of the signal, or their mean: [image, features of each layer] → (N, Y, X, K).

    Parameters are those of :class:`Samples`; the inputs of the decoder are the features, the finest
    first, and then the noises of as many layers of latent variables.
    """

    def prepared(self, inputs: Any) -> Any:
        """Return the words of the blocks of each layer, and the features."""
        image, *encoded = inputs
        sides = [2**level for level in range(1, len(encoded) + 1)]
        return [block_words(image, side) for side in sides], encoded

    def one(self, prepared: Any, number: Any) -> Any:
        """Return a sample of the signal."""
        words, encoded = prepared
        noises = [
            normal_of(word, tensor.shape[-1], self.seed, number)
            for word, tensor in zip(words, self.decoder.inputs[len(encoded) :], strict=True)
        ]
        return self.decoder([*encoded, *noises], training=False)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the samples."""
        return (*input_shape[0][:-1], self.number if self.apart else 1)


def block_words(images: Any, side: int) -> Any:
    """Return a 32-bit word of the bits of each block of pixels, (N, Y/side, X/side, 1).

    Parameters
    ----------
    side : of the blocks, a power of 2. Blocks are mixed two by two, so that large ones take few
        steps.
    """
    state = words_of(images)
    while side > 1:
        parts = [state[:, down::2, right::2] for down in (0, 1) for right in (0, 1)]
        state = words_of(tf.concat(parts, axis=-1))
        side //= 2
    return state
