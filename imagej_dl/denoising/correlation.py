"""Correlation of the noise: whether neighbouring pixels of the background deviate together.

A network with blind spots takes for signal whatever can be predicted from the neighbours: noise
that is correlated stays in the image. It is measured where the image is flattest, as what is left
of small blocks after a smooth surface is fitted to each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

SIDE = 16
"""Height and width of a block in px."""
LAGS = 8
"""Largest distance in px that is looked at; half a block."""
FEWEST = 16
"""Blocks below which nothing is said."""
_SHARE = 0.25
"""Share of the blocks that counts, the flattest ones."""
_RELEVANT = 0.1
"""Correlation from which on a network would learn to predict the noise."""
_CLEAR = 3.0
"""Standard errors by which it must be above that."""
_SMOOTH = 1.5
"""Ratio of the correlations at 1 px and 2 px below which they are of structure."""
_SLOW = 2.0
"""The same, below which they are of structure if there is white noise upon it."""
_ROUNDING = 1e-9
"""Share of the variance of a block that float32 may make up."""
_MOST_BLOCKS = 20_000
_CLIP = 3.5  # robust standard deviations beyond which a pixel does not pull the surface


@dataclass(frozen=True)
class Along:
    """Correlation of neighbours in one direction.

    values : of pixels 1 px, 2 px … apart.
    errors : their standard errors, over the blocks.
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]

    @property
    def length(self) -> int:
        """Distance in px up to which the noise is correlated, beyond doubt; 0 if it is not."""
        pairs = zip(self.values, self.errors, strict=True)
        clear = [value - _CLEAR * error > _RELEVANT for value, error in pairs]
        return clear.index(False) if False in clear else len(clear)


@dataclass(frozen=True)
class NoiseCorrelation:
    """Correlation of the noise along x (horizontal) and y (vertical), of so many blocks.

    diagonal : correlation of diagonal neighbours.
    """

    horizontal: Along
    vertical: Along
    diagonal: float
    blocks: int

    @property
    def is_structure(self) -> bool:
        """True if the neighbours go together as they do where the image has structure.

        That is in all directions, and with the distance decreasing slowly: as much as the fitted
        surfaces leave of anything smooth, or less so below a part that is not correlated, which
        is white noise upon structure. Noise that was blurred widely looks like this, too, so
        nothing can be said of it.
        """
        sides = (self.horizontal, self.vertical)
        if any(side.values[0] < _RELEVANT for side in sides) or self.diagonal < _RELEVANT / 2:
            return False
        return all(_is_of_structure(*side.values[:2]) for side in sides)

    @property
    def lengths(self) -> tuple[int, int]:
        """Distances (vertical, horizontal) in px up to which the noise is correlated."""
        if self.is_structure:
            return 0, 0
        return self.vertical.length, self.horizontal.length

    @property
    def kernel(self) -> NDArray[np.bool_]:
        """The pixels whose noise goes together with that of the one in the middle, and it.

        A line, a cross, or where diagonal neighbours are correlated, too, a rectangle.
        """
        down, across = self.lengths
        found = np.zeros((2 * down + 1, 2 * across + 1), bool)
        found[down], found[:, across] = True, True
        if down and across and self.diagonal > _RELEVANT:
            found[:] = True
        return found

    def words(self) -> str | None:
        """Return in words, without a full stop, how the noise is correlated; None if it is not."""
        parts = []
        for name, along, length in zip(
            ("vertically", "horizontally"),
            (self.vertical, self.horizontal),
            self.lengths,
            strict=True,
        ):
            if length:
                reach = f"{length} px or more" if length == LAGS else f"{length} px"
                parts.append(f"{name} ({along.values[0]:.2f} between neighbours, up to {reach})")
        return f"the noise is correlated {' and '.join(parts)}" if parts else None

    def record(self) -> dict[str, list[float] | int]:
        """Return what metrics.json keeps."""
        found: dict[str, list[float] | int] = {"blocks": self.blocks}
        for name, along in (("horizontal", self.horizontal), ("vertical", self.vertical)):
            found[name] = [round(value, 3) for value in along.values]
            found[f"{name}_errors"] = [round(error, 3) for error in along.errors]
        return found


def noise_correlation(planes: Iterable[NDArray]) -> NoiseCorrelation | None:
    """Measure the correlation of the noise in the flattest parts of planes of one kind.

    Parameters
    ----------
    planes : each (Y, X), of the same channel. Blocks with pixels that are not finite do not count,
        nor those in which most pixels have one value: they are saturated, cut off, or coarser than
        their noise.

    Returns
    -------
    the correlation; None where too few blocks are left.
    """
    planes = list(planes)
    most = max(1, _MOST_BLOCKS // max(1, len(planes)))
    found = [_blocks(plane, most) for plane in planes]
    blocks = np.concatenate(found) if found else np.empty((0, SIDE * SIDE))
    residuals = _residuals(blocks)
    variances = np.square(residuals).sum(axis=1) / (SIDE * SIDE - _surface().shape[1])
    # What is left of a computed ramp is rounding, no noise.
    there = variances > _ROUNDING * np.square(blocks).mean(axis=1)
    residuals, variances = residuals[there], variances[there]
    count = max(FEWEST, round(_SHARE * len(residuals)))
    # Of a few blocks at least every second is left aside, as objects are anywhere.
    if len(residuals) < 2 * FEWEST:
        return None
    flattest = np.argsort(variances, kind="stable")[:count]
    residuals, variances = residuals[flattest], variances[flattest]
    return NoiseCorrelation(
        horizontal=_along(residuals, variances, 0, 1),
        vertical=_along(residuals, variances, 1, 0),
        diagonal=_pairs(residuals, variances, 1, 1)[0],
        blocks=len(residuals),
    )


def _is_of_structure(first: float, second: float) -> bool:
    """Tell if correlations at 1 px and 2 px are of something smooth, with white noise or not."""
    if second <= 0 or first / second > _SLOW:
        return False
    # As of a Gaussian, whose logarithm decreases with the square of the distance.
    at_none = first * (first / second) ** (1 / 3)
    return first / second < _SMOOTH or at_none < 0.9


def _blocks(plane: NDArray, most: int) -> NDArray[np.float64]:
    """Cut a plane into blocks, (n, SIDE²), evenly over the plane if there are more than `most`."""
    rows, columns = (length // SIDE for length in plane.shape)
    count = rows * columns
    chosen = np.linspace(0, count - 1, most).astype(int) if count > most else range(count)
    # One by one, as a plane may be a large file in memory.
    corners = ((SIDE * (i // columns), SIDE * (i % columns)) for i in chosen)
    found = [plane[y : y + SIDE, x : x + SIDE].ravel() for y, x in corners]
    blocks = np.array(found, np.float64).reshape(-1, SIDE * SIDE)
    blocks = blocks[np.isfinite(blocks).all(axis=1)]
    middle = np.median(blocks, axis=1, keepdims=True)
    blocks = blocks[(blocks == middle).mean(axis=1) < 0.5]
    return blocks - blocks.mean(axis=1, keepdims=True)


@cache
def _surface() -> NDArray[np.float64]:
    """Return an orthonormal basis, (SIDE², 6), of the surfaces of second order."""
    x = np.linspace(-1, 1, SIDE)
    powers = [np.outer(x**i, x**j).ravel() for i in range(3) for j in range(3 - i)]
    return np.linalg.qr(np.stack(powers, axis=1))[0]


def _residuals(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what blocks differ by from a smooth surface, single bright or dark pixels clipped."""
    basis = _surface()
    residuals = blocks - (blocks @ basis) @ basis.T
    spread = 1.4826 * np.median(np.abs(residuals), axis=1, keepdims=True)
    clipped = blocks - residuals + np.clip(residuals, -_CLIP * spread, _CLIP * spread)
    return clipped - (clipped @ basis) @ basis.T


def _along(residuals: NDArray, variances: NDArray, dy: int, dx: int) -> Along:
    """Measure the correlation along the direction of a step (dy, dx)."""
    found = [_pairs(residuals, variances, n * dy, n * dx) for n in range(1, LAGS + 1)]
    return Along(tuple(value for value, _ in found), tuple(error for _, error in found))


def _pairs(residuals: NDArray, variances: NDArray, dy: int, dx: int) -> tuple[float, float]:
    """Return the correlation of pixels that far apart, and its standard error over the blocks."""
    # What the fitted surface takes away makes even white noise look correlated, negatively.
    sums = _products(residuals, dy, dx) / variances - _expected(dy, dx)
    found = sums / ((SIDE - dy) * (SIDE - dx))
    # The median, as a block with an object in it would weigh more than all others in a mean.
    middle = float(np.median(found))
    spread = 1.4826 * float(np.median(np.abs(found - middle)))
    return middle, float(1.2533 * spread / np.sqrt(len(found)))


def _products(blocks: NDArray, dy: int, dx: int) -> NDArray:
    """Sum the products of pixels that far apart, in each block."""
    grid = blocks.reshape(-1, SIDE, SIDE)
    first, second = grid[:, : SIDE - dy, : SIDE - dx], grid[:, dy:, dx:]
    return (first * second).sum(axis=(1, 2))


@cache
def _expected(dy: int, dx: int) -> float:
    """Return the sum of products that is left of white noise of variance 1."""
    return -float(_products(_surface().T, dy, dx).sum())
