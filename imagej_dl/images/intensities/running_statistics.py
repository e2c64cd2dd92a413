"""Statistics of the intensities of many planes, without holding a movie in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_KEPT = 2**24
"""Maximum number of floats that are kept; of more, an even sample suffices for percentiles."""


class RunningStatistics:
    """Statistics of pixels: exact for 8 and 16 bits, for floats of a sample of 16 million."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)
        self._floats: list[NDArray] = []
        self._step = 1
        self._sum, self._number = 0.0, 0

    def add(self, plane: NDArray) -> None:
        """Count the pixels of a plane; all planes are of one type."""
        self._sum += float(plane.sum(dtype=np.float64))
        self._number += plane.size
        if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2:
            counts = np.bincount(plane.ravel(), minlength=len(self._counts))
            counts[: len(self._counts)] += self._counts
            self._counts = counts
            return
        self._floats.append(plane.ravel()[:: self._step].copy())
        while sum(part.size for part in self._floats) > _KEPT:
            self._step *= 2
            self._floats = [part[::2].copy() for part in self._floats]

    def mean(self) -> float:
        """Return the mean of all pixels."""
        return self._sum / max(self._number, 1)

    def percentiles(self, at: Sequence[float]) -> list[float]:
        """Return percentiles, interpolated linearly as NumPy does."""
        if self._floats:
            return [float(p) for p in np.percentile(np.concatenate(self._floats), at)]
        below = np.cumsum(self._counts)
        place = np.asarray(at) / 100 * (below[-1] - 1)
        first = np.searchsorted(below, np.floor(place), "right")
        second = np.searchsorted(below, np.ceil(place), "right")
        return [float(v) for v in first + (second - first) * (place - np.floor(place))]

    def shares(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the intensities that occur, and the fraction of pixels that are not above each.

        The darkest has the fraction 0, the brightest 1 (cumulative histogram).
        """
        if self._floats:
            values, counts = np.unique(np.concatenate(self._floats), return_counts=True)
        else:
            values = np.flatnonzero(self._counts)
            counts = self._counts[values]
        below = np.cumsum(counts)
        spread = max(int(below[-1] - below[0]), 1)
        return values.astype(np.float64), (below - below[0]) / spread
