"""The layer of 3-D networks that Keras has not. Importing this loads TensorFlow.

Model files name this class by its module: neither may be renamed.
"""

from __future__ import annotations

from typing import Any

from imagej_dl.models import backend

keras = backend.keras()
tf = backend.tensorflow()


@keras.saving.register_keras_serializable(package="imagej_dl")
class SlicePadding3D(keras.layers.Layer):  # type: ignore[name-defined]
    """One voxel more on each side of a volume (N, Z, Y, X, C), for a convolution of 3×3×3.

    The first and the last slice are repeated. Zeros would be most of what a patch of few slices
    teaches, and would lack within a stack of many: that came out 6 dB worse than its patches.
    Around the slices there are zeros, as in 2-D networks.
    """

    padding = ((1, 1), (1, 1), (1, 1))

    def call(self, volumes: Any) -> Any:
        """Pad along Z, Y and X."""
        together = tf.concat([volumes[:, :1], volumes, volumes[:, -1:]], axis=1)
        return tf.pad(together, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the padded volumes."""
        number, *sides, channels = input_shape
        return (number, *(None if side is None else side + 2 for side in sides), channels)
