"""Which pixels ImageJ fills inside an outline, for many ROIs at once.

ImageJ's PolygonFiller goes down the scan lines, keeps for each edge the x at which it crosses
the line through the pixels' centres, and fills between the sorted crossings of each line. Here
all crossings of all edges of all ROIs are made at once, sorted by (ROI, line, x) in one sort,
and taken in pairs. An edge's x grows by its slope from line to line, as in ImageJ, so that
rounding is the same: the result is equal to the last pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.rois.outlines import Outlines

Ints = NDArray[np.int64]
_CHUNK = 4_000_000  # crossings at a time
_MOST = 10_000_000  # crossings of one ROI: no hand-drawn or traced outline comes near
MOST_RUNS = 200_000_000  # lines of all ROIs together; more would not fit the memory
_TO_PIXEL = 1e-8  # added to x, so that an edge on a pixel's centre leaves it outside


@dataclass(frozen=True)
class Runs:
    """Filled pixels as runs along x: pixels x1 … x2−1 of line y belong to ROI `owner`.

    Sorted by owner, then y, then x1; coordinates are those of the image.
    """

    owner: Ints
    y: Ints
    x1: Ints
    x2: Ints

    @property
    def lengths(self) -> Ints:
        return self.x2 - self.x1

    def clip(self, height: int, width: int) -> Runs:
        """Return what lies on an image of this size."""
        x1, x2 = np.maximum(self.x1, 0), np.minimum(self.x2, width)
        inside = (self.y >= 0) & (self.y < height) & (x1 < x2)
        if inside.all():
            return Runs(self.owner, self.y, x1, x2)
        return Runs(self.owner[inside], self.y[inside], x1[inside], x2[inside])

    @staticmethod
    def join(parts: list[Runs]) -> Runs:
        """Return the runs of several fillings, sorted by owner again."""
        if len(parts) == 1:
            return parts[0]
        fields = ("owner", "y", "x1", "x2")
        joined = [np.concatenate([getattr(part, name) for part in parts]) for name in fields]
        order = np.argsort(joined[0], kind="stable")
        return Runs(*(values[order] for values in joined))


NO_RUNS = Runs(*(np.zeros(0, np.int64),) * 4)


def polygons(shapes: Outlines, height: int | None = None) -> Runs:
    """Fill outlines, even-odd, by ImageJ's rule.

    Parameters
    ----------
    shapes : rings relative to the boxes of their ROIs.
    height : lines below this one, and above the image, are left out; None for all lines.

    Raises
    ------
    UserError : when one outline crosses the lines tens of millions of times.
    """
    edges = _edges(shapes, height)
    if not len(edges.rows):
        return NO_RUNS
    per_roi = np.bincount(edges.owner, edges.rows, len(shapes.boxes))
    if per_roi.max() > _MOST:
        raise UserError(
            f"a ROI with {len(edges.rows)} edges is too large to fill",
            remedy="Draw it anew in ImageJ, or take its Edit > Selection > Convex Hull.",
        )
    if per_roi.sum() > 2 * MOST_RUNS:
        raise UserError("there are too many ROIs, or too large ones, to fill")
    # the running sum goes by owner, so that a chunk holds whole ROIs
    group = (np.cumsum(per_roi) // _CHUNK).astype(np.int64)[edges.owner]
    parts = [_fill(edges.take(group == g), shapes.boxes, height) for g in np.unique(group)]
    return Runs.join(parts)


@dataclass(frozen=True)
class _Edges:
    owner: Ints
    x: NDArray[np.float64]  # where the edge crosses its first line
    slope: NDArray[np.float64]
    first: Ints  # first line
    rows: Ints  # number of lines

    def take(self, which: NDArray[np.bool_] | Ints) -> _Edges:
        if which.dtype == bool and which.all():
            return self
        return _Edges(
            self.owner[which], self.x[which], self.slope[which], self.first[which], self.rows[which]
        )


def _edges(shapes: Outlines, height: int | None) -> _Edges:
    x, y, size = shapes.x, shapes.y, shapes.ring_size
    # next point, the last of a ring being followed by its first
    ends = np.cumsum(size)
    full = size > 0
    last_points, first_points = ends[full] - 1, (ends - size)[full]
    line = _round(y)
    next_line = np.empty_like(line)
    next_line[:-1] = line[1:]
    next_line[last_points] = line[first_points]
    # most edges of hand-drawn outlines cross no line and are gone here
    start = np.flatnonzero((line != next_line) & ((line > 0) | (next_line > 0)))
    follow = np.arange(1, len(x) + 1)
    follow[last_points] = first_points
    end = follow[start]
    up = line[start] > line[end]
    owner = np.repeat(shapes.ring_owner, size)[start]
    start, end = np.where(up, end, start), np.where(up, start, end)
    x1, y1, first = x[start], y[start], line[start]
    x2, y2, last = x[end], y[end], line[end]
    slope = (x2 - x1) / (y2 - y1)
    at = x1 + (first - y1 + 0.5) * slope + _TO_PIXEL
    above = first < 0
    if above.any():
        at = np.where(above, at + slope * (0.0 - first), at)
        first = np.maximum(first, 0)
    bottom = shapes.boxes[:, 3]
    if height is not None:
        bottom = np.minimum(bottom, height - shapes.boxes[:, 1])
    rows = (np.minimum(last, bottom[owner]) - first).astype(np.int64)
    edges = _Edges(owner, at, slope, first.astype(np.int64), rows)
    return edges if (rows > 0).all() else edges.take(rows > 0)


def _fill(edges: _Edges, boxes: Ints, height: int | None) -> Runs:
    widest = int(boxes[edges.owner, 2].max()) + 1
    top = np.maximum(-boxes[:, 1], 0) if height is not None else np.zeros(len(boxes), np.int64)
    lines = boxes[:, 3].copy()
    if height is not None:
        lines = np.minimum(lines, height - boxes[:, 1])
    present = np.zeros(len(boxes), bool)
    present[edges.owner] = True
    lines[~present] = 0
    base = np.cumsum(lines) - lines
    if (float(lines.sum()) + 1) * widest > 2**62:
        raise UserError("ROIs of impossible sizes", remedy="Check them in ImageJ.")
    keys = []
    for part, steps, x in _crossings(edges):
        owner = edges.owner[part]
        pixel = np.clip(np.floor(x + 0.5), 0, boxes[owner, 2]).astype(np.int64)
        line = edges.first[part] + steps
        key = (base[owner] + line) * widest + pixel
        keys.append(key if height is None else key[line >= top[owner]])
    key = np.concatenate(keys)
    key.sort()
    line, pixel = np.divmod(key, widest)
    filled = pixel[1::2] > pixel[::2]
    line, x1, x2 = line[::2][filled], pixel[::2][filled], pixel[1::2][filled]
    owner = np.searchsorted(base + lines, line, side="right")
    left = boxes[owner, 0]
    return Runs(owner, line - base[owner] + boxes[owner, 1], x1 + left, x2 + left)


def _crossings(edges: _Edges) -> Iterator[tuple[Ints, Ints, NDArray[np.float64]]]:
    """Yield (edge, line after its first, x) of all crossings, edges of like height together."""
    ceiling = 1
    pending = np.arange(len(edges.rows))
    while len(pending):
        here = edges.rows[pending] <= ceiling
        part, pending = pending[here], pending[~here]
        room = max(_CHUNK // ceiling, 1)
        for start in range(0, len(part), room):
            some = part[start : start + room]
            x = np.empty((len(some), ceiling))
            x[:, 0] = edges.x[some]
            x[:, 1:] = edges.slope[some, None]
            np.add.accumulate(x, axis=1, out=x)
            inside = np.arange(ceiling) < edges.rows[some, None]
            row, step = np.nonzero(inside)
            yield some[row], step, x[inside]
        ceiling = ceiling + 1 if ceiling < 4 else ceiling * 2


def _round(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Java's Math.round: halves go up, exactly
    down = np.floor(values)
    return down + (values - down >= 0.5)
