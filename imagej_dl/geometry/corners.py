"""Outlines of components that touch themselves at a pixel corner, as TrackMate traces them.

There an outline is a matter of convention: it may go on as one ring, or split. That of
:mod:`imagej_dl.geometry.rings` hangs on the pixels round the corner alone; TrackMate's, taken
over from ImageJ's `ThresholdToSelection`, on the order in which a row by row scan meets the
pieces, and so on pixels far away. This is that scan. It is slow and only used for components
with such a corner, of which label maps have few (5 of 941 in two movies).
"""

from __future__ import annotations

from collections import deque

import numpy as np

_Points = deque[tuple[int, int]]


def scan(mask: np.ndarray) -> list[np.ndarray]:
    """Trace the outer outlines of a (Y, X) boolean mask, each an (N, 2) array of corners x, y."""
    padded = np.zeros((mask.shape[0] + 2, mask.shape[1] + 3), bool)
    padded[1:-1, 1:-2] = mask
    scanner = _Scan(mask.shape[1])
    for y in range(mask.shape[0] + 1):
        above, row = padded[y], padded[y + 1]
        for x in np.flatnonzero((above[1:-1] != row[1:-1]) | (row[1:-1] != row[:-2])):
            scanner.column(int(x), y, above[x : x + 3].tolist(), row[x : x + 3].tolist())
    return [_without_straights(np.array(points)) for points in scanner.closed]


class _Scan:
    """Outlines begun and not yet closed, by the column of their two loose ends.

    A top side adds to an outline's tail at its left end and to its head at its right end, a
    bottom side the other way round.
    """

    def __init__(self, width: int) -> None:
        self.ends: list[_Points | None] = [None] * (width + 2)
        self.closed: list[_Points] = []
        self.carried: _Points | None = None  # waits at the corner it was led round
        self.carried_at = (-1, -1)

    def column(self, x: int, y: int, above: list[bool], row: list[bool]) -> None:
        """Take in the pixel at x of row y; both lists hold the pixels at x − 1, x, x + 1."""
        if row[1] != above[1]:
            corner = row[2] != row[1] and above[2] != above[1] and row[2] != above[2]
            self._side(x, y, top=row[1], corner=corner)
        if row[1] != row[0]:
            end = self.ends[x]
            assert end is not None, "an outline has no end where a side begins"
            _add(end, x, y + 1, to_tail=row[1])

    def _side(self, x: int, y: int, top: bool, corner: bool) -> None:
        ends, left, right = self.ends, self.ends[x], self.ends[x + 1]
        arrived = self.carried if self.carried_at == (x, y) else None
        lead_on = corner and arrived is None
        if left is None and right is None:
            sides = [(x + 1, y), (x, y)] if top else [(x, y), (x + 1, y)]
            ends[x] = ends[x + 1] = deque(sides)
        elif left is None:
            assert right is not None
            ends[x], ends[x + 1] = right, None
            _add(right, x, y, to_tail=top)
        elif right is None:
            ends[x], ends[x + 1] = arrived, left
            if arrived is not None:
                _add(arrived, x, y, to_tail=top)
            _add(left, x + 1, y, to_tail=not top)
        elif left is right:
            if lead_on:
                _add(right, x + 1, y, to_tail=not top)
                self._carry(right, x, y)
                return
            if not top:  # a top side closes a hole, which has no place in a spot
                self.closed.append(left)
            ends[x], ends[x + 1] = arrived, None
        elif lead_on and not top:
            left.append((x + 1, y))
            right.appendleft((x + 1, y))
            self._carry(left, x, y)
        else:
            if top:
                left.extendleft(reversed(right))
            else:
                left.extend(right)
            ends[x + 1] = None
            ends[ends.index(right)] = left
            ends[x] = arrived

    def _carry(self, outline: _Points, x: int, y: int) -> None:
        self.carried, self.carried_at = outline, (x + 1, y)
        self.ends[x] = None


def _add(outline: _Points, x: int, y: int, to_tail: bool) -> None:
    if to_tail:
        outline.append((x, y))
    else:
        outline.appendleft((x, y))


def _without_straights(points: np.ndarray) -> np.ndarray:
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    points = points[np.any(points != after, axis=1)]
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    come, go = points - before, after - points
    return points[come[:, 0] * go[:, 1] != come[:, 1] * go[:, 0]]
