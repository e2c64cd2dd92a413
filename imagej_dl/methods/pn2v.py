"""Probabilistic Noise2Void: samples of the signal, weighed by a noise model (Krull 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.methods.base import Loss, Total
from imagej_dl.methods.shared.blind_spots import BlindSpotMethod
from imagej_dl.methods.shared.denoising_defaults import DEFAULTS
from imagej_dl.methods.shared.losses import weighted_mean
from imagej_dl.methods.shared.noise_model_method import NoiseModelMethod, unit_of
from imagej_dl.methods.shared.sample_outputs import EXTRA, samples_of


class PN2V(NoiseModelMethod, BlindSpotMethod):
    """Probabilistic Noise2Void (Krull, Vičar, Prakash, Lalit, Jug 2020, arXiv 1906.00651).

    The network gives samples of what the signal of a pixel may be, judged by the pixels around it
    (see :mod:`imagej_dl.methods.shared.sample_outputs` for how they are outputs).
    The loss at blind spots is −log of the mean of p(observed | sample). For the estimate each
    sample is weighed by p(observed | sample), so that the pixel itself counts, too: the mean is
    that with the least squared error.
    """

    name: ClassVar[str] = "pn2v"
    summary: ClassVar[str] = "as n2v with a noise model, which lets the pixel itself count"
    position: ClassVar[int] = 220
    defaults: ClassVar[dict[str, Any]] = DEFAULTS
    losses: ClassVar[tuple[str, ...]] = ("noise_likelihood",)
    takes_volumes: ClassVar[bool] = False

    samples: int = Field(
        default=100,
        ge=2,
        le=800,
        description="Samples of the signal that the network gives for a pixel; 800 in the paper.",
    )

    @property
    def outputs(self) -> int:
        """The middle and width of the samples, and the deviation of each."""
        return EXTRA + self.samples

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method.

        The noise model's range becomes 0 to 1: an offset of the camera, many times the contrast of
        the image, would keep the network from learning.
        """
        shape = {"pooling": "max", "residual": False, "top_skip": True}
        if (model := self.noise_model) is not None:
            span = model.high - model.low
            shape |= {"scale": unit_of(model) / span, "offset": -model.low / span}
        return {**super().network, **shape}

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the mean of −log p of the scored pixels, p being per unit of intensity."""
        from imagej_dl.models import backend

        tf, ops = backend.tensorflow(), backend.keras().ops

        def compute(targets: Any, outputs: Any, weights: Any = 1.0) -> Any:
            mask = targets[..., 1] * tf.broadcast_to(weights, tf.shape(targets)[:-1])
            where = tf.where(mask > 0)
            observed = self.observed(tf.gather_nd(targets[..., :1], where))
            signals = self.signal(samples_of(tf.gather_nd(outputs, where), ops))
            each = self.known_noise.log_density(observed, signals, ops)
            likelihood = tf.reduce_logsumexp(each, axis=-1) - np.log(self.samples)
            shares = tf.gather_nd(mask, where)
            return weighted_mean(-likelihood, shares, total)

        return compute

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Sum the squared errors of the samples' mean, which does not know the pixel itself."""
        return super().tally(targets, self.blind(outputs), weights)

    def pictures(self, outputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return what TensorBoard shows: the mean of the samples."""
        return super().pictures(np.clip(self.blind(outputs), 0, 1))

    def blind(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of the samples, (…, 1), normalised."""
        mean = samples_of(outputs).mean(axis=-1, keepdims=True)
        return self.signal(mean) / unit_of(self.known_noise)

    def deployed(self, network: Any) -> Any:
        """Return the network with the estimate for an output."""
        from imagej_dl.models import backend
        from imagej_dl.models.posterior import PosteriorMean

        model = self.known_noise
        estimate = PosteriorMean(
            model.model_dump(mode="json"), unit_of(model), dtype="float32", name="estimate"
        )
        outputs = estimate([network.input, network.output])
        return backend.keras().Model(network.input, outputs, name=network.name)

    def is_in(self, network: Any) -> bool:
        """Return whether a network was deployed with this noise model."""
        layers = [layer for layer in network.layers if layer.name == "estimate"]
        return len(layers) == 1 and layers[0].noise_model == self.known_noise
