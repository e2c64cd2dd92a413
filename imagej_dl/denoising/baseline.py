"""The best Gaussian: pixels predicted from their neighbours alone, without any learning.

A network with blind spots is scored on pixels that it does not see. Such an error can be computed
of any filter whose kernel leaves out the centre; the noise of the pixel is in both alike, so the
lower error is the better denoising. This needs no ground truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

WIDTHS = tuple(round(0.3 * 1.25**i, 2) for i in range(16))
"""Standard deviations in px that are tried, .3 to 8.5, each a quarter wider than the last."""
FEWEST = 50
"""Masked pixels below which nothing is compared."""
_CLEAR = 2.0
"""Standard errors beyond which a difference is no accident."""


def left_out(
    plane: NDArray, width: float, hidden: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Predict each pixel from a Gaussian-weighted mean of its neighbours, without itself.

    At the edges the mean is of the neighbours that are there. Pixels that are not finite take no
    part in the mean of others.

    Parameters
    ----------
    plane : (Y, X).
    width : standard deviation of the Gaussian in px.
    hidden : which pixels around the one in the middle are left out besides, with odd sides.

    Returns
    -------
    (Y, X), NaN where no pixel is left to predict from.
    """
    there = np.isfinite(plane)
    values = np.where(there, plane, 0).astype(np.float64)
    # Relative to a level within the image, or a large offset would cost precision.
    level = float(np.mean(values, where=there)) if there.any() else 0.0
    values -= level * there
    radius = max(1, int(4 * width + 0.5))
    line = ndi.gaussian_filter1d(np.eye(1, 2 * radius + 1, radius)[0], width, radius=radius)
    own = _within(line, np.ones((1, 1), bool) if hidden is None else hidden)
    sums, weights = (
        ndi.gaussian_filter(a, width, mode="constant", radius=radius)
        - ndi.correlate(a, own, mode="constant")
        for a in (values, there.astype(np.float64))
    )
    found = np.full(plane.shape, np.nan)
    # Below that what is left of a narrow Gaussian is mostly rounding.
    np.divide(sums, weights, out=found, where=weights > 1e-9)
    return (found + level).astype(np.float32)


def _within(line: NDArray[np.float64], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weights of the pixels that are hidden, of a Gaussian given along a line."""
    padded = np.pad(line, max(hidden.shape) // 2)
    middle = len(padded) // 2
    parts = [padded[middle - n // 2 : middle + n // 2 + 1] for n in hidden.shape]
    return np.outer(*parts) * hidden


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian that predicts the pixels left out.

    width : standard deviation in px.
    error : mean squared error of the pixels, each predicted without itself.
    pixels : how many they are.
    errors : of each width that was tried, (width, error).
    """

    width: float
    error: float
    pixels: int
    errors: tuple[tuple[float, float], ...]


def best_gaussian(
    planes: Iterable[NDArray],
    widths: Sequence[float] = WIDTHS,
    hidden: NDArray[np.bool_] | None = None,
) -> Gaussian | None:
    """Choose the width whose Gaussian predicts the pixels of noisy planes best.

    Parameters
    ----------
    planes : each (Y, X). Pixels that are not finite do not count.
    widths : standard deviations in px to choose from.
    hidden : as for :func:`left_out`. Widths that leave pixels without a prediction are none.

    Returns
    -------
    the best one, the narrowest of equals; None where there are fewer than `FEWEST` pixels.
    """
    sums, pixels = np.zeros(len(widths)), 0
    for plane in planes:
        there = np.isfinite(plane)
        if np.count_nonzero(there) < 2:
            continue
        pixels += int(there.sum())
        for i, width in enumerate(widths):
            predicted = left_out(plane, width, hidden)[there].astype(np.float64)
            squares = np.square(predicted - plane[there])
            sums[i] += squares.sum() if np.isfinite(squares).all() else np.inf
    if pixels < FEWEST or np.isinf(sums).all():
        return None
    errors = sums / pixels
    best = int(np.argmin(errors))
    tried = tuple((float(w), float(e)) for w, e in zip(widths, errors, strict=True))
    return Gaussian(float(widths[best]), float(errors[best]), pixels, tried)


@dataclass(frozen=True)
class Comparison:
    """A network and the best Gaussian on the same masked pixels.

    network, gaussian : root mean squared errors, in normalised intensities.
    width : the Gaussian's standard deviation in px.
    pixels : masked pixels that count.
    uncertainty : standard error of the difference of the two, which is of the same pixels.
    """

    network: float
    gaussian: float
    width: float
    pixels: int
    uncertainty: float

    @property
    def verdict(self) -> str:
        """Name the better: "network", "gaussian", or "neither" within the uncertainty."""
        difference = self.network - self.gaussian
        if abs(difference) <= _CLEAR * self.uncertainty:
            return "neither"
        return "network" if difference < 0 else "gaussian"

    def words(self) -> str:
        """Return both errors in words, without a full stop."""
        least = min(self.network, self.gaussian)
        digits = max(2, 3 - math.floor(math.log10(least))) if least > 0 else 2
        text = (
            f"masked-pixel error {self.network:.{digits}f}, "
            f"a Gaussian of {self.width:g} px gives {self.gaussian:.{digits}f}"
        )
        if self.verdict == "neither":
            text += f" ({self.pixels} pixels, which do not tell the two apart)"
        return text

    def record(self) -> dict[str, float | int | str]:
        """Return what metrics.json keeps: the fields, and which is better."""
        found = {name: float(f"{value:.4g}") for name, value in asdict(self).items()}
        return {**found, "pixels": self.pixels, "better": self.verdict}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Comparison:
        """Return what :meth:`record` keeps."""
        return cls(**{field.name: record[field.name] for field in fields(cls)})


def compare(
    values: Sequence[NDArray],
    masks: Sequence[NDArray],
    outputs: Sequence[NDArray],
    hidden: NDArray[np.bool_] | None = None,
) -> Comparison | None:
    """Compare a network with the Gaussian of the best width, on the pixels that it did not see.

    The width is chosen on all pixels of the patches, as a filter can leave out each in turn; the
    errors compared are those of the masked pixels.

    Parameters
    ----------
    values : noisy patches, (Y, X, C) each, as they were before the masking.
    masks : of the same shape, or (Y, X); not 0 where the network did not see the pixel.
    outputs : what the network gave, (Y, X, C).
    hidden : as for :func:`left_out`: what the network does not see beside the masked pixel.

    Returns
    -------
    the comparison; None where fewer than `FEWEST` pixels are masked.
    """
    planes = [patch[..., c] for patch in values for c in range(patch.shape[-1])]
    best = best_gaussian(planes, hidden=hidden)
    if best is None:
        return None
    own, others = [], []
    for patch, mask, output in zip(values, masks, outputs, strict=True):
        for c in range(patch.shape[-1]):
            plane = patch[..., c]
            masked = (mask if mask.ndim == 2 else mask[..., c]) != 0
            predicted = left_out(plane, best.width, hidden)
            masked = masked & np.isfinite(plane) & np.isfinite(predicted)
            truth = plane[masked].astype(np.float64)
            own.append(np.square(output[..., c][masked] - truth))
            others.append(np.square(predicted[masked] - truth))
    network, gaussian = np.concatenate(own), np.concatenate(others)
    if len(network) < FEWEST:
        return None
    squares = float(network.mean()), float(gaussian.mean())
    roots = math.sqrt(squares[0]), math.sqrt(squares[1])
    uncertainty = float(np.std(network - gaussian, ddof=1)) / math.sqrt(len(network))
    # The difference of the roots is that of the squares, divided by the sum of the roots.
    uncertainty /= max(sum(roots), 1e-12)
    return Comparison(*roots, best.width, len(network), uncertainty)
