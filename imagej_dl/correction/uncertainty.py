"""Uncertainty of a model on an image: the entropy of its probability map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Uncertainty:
    """Entropies summed over pixels, each by the probability that the pixel is inside an object.

    `value` is their mean: the expected entropy of an object's pixel, as a share of the largest
    possible, 0 to 1. The entropy of a network's classes is the measure of
    uncertainty sampling (Settles, Active Learning Literature Survey, 2009, section 3.1). Without
    the weights an image would seem more certain the more background it has; weighted by the
    probability of all that is not background, the outlines, of which no network is certain, would
    outweigh the rest. No threshold is needed, so an image of dim objects is not overlooked.
    """

    entropy: float = 0.0
    weight: float = 0.0

    @property
    def value(self) -> float:
        """Return 0 for a model that is certain everywhere, 1 for one that knows nothing."""
        return self.entropy / self.weight if self.weight > 0 else 0.0

    def __add__(self, other: Uncertainty) -> Uncertainty:
        """Add another plane of the image."""
        return Uncertainty(self.entropy + other.entropy, self.weight + other.weight)

    @classmethod
    def of(cls, probabilities: NDArray[np.float32]) -> Uncertainty:
        """Measure probabilities (Y, X, classes): of background, object …, or object alone."""
        p = np.clip(probabilities.astype(np.float64), 1e-7, 1)
        if p.shape[-1] == 1:
            p = np.concatenate([np.clip(1 - p, 1e-7, 1), p], axis=-1)
        entropy = -(p * np.log(p)).sum(axis=-1) / np.log(p.shape[-1])
        weight = p[..., 1]
        return cls(float((weight * entropy).sum()), float(weight.sum()))
