"""Noise as a mixture of Gaussians whose parameters depend on the signal (Prakash 2020)."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from imagej_dl.errors import UserError
from imagej_dl.noise.base import NoiseModelBase
from imagej_dl.noise.pairs import Pairs

Coefficients = tuple[tuple[float, ...], ...]

_USED = 40_000
"""Pairs that are fitted to; as many from each part of the signal's range."""
_PARTS = 32
_FLOOR = 1e-4
"""Least variance of a Gaussian, as a share of that of all noise."""


class GaussianMixture(NoiseModelBase):
    """Fully unsupervised probabilistic N2V's noise model (Prakash 2020, arXiv 1911.12291).

    With t = (signal − low) / (high − low), Gaussian k has the weight softmax_k(Σ weights[k, i]·tⁱ),
    the variance Σ variances[k, i]·tⁱ, at least `floor`, and the mean signal + offset_k(t), where
    offset_k is Σ offsets[k, i]·tⁱ less the mean of all offsets: the mixture's mean is the signal.
    Beyond `low` and `high` all are as at the ends, but the variance goes on above `high`: below
    `low` it would soon come to nothing.
    """

    words: ClassVar[str] = "Gaussian mixture"

    kind: Literal["gaussian_mixture"] = "gaussian_mixture"
    weights: Coefficients = Field(description="Coefficients of the logits of the weights.")
    offsets: Coefficients = Field(description="Coefficients of the means, in intensities.")
    variances: Coefficients = Field(
        description="Coefficients of the variances, in intensities squared."
    )
    floor: float = Field(
        gt=0, allow_inf_nan=False, description="Least variance, in intensities squared."
    )

    @model_validator(mode="after")
    def _whole(self) -> GaussianMixture:
        tables = (self.weights, self.offsets, self.variances)
        sizes = {len(table) for table in tables}
        if len(sizes) != 1 or not 1 <= len(self.weights) <= 100:
            raise ValueError("weights, offsets and variances are not of the same Gaussians")
        rows = [row for table in tables for row in table]
        if any(not 1 <= len(row) <= 10 or not all(map(math.isfinite, row)) for row in rows):
            raise ValueError("each Gaussian needs finite coefficients, one to ten")
        return self

    def log_density(self, observed: Any, signal: Any, ops: Any = np) -> Any:
        """Return log p(observed | signal); see :meth:`NoiseModelBase.log_density`."""
        weights, offsets, variances = self._parameters(signal, ops)
        log_total = _log_sum(weights, ops)
        terms = [
            weight
            - log_total
            - 0.5 * ops.log(2 * math.pi * variance)
            - 0.5 * ops.square(observed - signal - offset) / variance
            for weight, offset, variance in zip(weights, offsets, variances, strict=True)
        ]
        return _log_sum(terms, ops)

    def variance(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance at signals: of the Gaussians, and of their means."""
        weights, offsets, variances = self._parameters(np.asarray(signal, np.float64), np)
        shares = np.exp(np.stack(weights) - _log_sum(weights, np))
        return (shares * (np.stack(variances) + np.square(np.stack(offsets)))).sum(axis=0)

    def _parameters(self, signal: Any, ops: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Return logits of the weights, offsets of the means, and variances of each Gaussian."""
        t = (signal - self.low) / (self.high - self.low)
        within = ops.clip(t, 0.0, 1.0)
        logits = [_polynomial(row, within) for row in self.weights]
        raw = [_polynomial(row, within) for row in self.offsets]
        above = ops.maximum(t, 0.0)
        variances = [ops.maximum(_polynomial(row, above), self.floor) for row in self.variances]
        total = _log_sum(logits, ops)
        mean = sum(
            ops.exp(logit - total) * offset for logit, offset in zip(logits, raw, strict=True)
        )
        return logits, [offset - mean for offset in raw], variances


def _polynomial(coefficients: tuple[float, ...], t: Any) -> Any:
    value = coefficients[-1] + 0.0 * t
    for coefficient in reversed(coefficients[:-1]):
        value = value * t + coefficient
    return value


def _log_sum(terms: list[Any], ops: Any) -> Any:
    """Return log Σ exp, whatever the size of the terms."""
    most = terms[0]
    for term in terms[1:]:
        most = ops.maximum(most, term)
    return most + ops.log(sum(ops.exp(term - most) for term in terms))


def fit(pairs: Pairs, gaussians: int = 3, coefficients: int = 2) -> GaussianMixture:
    """Fit a mixture to pairs of observed intensity and signal by maximum likelihood.

    Whole numbers, or photons that are counted, have no density: the likeliest Gaussian is a spike
    on one of them. So each intensity stands for all those within half a step of it, and no Gaussian
    is narrower than a step.

    Parameters
    ----------
    gaussians, coefficients : how many Gaussians, and coefficients of each of their parameters.

    Raises
    ------
    UserError : when the likelihood has no maximum that can be found.
    """
    from scipy.optimize import minimize

    low, high = pairs.ends
    observed, signal = _spread(pairs.without_steps(), low, high)
    unit = float(np.std(observed - signal))  # all that follows is in units of the noise
    least = pairs.step**2 / 12 / unit**2  # the variance of all within half a step
    problem = _Likelihood(
        (observed - signal) / unit, (signal - low) / (high - low), gaussians, coefficients, least
    )
    # With the usual memory of 10 steps it ends before the maximum, elsewhere on each processor.
    options = {"maxiter": 500, "maxcor": 30}
    found = minimize(problem, problem.start(), jac=True, method="L-BFGS-B", options=options)
    if not np.isfinite(found.fun):
        raise UserError("no mixture of Gaussians describes the noise; use a histogram")
    weights, offsets, spreads = problem.parts(found.x)
    return GaussianMixture(
        low=low,
        high=high,
        origin=pairs.origin,
        weights=_rows(weights),
        offsets=_rows(offsets * unit),
        variances=_rows(np.exp(spreads) * unit**2),
        floor=problem.floor * unit**2,
    )


def _rows(table: NDArray) -> Coefficients:
    return tuple(tuple(float(value) for value in row) for row in table)


def _spread(pairs: Pairs, low: float, high: float) -> tuple[NDArray, NDArray]:
    """Return pairs between two signals, as many from each part of that range as there are."""
    rng = np.random.default_rng(0)
    parts = np.floor((pairs.signal - low) / (high - low) * _PARTS).astype(int)
    inside = pairs.within(low, high)
    chosen = []
    for part in range(_PARTS + 1):
        here = np.flatnonzero(inside & (parts == part))
        most = _USED // _PARTS
        chosen.append(here if here.size <= most else rng.choice(here, most, replace=False))
    index = np.concatenate(chosen)
    return pairs.observed[index], pairs.signal[index]


class _Likelihood:
    """The mean of −log p of residuals, and its gradient, as a function of all coefficients.

    residual : observed − signal, in units of the noise; t : the signal, 0 to 1.
    least : variance that no Gaussian is below, so that none shrinks onto a single value.
    """

    def __init__(
        self,
        residual: NDArray,
        t: NDArray,
        gaussians: int,
        coefficients: int,
        least: float = 0.0,
    ) -> None:
        self.residual, self.t, self.floor = residual, t, max(least, _FLOOR)
        self.shape = (3, gaussians, coefficients)
        self.powers = np.stack([t**i for i in range(coefficients)])

    def start(self) -> NDArray[np.float64]:
        """Return where the search begins: Gaussians of growing width about the signal."""
        _, gaussians, coefficients = self.shape
        square = np.square(self.residual)
        slope, level = np.polyfit(self.t, square, 1)
        level, rise = max(level, 0.05), max(slope, 0.05)
        start = np.zeros(self.shape)
        wide = np.linspace(-0.5, 0.5, gaussians) if gaussians > 1 else np.zeros(1)
        start[1, :, 0] = wide * 0.2
        start[2] = -6.0  # of higher orders, next to nothing
        start[2, :, 0] = math.log(level) + wide
        if coefficients > 1:
            start[2, :, 1] = math.log(rise) + wide
        return start.reshape(-1)

    def parts(self, values: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return weights, offsets and log variances, (gaussians, coefficients) each."""
        weights, offsets, spreads = values.reshape(self.shape)
        return weights, offsets, np.clip(spreads, -30, 30)

    def __call__(self, values: NDArray) -> tuple[float, NDArray]:
        """Return the mean of −log p, and its gradient."""
        weights, offsets, spreads = self.parts(values)
        logits, raw = weights @ self.powers, offsets @ self.powers
        expanded = np.exp(spreads)
        variance = np.maximum(expanded @ self.powers, self.floor)
        share = np.exp(logits - logits.max(axis=0))
        share /= share.sum(axis=0)
        mean = (share * raw).sum(axis=0)
        distance = self.residual - raw + mean
        terms = np.log(share + 1e-300) - 0.5 * np.log(2 * math.pi * variance)
        terms -= 0.5 * distance**2 / variance
        most = terms.max(axis=0)
        log_density = most + np.log(np.exp(terms - most).sum(axis=0))
        duty = np.exp(terms - log_density)
        pull = duty * distance / variance
        of_mean = pull - share * pull.sum(axis=0)
        of_logit = duty - share - share * (raw - mean) * pull.sum(axis=0)
        of_variance = duty * (distance**2 / variance - 1) / (2 * variance)
        of_variance = np.where(variance > self.floor, of_variance, 0.0)
        gradient = np.stack(
            [
                of_logit @ self.powers.T,
                of_mean @ self.powers.T,
                of_variance @ self.powers.T * expanded,
            ]
        )
        number = len(self.residual)
        return float(-log_density.mean()), -gradient.reshape(-1) / number
