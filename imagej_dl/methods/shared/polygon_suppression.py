"""Non-maximum suppression of star-convex polygons, as the `stardist` package does it.

The most probable polygon is an object; others that share more than a threshold of their area, or
of its area, with it are suppressed; and so on with the next. Whether a polygon stays depends on
those near it alone, so candidates are looked up by place: the time grows with their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images import memory_maps
from imagej_dl.methods.shared.polygon_overlap import Suppressor, areas, vertices
from imagej_dl.progress import Progress, silent

_AT_ONCE = 8192
"""Polygons whose vertices are in memory at once."""


def survivors(
    points: NDArray[np.integer],
    distances: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    threshold: float,
    progress: Progress = silent,
) -> NDArray[np.intp]:
    """Return the numbers of the polygons that stay, the most probable first.

    Of the same probability the later one comes first.

    Parameters
    ----------
    points : centres (y, x) on whole pixels, (N, 2), none twice.
    distances : from the centre to the outline along the rays, (N, rays), in px, above 0; may be a
        memory map.
    threshold : share of the smaller of two polygons that both may have in common.
    progress : stage "objects", in thousands of polygons.
    """
    return decided(points, distances, probabilities, threshold, progress=progress)[0]


def decided(
    points: NDArray[np.integer],
    distances: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    threshold: float,
    longest: float = 0.0,
    doubtful: NDArray[np.bool_] | None = None,
    progress: Progress = silent,
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the survivors among a part of a plane's polygons, and those that may be some.

    Parameters
    ----------
    longest : the largest distance of all polygons of the plane.
    doubtful : those that others of the plane, which are not given, may suppress; none by default.

    The other parameters are those of :func:`survivors`.

    Returns
    -------
    the numbers of those that stay for certain, the most probable first; and for each polygon
    whether it is in doubt: because of the others, or of one that is in doubt itself.
    """
    order = np.argsort(probabilities, kind="stable")[::-1]
    every = _Candidates.of(points, distances, longest)
    is_open = np.ones(len(points), bool)
    unsure = np.zeros(len(points), bool) if doubtful is None else doubtful.copy()
    kept: list[int] = []
    for start in range(0, len(order), _AT_ONCE):
        progress("objects", start // 1000, len(order) // 1000)
        memory_maps.forget(distances)
        part = order[start : start + _AT_ONCE]
        for number in part[is_open[part]].tolist():
            if not is_open[number]:
                continue
            is_open[number] = False
            if not unsure[number]:
                kept.append(number)
            near = every.near(number, is_open)
            if not len(near):
                continue
            polygon = vertices(points[number : number + 1], distances[number : number + 1])[0]
            one = Suppressor(polygon, every.sizes[number])
            for low in range(0, len(near), one.at_once):
                some = near[low : low + one.at_once]
                others = vertices(points[some], distances[some])
                lost = some[one.suppressed(others, every.sizes[some], threshold)]
                if unsure[number]:
                    unsure[lost] = True
                else:
                    is_open[lost] = False
                    unsure[lost] = False
    progress("objects", len(order) // 1000, len(order) // 1000)
    return np.array(kept, np.intp), unsure


@dataclass(frozen=True)
class _Candidates:
    """Places, boxes and sizes of polygons.

    low, high : corners of their boxes, (N, 2).
    radii : their largest distances.
    sizes : their areas.
    groups : polygons of radii alike, so that few large ones do not make the search wide for all.
    longest : the largest radius.
    """

    points: NDArray[np.integer]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    radii: NDArray[np.float32]
    sizes: NDArray[np.float32]
    groups: list[_Group]
    longest: float

    @classmethod
    def of(
        cls, points: NDArray[np.integer], distances: NDArray[np.float32], longest: float
    ) -> _Candidates:
        count = len(points)
        low, high = np.empty((count, 2), np.int32), np.empty((count, 2), np.int32)
        radii, sizes = np.empty(count, np.float32), np.empty(count, np.float32)
        for start in range(0, count, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            polygons = vertices(points[part], distances[part])
            memory_maps.forget(distances)
            low[part], high[part] = polygons.min(axis=1), polygons.max(axis=1)
            radii[part], sizes[part] = distances[part].max(axis=1), areas(polygons)
        alike = np.ceil(np.log2(np.maximum(radii, 1))).astype(np.int8)
        groups = [
            _Group.of(points, np.flatnonzero(alike == one), radii) for one in np.unique(alike)
        ]
        longest = max(float(radii.max(initial=0)), longest)
        return cls(points, low, high, radii, sizes, groups, longest)

    def near(self, number: int, among: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return those among others whose boxes meet that of a polygon."""
        point, radius = self.points[number], float(self.radii[number])
        near = np.concatenate([group.around(point, radius) for group in self.groups])
        near = near[among[near]]
        meets = (self.low[near] <= self.high[number]) & (self.high[near] >= self.low[number])
        near = near[meets.all(axis=1)]
        # The circle in which `stardist` looks; polygons cut to whole pixels may reach beyond it.
        apart = (self.points[near] - self.points[number]).astype(np.float32)
        reach = np.float32(self.longest) + self.radii[number]
        return near[np.square(apart).sum(axis=1) < reach * reach]


@dataclass(frozen=True)
class _Group:
    """Polygons by their places: row after row, and in a row from left to right."""

    members: NDArray[np.intp]
    keys: NDArray[np.int64]
    shape: tuple[int, int]
    radius: float

    @classmethod
    def of(
        cls, points: NDArray[np.integer], members: NDArray[np.intp], radii: NDArray[np.float32]
    ) -> _Group:
        height, width = (points.max(axis=0) + 1).tolist()
        keys = points[members, 0].astype(np.int64) * width + points[members, 1]
        order = np.argsort(keys, kind="stable")
        radius = float(radii[members].max())
        return cls(members[order], keys[order], (height, width), radius)

    def around(self, point: NDArray[np.integer], radius: float) -> NDArray[np.intp]:
        """Return the members whose polygons may meet one of that centre and radius."""
        height, width = self.shape
        reach = int(self.radius + radius) + 2
        y, x = point.tolist()
        rows = np.arange(max(y - reach, 0), min(y + reach + 1, height)) * width
        first = np.searchsorted(self.keys, rows + max(x - reach, 0))
        count = np.searchsorted(self.keys, rows + min(x + reach, width - 1), "right") - first
        ends = np.cumsum(count)
        return self.members[np.arange(ends[-1]) + np.repeat(first - ends + count, count)]
