"""The layer that turns samples of the signal into its estimate. Importing this loads TensorFlow.

Model files name this class by its module: neither may be renamed.
"""

from __future__ import annotations

from typing import Any

from imagej_dl import noise
from imagej_dl.methods.shared.sample_outputs import samples_of
from imagej_dl.models import backend

keras = backend.keras()


@keras.saving.register_keras_serializable(package="imagej_dl")
class PosteriorMean(keras.layers.Layer):  # type: ignore[name-defined]
    """Mean of the signal, given the observed pixel: Σ p(x|sₖ)·sₖ / Σ p(x|sₖ) (Krull 2020).

    [image (N, Y, X, 1), outputs (N, Y, X, 2 + K)] → (N, Y, X, 1), normalised intensities. The
    samples of the outputs are places between the noise model's `low` (−1) and `high` (1).

    Parameters
    ----------
    noise_model : the values of a noise model.
    unit : intensity that is 1 in the image.
    """

    def __init__(self, noise_model: dict[str, Any], unit: float, **more: Any) -> None:
        super().__init__(**more)
        self.noise_model, self.unit = noise.of(noise_model), float(unit)

    def call(self, inputs: Any) -> Any:
        """Weigh the samples by how likely the observed pixel is."""
        image, outputs = inputs
        model, ops = self.noise_model, keras.ops
        signals = model.between(samples_of(outputs, ops))
        likelihood = model.log_density(image * self.unit, signals, ops)
        shares = ops.softmax(likelihood, axis=-1)
        return ops.sum(shares * signals, axis=-1, keepdims=True) / self.unit

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the image."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """Return what a file keeps."""
        own = {"noise_model": self.noise_model.model_dump(mode="json"), "unit": self.unit}
        return {**super().get_config(), **own}
