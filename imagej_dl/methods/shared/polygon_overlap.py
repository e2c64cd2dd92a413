"""Polygons on whole pixels, and whether they overlap by more than a share of the smaller one.

Non-maximum suppression asks this of many pairs. It is answered as the `stardist` package answers
it: vertices are cut to whole pixels, and the library Clipper gives the area that two polygons
share, with the rounding of its own. Clipper takes some 25 µs a pair; so it is asked only where an
estimate, which takes 1 µs, is near the threshold.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-10
_LARGEST = 2**22
"""Px of a polygon's box above which nothing is estimated: that takes a table of this size."""
_PIECES = 2**19
"""Pieces of edges that are worked on at once, about."""


def vertices(points: NDArray[np.integer], distances: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the vertices (y, x) of star-convex polygons on whole pixels, (K, rays, 2).

    Parameters
    ----------
    points : their centres (y, x), (K, 2).
    distances : from the centre to the vertices, (K, rays), in px.
    """
    rays = distances.shape[1]
    # The angles in single precision and all else in double, as `stardist` computes them.
    angles = np.arange(rays, dtype=np.float32) * np.float32(2 * np.pi / rays)
    ways = np.array((np.sin(angles, dtype=np.float64), np.cos(angles, dtype=np.float64))).T
    places = points[:, None] + distances.astype(np.float64)[..., None] * ways
    return places.astype(np.float32).astype(np.int64)


def areas(polygons: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the areas of polygons (K, vertices, 2) in px, with `stardist`'s single precision."""
    y, x = polygons[..., 0], polygons[..., 1]
    crossed = x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)
    summed = np.add.accumulate(crossed.astype(np.float32), axis=1)[:, -1]
    return np.float32(0.5) * np.abs(summed)


class Suppressor:
    """A polygon, and which others it overlaps too much to be another object.

    Parameters
    ----------
    polygon : vertices (rays, 2).
    area : of it, as :func:`areas` gives it.
    """

    def __init__(self, polygon: NDArray[np.int64], area: np.float32) -> None:
        self.polygon, self.area = polygon, area
        self.low, self.high = polygon.min(axis=0), polygon.max(axis=0)

    @property
    def at_once(self) -> int:
        """Number of others that it is best compared with at once."""
        return max(_PIECES // max(int(self.high[0] - self.low[0]), 1), 64)

    def suppressed(
        self, others: NDArray[np.int64], sizes: NDArray[np.float32], threshold: float
    ) -> NDArray[np.bool_]:
        """Return which others share more than `threshold` of the smaller polygon with it.

        Parameters
        ----------
        others : vertices (K, rays, 2).
        sizes : their areas.
        """
        smaller = np.minimum(sizes, self.area) + _TINY
        if np.prod(self.high - self.low) > _LARGEST:
            shared = np.array([self._clipped(other) for other in others])
            return (shared / smaller).astype(np.float32) > np.float32(threshold)
        shared = self._estimated(others)
        # Clipper puts each corner of what two polygons share on a whole pixel, so it differs by a
        # share of their outlines: by up to 0.36 px for each px of height and width of the smaller
        # polygon's box, seen in 200 000 pairs.
        own = np.sum(self.high - self.low)
        sides = np.minimum((others.max(axis=1) - others.min(axis=1)).sum(axis=1), own)
        margin = 0.6 * sides + 1
        wanted = threshold * smaller
        for near in np.flatnonzero(np.abs(shared - wanted) <= margin):
            shared[near] = self._clipped(others[near])
        return (shared / smaller).astype(np.float32) > np.float32(threshold)

    def _estimated(self, others: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return about what area it shares with others.

        That is the area of this polygon that lies to the left of the right edges of another less
        that to the left of its left edges: summed over the rows of pixels, along their middles.
        """
        sign, row, x, edge = _strips(others, int(self.low[0]), int(self.high[0]))
        width = self._left.shape[1] - 1
        x = np.clip(x - self.low[1], 0, width)
        column = x.astype(np.intp)
        flat = self._left.ravel()
        index = (row - self.low[0]) * (width + 1) + column
        here = flat[index]
        there = flat[np.minimum(index + 1, flat.size - 1)] if flat.size else here
        inside = here + (x - column) * (there - here)
        number = edge // others.shape[1]
        return np.abs(np.bincount(number, sign * inside, minlength=len(others)))

    @cached_property
    def _left(self) -> NDArray[np.float64]:
        """Length of each of its rows of pixels to the left of each column's left edge, in px."""
        height, width = (self.high - self.low).tolist()
        sign, row, x, _ = _strips(self.polygon[None], int(self.low[0]), int(self.high[0]))
        columns = np.arange(width + 1) + self.low[1]
        left = np.zeros((height, width + 1))
        np.add.at(left, row - self.low[0], sign[:, None] * np.maximum(columns - x[:, None], 0))
        return left

    def _clipped(self, other: NDArray[np.int64]) -> np.float32:
        """Return the area that it shares with another, by Clipper."""
        import pyclipper

        clipper = pyclipper.Pyclipper()
        try:
            clipper.AddPath(self.polygon[:, ::-1].tolist(), pyclipper.PT_CLIP, True)
            clipper.AddPath(other[:, ::-1].tolist(), pyclipper.PT_SUBJECT, True)
        except pyclipper.ClipperException:  # one has no area
            return np.float32(0)
        rule = pyclipper.PFT_NONZERO
        found = clipper.Execute(pyclipper.CT_INTERSECTION, rule, rule)
        shared = np.float32(0)
        for path in found:
            shared += areas(np.array(path)[None])[0]
        return shared


def _strips(
    polygons: NDArray[np.int64], low: int, high: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.intp]]:
    """Cut the edges of polygons (K, vertices, 2) at each row of pixels from `low` to `high`.

    Returns
    -------
    of each piece: 1 if it goes down and -1 if up; its row; x at the row's middle; number of its
    edge, counted over all polygons.
    """
    y0, x0 = polygons[..., 0].ravel(), polygons[..., 1].ravel()
    y1, x1 = (np.roll(polygons[..., axis], -1, 1).ravel() for axis in (0, 1))
    rise = y1 - y0
    first = np.maximum(np.minimum(y0, y1), low)
    count = np.maximum(np.minimum(np.maximum(y0, y1), high) - first, 0)
    slope = (x1 - x0) / np.where(rise == 0, 1, rise)
    edge = np.repeat(np.arange(len(y0)), count)
    row = np.arange(len(edge)) + np.repeat(first - np.cumsum(count) + count, count)
    x = (x0 + (0.5 - y0) * slope)[edge] + row * slope[edge]
    return np.sign(rise)[edge], row, x, edge
