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
from imagej_dl.methods.shared.sample_outputs import EXTRA, output_of_width, samples_of

_DARK = -1.0
"""First output for the middle of the samples: the noise model's `low`."""
_FIRST, _LEAST = 0.15, 0.05
"""Widths of the samples, in standard deviations of the noise."""
_HOLD = 0.01
"""Nats that samples cost whose width is e times less than the least."""


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
    begun: ClassVar[dict[str, Any]] = {"samples": 32, "revision": 2}

    samples: int = Field(
        default=100,
        ge=2,
        le=800,
        description="Samples of the signal that the network gives for a pixel; 800 in the paper. A "
        "training that begins has 32, unless others are given.",
    )
    revision: int = Field(
        default=1,
        ge=1,
        le=2,
        description="Of the network: 1, that of version 0.1.0; 2, that of n2v2, with intensities "
        "scaled for it. A training that begins has 2.",
    )

    @property
    def outputs(self) -> int:
        """The middle and width of the samples, and the deviation of each."""
        return EXTRA + self.samples

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method.

        That of revision 2 is N2V2's, which hardly sees the pixel itself: the estimate counts it by
        the noise model. The noise model's range becomes 0 to 1: an offset of the camera, many
        times the contrast of the image, would keep the network from learning. The first samples
        are dark, as most pixels are, and near each other: too narrow, they give the estimate of
        Noise2Void; too wide, that of the pixel alone.
        """
        if self.revision == 1:
            return {**super().network, "pooling": "max", "residual": False, "top_skip": True}
        suited = {**super().network, "pooling": "blur", "residual": False, "top_skip": False}
        if (model := self.noise_model) is None:
            return suited
        span = model.high - model.low
        scale = {"scale": unit_of(model) / span, "offset": -model.low / span}
        return {**suited, **scale, "first_outputs": (_DARK, float(self._width(0.0, _FIRST)))}

    def _width(self, middle: Any, sigmas: float, ops: Any = np) -> Any:
        """Return the output with which samples are so many standard deviations of noise wide.

        `middle` is that of the samples, and the variance of the noise taken for a straight line.
        """
        model = self.known_noise
        low, high = (float(v) for v in model.variance(np.array((model.low, model.high))))
        variance = low + (high - low) * ops.clip((middle + 1) / 2, 0.01, 1.0)
        return output_of_width(2 * sigmas / (model.high - model.low) * ops.sqrt(variance), ops)

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the mean of −log p of the scored pixels, p being per unit of intensity.

        Samples much narrower than the noise cost a little more. Their width makes no difference to
        the likelihood, and would be lost for good: it has no gradient that could widen them.
        """
        from imagej_dl.models import backend

        tf, ops = backend.tensorflow(), backend.keras().ops

        def compute(targets: Any, outputs: Any, weights: Any = 1.0) -> Any:
            mask = targets[..., 1] * tf.broadcast_to(weights, tf.shape(targets)[:-1])
            where = tf.where(mask > 0)
            observed = self.observed(tf.gather_nd(targets[..., :1], where))
            scored = tf.gather_nd(outputs, where)
            signals = self.signal(samples_of(scored, ops))
            each = self.known_noise.log_density(observed, signals, ops)
            likelihood = tf.reduce_logsumexp(each, axis=-1) - np.log(self.samples)
            shares = tf.gather_nd(mask, where)
            least = self._width(tf.stop_gradient(scored[:, 0]), _LEAST, ops)
            narrow = _HOLD * tf.square(tf.nn.relu(least - scored[:, 1]))
            return weighted_mean(narrow - likelihood, shares, total)

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
