"""The choice of a noise model: the kind under which pixels that were left out are likelier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.noise import gaussian_mixture, histogram
from imagej_dl.noise.gaussian_mixture import GaussianMixture
from imagej_dl.noise.histogram import Histogram
from imagej_dl.noise.pairs import Pairs

_LEFT_OUT = 5
"""One in so many pairs is left out."""


def fit(pairs: Pairs, gaussians: int = 3, coefficients: int = 2) -> GaussianMixture | Histogram:
    """Fit a mixture of Gaussians or a histogram to pairs of observed intensity and signal.

    Both are fitted to most of the pairs; the one with the larger likelihood of the others is fitted
    to all. A mixture has no shape for counts of a few photons; a histogram has no bins for noise
    that is much smaller than the range of the signal, and needs many pixels.

    Parameters
    ----------
    gaussians, coefficients : of a mixture; see :func:`.gaussian_mixture.fit`.
    """
    parts = np.random.default_rng(0).integers(_LEFT_OUT, size=pairs.observed.size)
    most, left_out = _where(pairs, parts > 0), _where(pairs, parts == 0).without_steps()
    mixture = gaussian_mixture.fit(most, gaussians, coefficients)
    try:
        counted = histogram.fit(most)
    except UserError:  # too few pixels for one
        return gaussian_mixture.fit(pairs, gaussians, coefficients)
    inside = left_out.within(counted.low, counted.high)
    observed, signal = left_out.observed[inside], left_out.signal[inside]
    found = [float(model.log_density(observed, signal).mean()) for model in (mixture, counted)]
    if found[1] > found[0]:
        return histogram.fit(pairs)
    return gaussian_mixture.fit(pairs, gaussians, coefficients)


def _where(pairs: Pairs, chosen: np.ndarray) -> Pairs:
    return replace(pairs, observed=pairs.observed[chosen], signal=pairs.signal[chosen])
