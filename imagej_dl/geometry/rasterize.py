"""Filling of polygons by ImageJ's rule, for many outlines at once.

ImageJ's PolygonFiller goes down the rows of pixels, keeps for each edge the x at which it crosses
the line through the pixels' centres, and fills between the sorted crossings of each row. Here the
crossings of all edges of all outlines are computed at once, sorted by (outline, row, x) in one
sort, and taken in pairs. An edge's x grows by its slope from row to row, as in ImageJ, so that it
is rounded alike: the result is the same to the last pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError

Ints = NDArray[np.int64]
_CHUNK = 4_000_000  # crossings at a time
_MOST_CROSSINGS = 10_000_000  # of one ROI: no hand-drawn or traced outline comes near
MOST_RUNS = 200_000_000  # of all ROIs together; more would not fit the memory
_TO_PIXEL = 1e-8  # added to x, so that an edge on a pixel's centre leaves it outside


@dataclass(frozen=True)
class Outlines:
    """Rings of points to be filled; an outline has one or more of them.

    Attributes
    ----------
    x, y : float64 of all rings behind each other, relative to the box of their outline.
    ring_size : points of each ring.
    ring_owner : index of each ring's outline.
    boxes : (n, 4) x, y, width, height in whole pixels of each outline, int64.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    ring_size: Ints
    ring_owner: Ints
    boxes: Ints


@dataclass(frozen=True)
class Runs:
    """Filled pixels as runs along x: pixels x1 … x2−1 of row y belong to outline `owner`.

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


def fill(outlines: Outlines, height: int | None = None, *, trusted: bool = False) -> Runs:
    """Fill outlines, even-odd, by ImageJ's rule.

    Parameters
    ----------
    outlines : rings relative to the boxes of their outlines.
    height : rows below this one, and above the image, are left out; None for all rows.
    trusted : the outlines were traced from pixels in memory, which bounds their size. Those of
        files may be of any size and are refused beyond a limit.

    Raises
    ------
    UserError : when one outline crosses the rows tens of millions of times.
    """
    edges = _edges(outlines, height)
    if not len(edges.rows):
        return NO_RUNS
    crossings = np.bincount(edges.owner, edges.rows, len(outlines.boxes))
    if crossings.max() > _MOST_CROSSINGS and not trusted:
        raise UserError(
            f"a ROI with {len(edges.rows)} edges is too large to fill",
            remedy="Draw it again in ImageJ, or take its Edit > Selection > Convex Hull.",
        )
    if crossings.sum() > 2 * MOST_RUNS and not trusted:
        raise UserError("there are too many ROIs, or too large ones, to fill")
    # the running sum goes by owner, so that a chunk holds whole outlines
    group = (np.cumsum(crossings) // _CHUNK).astype(np.int64)[edges.owner]
    parts = [_fill(edges.take(group == g), outlines.boxes, height) for g in np.unique(group)]
    return Runs.join(parts)


@dataclass(frozen=True)
class _Edges:
    owner: Ints
    x: NDArray[np.float64]  # where the edge crosses its first row
    slope: NDArray[np.float64]
    first: Ints  # first row
    rows: Ints  # number of rows

    def take(self, which: NDArray[np.bool_] | Ints) -> _Edges:
        if which.dtype == bool and which.all():
            return self
        return _Edges(
            self.owner[which], self.x[which], self.slope[which], self.first[which], self.rows[which]
        )


def _edges(outlines: Outlines, height: int | None) -> _Edges:
    x, y, size = outlines.x, outlines.y, outlines.ring_size
    # next point, the last of a ring being followed by its first
    ends = np.cumsum(size)
    full = size > 0
    last_points, first_points = ends[full] - 1, (ends - size)[full]
    row = _round(y)
    next_row = np.empty_like(row)
    next_row[:-1] = row[1:]
    next_row[last_points] = row[first_points]
    # most edges of hand-drawn outlines cross no row and are gone here
    start = np.flatnonzero((row != next_row) & ((row > 0) | (next_row > 0)))
    follow = np.arange(1, len(x) + 1)
    follow[last_points] = first_points
    end = follow[start]
    up = row[start] > row[end]
    owner = np.repeat(outlines.ring_owner, size)[start]
    start, end = np.where(up, end, start), np.where(up, start, end)
    x1, y1, first = x[start], y[start], row[start]
    x2, y2, last = x[end], y[end], row[end]
    slope = (x2 - x1) / (y2 - y1)
    at = x1 + (first - y1 + 0.5) * slope + _TO_PIXEL
    above = first < 0
    if above.any():
        at = np.where(above, at + slope * (0.0 - first), at)
        first = np.maximum(first, 0)
    bottom = outlines.boxes[:, 3]
    if height is not None:
        bottom = np.minimum(bottom, height - outlines.boxes[:, 1])
    rows = (np.minimum(last, bottom[owner]) - first).astype(np.int64)
    edges = _Edges(owner, at, slope, first.astype(np.int64), rows)
    return edges if (rows > 0).all() else edges.take(rows > 0)


def _fill(edges: _Edges, boxes: Ints, height: int | None) -> Runs:
    widest = int(boxes[edges.owner, 2].max()) + 1
    top = np.maximum(-boxes[:, 1], 0) if height is not None else np.zeros(len(boxes), np.int64)
    rows = boxes[:, 3].copy()
    if height is not None:
        rows = np.minimum(rows, height - boxes[:, 1])
    present = np.zeros(len(boxes), bool)
    present[edges.owner] = True
    rows[~present] = 0
    base = np.cumsum(rows) - rows
    if (float(rows.sum()) + 1) * widest > 2**62:
        raise UserError("ROIs of impossible sizes", remedy="Check them in ImageJ.")
    keys = []
    for part, steps, x in _crossings(edges):
        owner = edges.owner[part]
        pixel = np.clip(np.floor(x + 0.5), 0, boxes[owner, 2]).astype(np.int64)
        row = edges.first[part] + steps
        key = (base[owner] + row) * widest + pixel
        keys.append(key if height is None else key[row >= top[owner]])
    key = np.concatenate(keys)
    key.sort()
    row, pixel = np.divmod(key, widest)
    filled = pixel[1::2] > pixel[::2]
    row, x1, x2 = row[::2][filled], pixel[::2][filled], pixel[1::2][filled]
    owner = np.searchsorted(base + rows, row, side="right")
    left = boxes[owner, 0]
    return Runs(owner, row - base[owner] + boxes[owner, 1], x1 + left, x2 + left)


def _crossings(edges: _Edges) -> Iterator[tuple[Ints, Ints, NDArray[np.float64]]]:
    """Yield (edge, rows after its first, x) of all crossings, edges of like height together."""
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
