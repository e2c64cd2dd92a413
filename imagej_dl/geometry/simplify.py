"""TrackMate's simplified contours: points every two pixels, Douglas-Peucker, whole pixels.

The steps and their arithmetic (double and single precision, rounding) are those of TrackMate's
`MaskUtils.simplify` and ImageJ's `Roi.getInterpolatedPolygon`, for many polygons at once, since
the spots' positions, and through them the links, hang on the last bit of them.

So is what goes wrong in them. ImageJ walks along an outline in steps whose ends it computes by sine
and cosine: on the top or left edge of the image they come to lie some 1e-16 px outside, which is
rounded down to -1. The whole polygon is then one px too far up, or too far left. This is kept, as
TrackMate's own spots lie there as well.
"""

from __future__ import annotations

import numpy as np

from imagej_dl.geometry import rasterize
from imagej_dl.geometry.contours import Polygons
from imagej_dl.geometry.javamath import atan2

INTERVAL = 2.0
"""Distance of the points along the outline, in pixels."""
TOLERANCE = 0.5
"""Largest distance of a left-out point from the simplified outline, in pixels."""


def simplify(outlines: Polygons) -> tuple[Polygons, np.ndarray]:
    """Simplify traced outlines.

    Returns
    -------
    polygons : whole pixel corners, one polygon for each outline.
    areas : number of pixels in each, as ImageJ fills it: TrackMate's spot quality. It is 0 for
        objects that shrink to nothing; TrackMate makes no spot of those.
    """
    fine = _resample(outlines)
    coarse = _douglas_peucker(fine)
    low = _per_polygon(np.minimum, coarse)
    high = _per_polygon(np.maximum, coarse)
    relative = coarse.points - low[coarse.owners]
    whole = np.floor(relative.astype(float) + 0.5) + np.floor(low[coarse.owners])
    extent = np.ceil(high - low).astype(int)
    areas = _count_pixels(Polygons(relative.astype(float), coarse.offsets), extent)
    areas[coarse.sizes < 3] = 0
    return Polygons(whole, coarse.offsets), areas


def as_traced(outlines: Polygons) -> tuple[Polygons, np.ndarray]:
    """Return outlines as they are, and the number of pixels in each, holes filled."""
    low = _per_polygon(np.minimum, outlines)
    extent = _per_polygon(np.maximum, outlines) - low
    relative = (outlines.points - low[outlines.owners]).astype(float)
    areas = _count_pixels(Polygons(relative, outlines.offsets), extent)
    return Polygons(outlines.points.astype(float), outlines.offsets), areas


def _count_pixels(polygons: Polygons, extent: np.ndarray) -> np.ndarray:
    """Count the pixels that ImageJ fills in each polygon.

    Each begins at 0, 0; `extent` is (number of polygons, 2), width and height of its mask.
    """
    x, y = polygons.points.T
    boxes = np.concatenate([np.zeros_like(extent), extent], axis=1)
    owners = np.arange(len(polygons))
    outlines = rasterize.Outlines(x, y, polygons.sizes, owners, boxes)
    runs = rasterize.fill(outlines, trusted=True)
    return np.bincount(runs.owner, runs.lengths, len(polygons)).astype(int)


def _per_polygon(function: np.ufunc, polygons: Polygons) -> np.ndarray:
    if not len(polygons):
        return np.zeros((0, 2), polygons.points.dtype)
    return function.reduceat(polygons.points, polygons.offsets[:-1])


def _resample(outlines: Polygons) -> Polygons:
    """Walk along each closed outline with circles of radius INTERVAL round the last point."""
    points, after = outlines.points.astype(float), outlines.following
    first = outlines.offsets[:-1]
    alive = np.arange(len(outlines))
    source = first.copy()
    here, centre = points[first], points[first]
    owners, found = [alive], [points[first]]
    while alive.size:
        target = points[after[source]]
        crossed, at = _first_crossing(here, target, centre)
        owners.append(alive[crossed])
        found.append(at[crossed])
        here = np.where(crossed[:, None], at, target)
        centre = np.where(crossed[:, None], at, centre)
        source = np.where(crossed, source, after[source])
        running = crossed | (source != first[alive])
        alive, source = alive[running], source[running]
        here, centre = here[running], centre[running]
    single = np.concatenate(found).astype(np.float32)
    return Polygons.group(np.concatenate(owners), single, len(outlines))


def _first_crossing(
    a: np.ndarray, b: np.ndarray, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find where the way from a to b first meets the circle round `centre`, as ImageJ does."""
    to_centre, way = centre - a, b - a
    distance = np.sqrt(to_centre[:, 0] ** 2 + to_centre[:, 1] ** 2)
    length = np.sqrt(way[:, 0] ** 2 + way[:, 1] ** 2)
    angle = atan2(way[:, 1], way[:, 0])
    between = angle - atan2(to_centre[:, 1], to_centre[:, 0])
    along, aside = distance * np.cos(between), distance * np.sin(between)
    half = np.sqrt(np.maximum(INTERVAL * INTERVAL - aside * aside, 0.0))
    near, far = along - half, along + half
    meets = np.abs(aside) <= INTERVAL
    near_in = meets & (near >= 0) & (near <= length)
    far_in = meets & (far >= 0) & (far <= length)
    step = np.where(near_in, near, far)
    at = np.stack([np.cos(angle) * step + a[:, 0], np.sin(angle) * step + a[:, 1]], axis=1)
    return near_in | far_in, at


def _douglas_peucker(fine: Polygons) -> Polygons:
    """Drop points nearer than TOLERANCE to the line between those that stay.

    TrackMate's variant: the part before the farthest point ends one point before it.
    """
    points = fine.points.astype(float)
    kept = np.zeros(len(points), bool)
    first, last = fine.offsets[:-1], fine.offsets[1:] - 1
    while first.size:
        split = _farthest(points, first, last)
        done = split < 0
        kept[first[done]] = kept[last[done]] = True
        first, last, split = first[~done], last[~done], split[~done]
        first, last = np.concatenate([first, split]), np.concatenate([split - 1, last])
    sizes = np.bincount(fine.owners[kept], minlength=len(fine))
    return Polygons(fine.points[kept], np.concatenate([[0], np.cumsum(sizes)]))


def _farthest(points: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Find the first of the farthest points of each run beyond the tolerance; -1 without one."""
    split = np.full(len(first), -1)
    counts = last - first - 1
    runs = np.flatnonzero(counts > 0)
    if not runs.size:
        return split
    counts = counts[runs]
    begin = np.concatenate([[0], np.cumsum(counts)[:-1]])
    run = np.repeat(runs, counts)
    index = np.arange(counts.sum()) - np.repeat(begin, counts) + first[run] + 1
    distance = _to_segment(points[index], points[first[run]], points[last[run]])
    farthest = np.maximum.reduceat(distance, begin)
    best = np.where(distance == np.repeat(farthest, counts), index, len(points))
    chosen = np.minimum.reduceat(best, begin)
    split[runs] = np.where(farthest > TOLERANCE, chosen, -1)
    return split


def _to_segment(p: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
    way = w - v
    squared = way[:, 0] ** 2 + way[:, 1] ** 2
    part = (p[:, 0] - v[:, 0]) * way[:, 0] + (p[:, 1] - v[:, 1]) * way[:, 1]
    t = np.clip(np.divide(part, squared, out=np.zeros_like(part), where=squared > 0), 0.0, 1.0)
    foot = np.where((t == 1.0)[:, None], w, v + t[:, None] * way)
    return np.sqrt((p[:, 0] - foot[:, 0]) ** 2 + (p[:, 1] - foot[:, 1]) ** 2)
