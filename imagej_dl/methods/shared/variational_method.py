"""Methods that draw what the noise has hidden: variational autoencoders with a noise model."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.methods.base import (
    LearnsFrom,
    Loss,
    Measure,
    Score,
    Total,
)
from imagej_dl.methods.shared.losses import weighted_mean
from imagej_dl.methods.shared.noise_model_method import NoiseModelMethod, unit_of


class VariationalMethod(NoiseModelMethod):
    """Base of the methods whose network is a variational autoencoder (Kingma and Welling 2014).

    The decoder gives the signal, and the likelihood of the observed image is the noise model. Each
    draw of the latent variables is an image that may have been there, and the mean of many is the
    estimate. In training the network's outputs are the signal, and after it the divergence of the
    latent variables from their prior, in nats per pixel, in one channel or several.

    The loss is −log p(observed | signal) and the divergence, both for each pixel: the bound of
    −log p(observed).
    """

    learns_from: ClassVar[LearnsFrom] = "itself"
    losses: ClassVar[tuple[str, ...]] = ("elbo",)
    draws_samples: ClassVar[bool] = True
    shown: ClassVar[Measure] = Measure("elbo", "ELBO", "evidence lower bound of a pixel (nats)")
    selection: ClassVar[Score] = Score("elbo", "evidence lower bound", per_pixel=True)

    samples: int = Field(
        default=32,
        ge=1,
        le=10_000,
        description="Samples whose mean is predicted: each takes the time of the decoder; the "
        "paper has 1000.",
    )
    divergence_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="Weight of the divergence in the loss. Below 1 samples differ less, where the "
        "network gives the same image whatever it is shown.",
    )
    draws: int = Field(default=0, ge=0, lt=2**32, description="Random seed of the samples.")

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network: intensities of the noise model's range become −1 to 1."""
        if (model := self.noise_model) is None:
            return {}
        half = (model.high - model.low) / 2
        return {
            "scale": unit_of(model) / half,
            "offset": -model.between(0.0) / half,
            "draws": self.draws,
        }

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the mean over the pixels of −log p and the weighted divergence."""
        from imagej_dl.models import backend

        ops = backend.keras().ops

        def compute(targets: Any, outputs: Any, weights: Any = 1.0) -> Any:
            observed = self.observed(targets[..., 0])
            signal = self.signal(outputs[..., 0])
            likelihood = self.known_noise.log_density(observed, signal, ops)
            divergence = self.divergence(outputs[..., 1:], weights, total)
            return self.divergence_weight * divergence - weighted_mean(likelihood, weights, total)

        return compute

    def divergence(self, divergences: Any, weights: Any, total: Total) -> Any:
        """Return what the divergences (N, Y, X, channels) add to the loss, for each pixel."""
        from imagej_dl.models import backend

        each = backend.tensorflow().reduce_sum(divergences, axis=-1)
        return weighted_mean(each, weights, total)

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Sum log p and the divergence of all pixels, and count them."""
        observed = self.observed(targets[..., 0].astype(np.float64))
        signal = self.signal(outputs[..., 0].astype(np.float64))
        likelihood = self.known_noise.log_density(observed, signal)
        known = np.ones(likelihood.shape, bool) if weights is None else weights > 0
        return np.array([likelihood[known].sum(), outputs[..., 1:][known].sum(), known.sum()])

    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return the evidence lower bound, its log likelihood and its divergence, for a pixel."""
        likelihood, divergence, count = tally
        found = [likelihood - divergence, likelihood, divergence]
        names = ("elbo", "log_likelihood", "divergence")
        return {n: v / count if count else math.nan for n, v in zip(names, found, strict=True)}

    def describe(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words."""
        found = scores.get("val_elbo")
        return "no ELBO" if found is None else f"ELBO {found:.3f} nats per pixel"

    def pictures(self, outputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return what TensorBoard shows: a sample."""
        return {"sample": np.clip((outputs[..., :1] + 1) / 2, 0, 1)}

    def deployed(self, network: Any) -> Any:
        """Return the network with the mean of the samples for an output."""
        return self._deployed(network, self.samples, apart=False)

    def sampling(self, network: Any, number: int) -> Any:
        """Return a deployed network with that many samples for outputs, a channel each."""
        return self._deployed(network, number, apart=True)

    def _deployed(self, network: Any, number: int, apart: bool) -> Any:
        from imagej_dl.models import backend

        outputs = self.intensity_layer()(self.drawn(network, number, apart))
        return backend.keras().Model(network.input, outputs, name=network.name)

    @abstractmethod
    def drawn(self, network: Any, number: int, apart: bool) -> Any:
        """Return so many samples of the signal, or their mean, as a tensor of the network.

        Parameters
        ----------
        network : in training, or deployed.
        apart : whether each sample is a channel.
        """
