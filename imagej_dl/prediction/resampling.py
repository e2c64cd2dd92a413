"""Resampling of planes along each axis, pixel for pixel the same however the plane is cut.

Pixels are squares: pixel i of an axis covers i … i + 1 of it, and its centre lies at i + ½. An axis
of n pixels resampled to m has the same ends, so that the centre of the new pixel j lies at
(j + ½) · n / m. Nothing is shifted, by no fraction of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Kernel:
    """Weight of a pixel by its distance.

    function : of the distance in px of the axis that is resampled.
    reach : distance from which on it is 0.
    widening : where the axis shrinks, how many times its new pixels the kernel is wide, at least
        as wide as it is.
    """

    function: Callable[[NDArray], NDArray]
    reach: float
    widening: float = 1.0


def _cubic(x: NDArray) -> NDArray:
    """Catmull-Rom: keeps the pixels where nothing is resampled."""
    return np.where(
        x < 1, (1.5 * x - 2.5) * x**2 + 1, np.where(x < 2, ((2.5 - 0.5 * x) * x - 4) * x + 2, 0.0)
    )


def _linear(x: NDArray) -> NDArray:
    return np.maximum(1 - x, 0)


def _gaussian(x: NDArray) -> NDArray:
    return np.exp(-0.5 * (x / _SMOOTH) ** 2)


# Sigma in px. Of ellipses drawn at one scale and brought to 2.3 and 4 times it, .7 keeps most of
# the true shape (IoU .94 at a radius of 6 px; .92 of nearest neighbours); at .3, .5 and .75 times
# it, .3 of the new pixels does.
_SMOOTH = 0.7

CUBIC = Kernel(_cubic, 2.0)
"""For intensities: sharp; may overshoot at edges."""
LINEAR = Kernel(_linear, 1.0)
"""For probabilities: stays between the values, and keeps their sum."""
SMOOTH = Kernel(_gaussian, 4 * _SMOOTH, 0.3 / _SMOOTH)
"""For masks: smooth, and keeps the sum of several."""


@dataclass(frozen=True)
class Weights:
    """Pixels of an axis as weighted sums of those of the former axis.

    index : the pixels each is made of, (new, taps).
    share : their weights, float32 (new, taps), which sum to 1.
    """

    index: NDArray[np.intp]
    share: NDArray[np.float32]

    def part(self, low: int, high: int) -> tuple[int, int, Weights]:
        """Return the former pixels, from and to, of which those of `low` to `high` are made.

        The weights for these alone come with them.
        """
        index, share = self.index[low:high], self.share[low:high]
        begin, end = int(index.min()), int(index.max()) + 1
        return begin, end, Weights(index - begin, share)

    def dense(self, begin: int, end: int) -> NDArray[np.float32]:
        """Return the weights of the former pixels `begin` to `end`, (new, end - begin).

        Those of others are left out: there is nothing.
        """
        matrix = np.zeros((len(self.index), end - begin), np.float32)
        inside = (self.index >= begin) & (self.index < end)
        rows = np.broadcast_to(np.arange(len(self.index))[:, None], self.index.shape)
        np.add.at(matrix, (rows[inside], self.index[inside] - begin), self.share[inside])
        return matrix


@lru_cache(maxsize=32)
def weights(before: int, after: int, kernel: Kernel) -> Weights:
    """Return how an axis of `before` pixels is resampled to `after`.

    Where it shrinks, the kernel is as many times wider, which keeps finer structures than the new
    pixels from coming back as coarse ones (anti-aliasing). Beyond its ends the axis is mirrored.
    """
    step = before / after
    wide = max(step * kernel.widening, 1.0)
    reach = kernel.reach * wide
    centre = (np.arange(after) + 0.5) * step - 0.5
    first = np.ceil(centre - reach).astype(np.intp)
    index = first[:, None] + np.arange(int(2 * reach) + 1)
    distance = np.abs(index - centre[:, None])
    share = np.where(distance <= reach, kernel.function(distance / wide), 0.0)
    share /= share.sum(axis=1, keepdims=True)
    index %= 2 * before
    index = np.where(index < before, index, 2 * before - 1 - index)
    return Weights(index, share.astype(np.float32))


def resampled(part: NDArray, rows: Weights, columns: Weights) -> NDArray[np.float32]:
    """Resample pixels (Y, X, …) along both axes."""
    return _along(_along(np.asarray(part, np.float32), rows, 0), columns, 1)


def _along(values: NDArray[np.float32], by: Weights, axis: int) -> NDArray[np.float32]:
    shape = [1] * values.ndim
    shape[axis] = -1
    total: NDArray[np.float32] | None = None
    # One tap after the other: the same sum, in the same order, for each pixel of any part.
    for tap in range(by.index.shape[1]):
        one = np.take(values, by.index[:, tap], axis=axis)
        one *= by.share[:, tap].reshape(shape)
        total = one if total is None else np.add(total, one, out=total)
    assert total is not None, "a kernel has taps"
    return total
