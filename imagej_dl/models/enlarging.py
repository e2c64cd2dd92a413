"""The layer that enlarges a network's output. Importing this loads TensorFlow.

Model files name this class by its module: neither may be renamed.
"""

from __future__ import annotations

from typing import Any

from imagej_dl.models import backend

keras = backend.keras()
tf = backend.tensorflow()


@keras.saving.register_keras_serializable(package="imagej_dl")
class Doubled2D(keras.layers.Layer):  # type: ignore[name-defined]
    """Twice the resolution by linear interpolation, (N, Y, X, C) → (N, 2·Y, 2·X, C).

    Pixels are squares: the four new ones lie within the old one, a quarter of a pixel from its
    centre. At the border the outermost value is kept. Keras' UpSampling2D does the same for sizes
    that are known when the network is built, and no others.
    """

    size = (2, 2)
    interpolation = "bilinear"

    def call(self, images: Any) -> Any:
        """Interpolate."""
        sides = tf.shape(images)[1:3]
        return tf.image.resize(images, 2 * sides, "bilinear")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the enlarged images."""
        number, *sides, channels = input_shape
        return (number, *(None if side is None else 2 * side for side in sides), channels)
