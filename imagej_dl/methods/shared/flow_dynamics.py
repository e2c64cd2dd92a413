"""The places where pixels end that follow a field of flows.

Euler steps with bilinear interpolation, as in Cellpose 3.1 (Stringer et al., Nature Methods 18,
2021): steps in float32, of weights in float64, so that the same pixels end in the same places.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_POINTS = 2**14
"""Points that are followed at once: they stay in the processor's cache."""
_EVERY = 4
"""Steps between two looks at which points have settled."""
_MERGED = 8
"""Steps between two looks at which points have met."""
_TOGETHER = 48
"""Steps after which few are left, which go on together."""

Points = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Positions along y and along x, in px."""


def follow(
    flow: NDArray[np.float32], starts: NDArray[np.intp], iterations: int
) -> NDArray[np.intp]:
    """Return where points end that follow the flow.

    Points that have settled, or have met others, are left out of further steps; this changes
    nothing but the time that it takes.

    Parameters
    ----------
    flow : float32 (2, Y + 1, X + 1), steps along y and x in px an iteration; the last row and
        column stand for what is beyond the plane, and must be finite.
    starts : places of the points' pixels, flat in (Y, X).
    iterations : number of steps.

    Returns
    -------
    places of the pixels that they end in, flat in (Y, X).
    """
    width = flow.shape[2] - 1
    walk = _Walk(flow, len(starts), iterations)
    left: list[tuple[Points, NDArray[np.intp]]] = []
    for low in range(0, len(starts), _POINTS):
        part = starts[low : low + _POINTS]
        y, x = np.divmod(part, width)
        points = (y.astype(np.float32), x.astype(np.float32))
        left.append(walk(points, np.arange(low, low + len(part)), 0, _TOGETHER))
    if left:
        y, x = (np.concatenate([points[axis] for points, _ in left]) for axis in (0, 1))
        walk((y, x), np.concatenate([who for _, who in left]), _TOGETHER, iterations)
    y, x = (axis.astype(np.intp) for axis in walk.ends())
    return y * width + x


class _Walk:
    """The walk of points through a field; each is known by its number."""

    def __init__(self, flow: NDArray[np.float32], count: int, iterations: int) -> None:
        self.field = flow.reshape(2, -1)
        self.row = flow.shape[2]
        self.limits = (np.float32(flow.shape[1] - 2), np.float32(flow.shape[2] - 2))
        self.iterations = iterations
        self.final = np.empty((2, count), np.float32)
        self.met: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []

    def __call__(
        self, points: Points, who: NDArray[np.intp], first: int, last: int
    ) -> tuple[Points, NDArray[np.intp]]:
        """Walk from step `first` to `last`; return the points that have not ended, and who."""
        before = older = points
        for done in range(first + 1, min(last, self.iterations) + 1):
            older, before, points = before, points, self._step(*points)
            if done % _EVERY or done == self.iterations:
                continue
            # Who is where it was two steps ago goes to and fro for ever, or rests.
            settled = (points[0] == older[0]) & (points[1] == older[1])
            even = (self.iterations - done) % 2 == 0
            for axis, end in enumerate(points if even else before):
                self.final[axis, who[settled]] = end[settled]
            going = np.flatnonzero(~settled)
            if done % _MERGED == 0:
                going = self._met(points, who, going)
            if not going.size:
                return (points[0][:0], points[1][:0]), who[:0]
            points, before = ((y[going], x[going]) for y, x in (points, before))
            who = who[going]
        if last >= self.iterations:
            for axis, end in enumerate(points):
                self.final[axis, who] = end
        return points, who

    def ends(self) -> NDArray[np.float32]:
        """Return where all points are in the end, (2, points)."""
        for who, same in reversed(self.met):
            self.final[:, who] = self.final[:, same]
        return self.final

    def _met(
        self, points: Points, who: NDArray[np.intp], going: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Of those that are in the same place leave one; the others end where it does."""
        y, x = (axis[going].view(np.uint32).astype(np.uint64) for axis in points)
        _, first, place = np.unique(y << np.uint64(32) | x, return_index=True, return_inverse=True)
        stay = going[first]
        self.met.append((who[going], who[stay][place]))
        return stay

    def _step(self, y: NDArray[np.float32], x: NDArray[np.float32]) -> Points:
        row, column = y.astype(np.int32), x.astype(np.int32)
        down, right = y - row.astype(np.float64), x - column.astype(np.float64)
        up, left = 1 - down, 1 - right
        corner = row.astype(np.intp) * self.row
        corner += column
        corners = (corner, corner + 1, corner + self.row, corner + (self.row + 1))
        weights = ((up, left), (up, right), (down, left), (down, right))
        moved = []
        for flow, axis, limit in zip(self.field, (y, x), self.limits, strict=True):
            total: NDArray | None = None
            for at, (one, other) in zip(corners, weights, strict=True):
                # Multiplied one after the other, as there: the last digit decides where ties go.
                value = flow.take(at, mode="clip") * one
                value *= other
                total = value if total is None else np.add(total, value, out=total)
            step = np.asarray(total, np.float32)
            step += axis
            np.maximum(step, 0, out=step)
            moved.append(np.minimum(step, limit, out=step))
        return moved[0], moved[1]
