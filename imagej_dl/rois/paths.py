"""Paths of composite ROIs and rounded rectangles as rings of straight edges.

Composite ROIs are paths of lines and Bézier curves. ImageJ fills them as polygons after
flattening the curves as `java.awt.geom.FlatteningPathIterator` does: halving until the control
points lie within 0.01 pixels of the chord, ten times at most. The same halving is done here in
double precision, the points kept in single precision.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError

MOVE, LINE, QUAD, CUBIC, CLOSE = 0, 1, 2, 3, 4
_COORDINATES = (2, 2, 4, 6, 0)
_FLATNESS_SQUARED = 0.01 * 0.01
_DEPTH = 10

Box = tuple[int, int, int, int]
Ring = NDArray[np.float32]
Curve = tuple[float, ...]


def rings(path: NDArray[np.float32]) -> tuple[list[Ring], Box]:
    """Return the rings of a composite's path, and its bounding box.

    Parameters
    ----------
    path : float32 segments, see :class:`imagej_dl.rois.Roi`; coordinates of the image.

    Returns
    -------
    rings : (n, 2) x, y relative to the box; each is closed by an edge back to its first point.
    box : x, y, width, height in whole pixels; it encloses the control points too.

    Raises
    ------
    UserError : when the segments are no path.
    """
    segments, box = _segments_and_box(path)
    return _flatten(segments, box[0], box[1]), box


def bounds(path: NDArray[np.float32]) -> Box:
    """Return the box of :func:`rings` alone."""
    return _segments_and_box(path)[1]


def _segments_and_box(path: NDArray[np.float32]) -> tuple[list[tuple[int, Curve]], Box]:
    segments, used = _segments(path.tolist())
    if not used:
        return [], (0, 0, 0, 0)
    points = np.array(used, np.float32).reshape(-1, 2)
    low, high = points.min(axis=0), points.max(axis=0)
    size = (high - low).astype(np.float64)
    start = np.floor(low.astype(np.float64))
    end = np.ceil(low.astype(np.float64) + size)
    box = (int(start[0]), int(start[1]), int(end[0] - start[0]), int(end[1] - start[1]))
    return segments, box


def rounded_rectangle(width: int, height: int, corner: int) -> list[Ring]:
    """Return the ring of a rounded rectangle at (0, 0): corners are quarters of an ellipse.

    Each quarter is the cubic curve of `java.awt.geom.RoundRectangle2D`, flattened.
    """
    aw, ah = float(min(width, corner)), float(min(height, corner))
    angle = math.pi / 4.0
    a = 1.0 - math.cos(angle)
    b = math.tan(angle)
    c = math.sqrt(1.0 + b * b) - 1 + a
    near = (1.0 - 4.0 / 3.0 * a * b / c) / 2.0

    def x(side: float, part: float) -> float:
        return 0.0 + side * width + part * aw

    def y(side: float, part: float) -> float:
        return 0.0 + side * height + part * ah

    segments: list[tuple[int, Curve]] = [
        (MOVE, (x(0, 0), y(0, 0.5))),
        (LINE, (x(0, 0), y(1, -0.5))),
        (CUBIC, (x(0, 0), y(1, -near), x(0, near), y(1, 0), x(0, 0.5), y(1, 0))),
        (LINE, (x(1, -0.5), y(1, 0))),
        (CUBIC, (x(1, -near), y(1, 0), x(1, 0), y(1, -near), x(1, 0), y(1, -0.5))),
        (LINE, (x(1, 0), y(0, 0.5))),
        (CUBIC, (x(1, 0), y(0, near), x(1, -near), y(0, 0), x(1, -0.5), y(0, 0))),
        (LINE, (x(0, 0.5), y(0, 0))),
        (CUBIC, (x(0, near), y(0, 0), x(0, 0), y(0, near), x(0, 0), y(0, 0.5))),
        (CLOSE, ()),
    ]
    return _flatten(segments, 0, 0)


def _segments(values: list[float]) -> tuple[list[tuple[int, Curve]], list[float]]:
    """Split the array into segments; a second move to in a row replaces the first."""
    segments: list[tuple[int, Curve]] = []
    at = 0
    while at < len(values):
        code = int(values[at])
        if not 0 <= code <= CLOSE:
            raise UserError("is a composite ROI with an unknown path segment")
        end = at + 1 + _COORDINATES[code]
        if end > len(values):
            break
        if not segments and code != MOVE:
            raise UserError("is a composite ROI whose path has no start")
        last = segments[-1][0] if segments else CLOSE
        if code == MOVE and last == MOVE and segments:
            segments.pop()
        if not (code == CLOSE and last == CLOSE):
            segments.append((code, tuple(values[at + 1 : end])))
        at = end
    return segments, [value for _, coordinates in segments for value in coordinates]


def _flatten(segments: list[tuple[int, Curve]], x0: int, y0: int) -> list[Ring]:
    done: list[Ring] = []
    ring: list[float] = []  # x, y of the ring in progress
    start: Curve = ()  # where a close returns to; it outlives the ring, as in ImageJ
    current: Curve = ()
    # the path is moved to its box in double precision and then kept in single
    values = np.array([v for _, coordinates in segments for v in coordinates]).reshape(-1, 2)
    relative = (values - (x0, y0)).astype(np.float32).ravel().tolist()

    def finish() -> None:
        if ring:
            done.append(np.array(ring, np.float32).reshape(-1, 2))
            ring.clear()

    at = 0
    for code, absolute in segments:
        here = tuple(relative[at : at + len(absolute)])
        at += len(absolute)
        if code == MOVE:
            finish()
            start = current = here
            ring += here
        elif code == CLOSE:
            if ring and tuple(ring[-2:]) == start:
                del ring[-2:]
            finish()
            current = start
        else:
            if code == LINE:
                ring += here
            else:
                ring += _curve((*current, *here))
            current = here[-2:]
    finish()
    return done


def _curve(curve: Curve) -> list[float]:
    """Return the points after the first of a flattened quadratic (6) or cubic (8) curve."""
    points: list[float] = []
    stack = [(curve, 0)]
    while stack:
        part, depth = stack.pop()
        if depth >= _DEPTH or _distance_squared(part) < _FLATNESS_SQUARED:
            points += (_single(part[-2]), _single(part[-1]))
        else:
            first, second = _halve(part)
            stack.append((second, depth + 1))
            stack.append((first, depth + 1))
    return points


def _distance_squared(c: Curve) -> float:
    """Return the largest squared distance of the control points from the chord."""
    return max(
        _point_to_chord(c[0], c[1], c[-2], c[-1], c[i], c[i + 1]) for i in range(2, len(c) - 2, 2)
    )


def _point_to_chord(x1: float, y1: float, x2: float, y2: float, px: float, py: float) -> float:
    x2, y2, px, py = x2 - x1, y2 - y1, px - x1, py - y1
    along = px * x2 + py * y2
    projected = 0.0
    if along > 0.0:
        px, py = x2 - px, y2 - py
        along = px * x2 + py * y2
        if along > 0.0:
            projected = along * along / (x2 * x2 + y2 * y2)
    return max(px * px + py * py - projected, 0.0)


def _halve(c: Curve) -> tuple[Curve, Curve]:
    halves: list[tuple[Curve, Curve]] = []
    for v in (c[::2], c[1::2]):
        if len(v) == 3:
            a, b = (v[0] + v[1]) / 2.0, (v[2] + v[1]) / 2.0
            m = (a + b) / 2.0
            halves.append(((v[0], a, m), (m, b, v[2])))
        else:
            a, b, centre = (v[0] + v[1]) / 2.0, (v[3] + v[2]) / 2.0, (v[1] + v[2]) / 2.0
            a2, b2 = (a + centre) / 2.0, (b + centre) / 2.0
            m = (a2 + b2) / 2.0
            halves.append(((v[0], a, a2, m), (m, b2, b, v[3])))
    (x1, x2), (y1, y2) = halves
    return (
        tuple(v for pair in zip(x1, y1, strict=True) for v in pair),
        tuple(v for pair in zip(x2, y2, strict=True) for v in pair),
    )


def _single(value: float) -> float:
    return float(np.float32(value))
