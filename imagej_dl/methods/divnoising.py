"""DivNoising: samples of what the image may be without its noise (Prakash 2021)."""

from __future__ import annotations

import math
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
from imagej_dl.methods.shared.denoising_defaults import DEFAULTS
from imagej_dl.methods.shared.losses import weighted_mean
from imagej_dl.methods.shared.noise_model_method import NoiseModelMethod, unit_of


class DivNoising(NoiseModelMethod):
    """DivNoising (Prakash, Krull, Jug 2021, arXiv 2006.06072).

    A variational autoencoder whose decoder gives the signal, and whose likelihood of the observed
    image is the noise model. What the noise has hidden is drawn: each sample is an image that may
    have been there, and the mean of many is the estimate.

    The loss is −log p(observed | signal) and the divergence of the latent variables from normal
    ones, both for each pixel: the bound of −log p(observed) (Kingma and Welling 2014).
    """

    name: ClassVar[str] = "divnoising"
    summary: ClassVar[str] = (
        "samples of what the image may be without its noise, and their mean; needs a noise model"
    )
    position: ClassVar[int] = 230
    learns_from: ClassVar[LearnsFrom] = "itself"
    defaults: ClassVar[dict[str, Any]] = {
        **DEFAULTS,
        "architecture": "vae",
        "width": 32,
        "patch": 128,
    }
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
    def outputs(self) -> int:
        """The signal, and the divergence."""
        return 2

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
            each = self.divergence_weight * outputs[..., 1]
            each -= self.known_noise.log_density(observed, signal, ops)
            return weighted_mean(each, weights, total)

        return compute

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
        return np.array([likelihood[known].sum(), outputs[..., 1][known].sum(), known.sum()])

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
        return self._sampling(network, self.samples, apart=False)

    def sampling(self, network: Any, number: int) -> Any:
        """Return a deployed network with that many samples for outputs, a channel each."""
        return self._sampling(network, number, apart=True)

    def _sampling(self, network: Any, number: int, apart: bool) -> Any:
        from imagej_dl.models import backend
        from imagej_dl.models.latent import Samples
        from imagej_dl.models.networks.vae import BLOCKS, DRAW, SIGNAL, STATISTICS

        keras = backend.keras()
        layers = {layer.name: layer for layer in network.layers}
        if "samples" in layers:
            decoder = layers["samples"].decoder
        else:
            decoder = keras.Model(layers[DRAW].output, layers[SIGNAL].output, name="decoder")
        samples = Samples(decoder, number, apart, self.draws, dtype="float32", name="samples")
        inputs = [layers[name].output for name in (STATISTICS, BLOCKS)]
        outputs = self.intensity_layer()(samples(inputs))
        return keras.Model(network.input, outputs, name=network.name)
