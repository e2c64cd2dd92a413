"""Keras' ConvLSTM2D for images of any size. Importing this imports TensorFlow.

Model files name this class by its module: neither may be renamed.
"""

from __future__ import annotations

from typing import Any

from imagej_dl.models import backend

keras = backend.keras()


@keras.saving.register_keras_serializable(package="imagej_dl")
class ConvLSTM2D(keras.layers.ConvLSTM2D):  # type: ignore[name-defined]
    """Convolutional LSTM, (N, T, Y, X, C) → (N, Y, X, filters) or, of all frames, with T.

    Keras 3 asks for fixed Y and X, for no other reason than to make the first state, which is
    all zeros: here it is made of the input's shape. Weights and results are those of Keras.
    """

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Make the weights, which do not depend on Y and X."""
        *_, channels = sequences_shape
        super().build((None, sequences_shape[1], 1, 1, channels))
        self.cell.input_spec = keras.layers.InputSpec(ndim=4)
        self.input_spec = keras.layers.InputSpec(ndim=5)

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        """Run over the frames, from a state of zeros where none is given."""
        if initial_state is None:
            number, _, height, width, _ = keras.ops.shape(sequences)
            zeros = keras.ops.zeros((number, height, width, self.filters), self.compute_dtype)
            initial_state = [zeros, zeros]
        return super().call(sequences, initial_state, mask=mask, training=training)
