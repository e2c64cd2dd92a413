"""Spline that ImageJ fits through the points of a polygon or polyline.

Natural cubic splines of x and y over the square root of the distance along the points, closed
ones continued by seven points at both ends, as ImageJ 1.54p evaluates them (H. Hornbeck,
arXiv:2001.09253). Single and double precision are used where ImageJ uses them, since the
pixels inside depend on the last bit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError

Floats = NDArray[np.float32]
_OVERLAP = 7
_POINTS_MIN = 100
_POINTS_MAX = 10_000_000
_STEP_MIN = np.float32(0.001)


def fit(x: Floats, y: Floats, closed: bool, length: float) -> tuple[Floats, Floats]:
    """Return the points of the fitted curve.

    Parameters
    ----------
    x, y : at least 2 nodes in pixels.
    closed : whether the curve returns to its first node.
    length : ImageJ's length of the outline in pixels; one point for every 2 pixels is made,
        100 at least.
    """
    count = max(int(length / 2.0) if length == length else 0, _POINTS_MIN)
    if count > _POINTS_MAX:
        raise UserError(f"a ROI with a spline of {length:.3g} pixels is too large to fill")
    dx, dy = np.diff(x), np.diff(y)
    if closed:
        dx = np.append(dx, x[-1] - x[0])
        dy = np.append(dy, y[-1] - y[0])
        x, y = np.append(x, x[0]), np.append(y, y[0])
    squared = (dx * dx + dy * dy).astype(np.float64)
    steps = np.maximum(np.sqrt(np.sqrt(squared)).astype(np.float32), _STEP_MIN)
    nodes = np.zeros(len(x), np.float32)
    np.add.accumulate(steps, out=nodes[1:])
    at = np.arange(count, dtype=np.float64) * (float(nodes[-1]) / (count - 1))
    return _evaluate(nodes, x, at, closed), _evaluate(nodes, y, at, closed)


def _evaluate(nodes: Floats, values: Floats, at: NDArray[np.float64], closed: bool) -> Floats:
    if closed:
        n = len(nodes)
        over = min(_OVERLAP, n - 1)
        before = nodes[n - 1 - over : n - 1] - nodes[n - 1]
        after = nodes[1 : over + 1] - nodes[0] + nodes[n - 1]
        nodes = np.concatenate((before, nodes, after))
        values = np.concatenate((values[n - 1 - over : n - 1], values, values[1 : over + 1]))
    second = _second_derivatives(nodes, values)
    right = np.clip(np.searchsorted(nodes.astype(np.float64), at, side="left"), 1, len(nodes) - 1)
    left = right - 1
    width = (nodes[right] - nodes[left]).astype(np.float64)
    xa, xb = at - nodes[left], nodes[right] - at
    square = width * width
    lower = xa * values[right] + xb * values[left]
    c = (xa * xa - square) * xa * second[right]
    d = (xb * xb - square) * xb * second[left]
    return ((lower + (c + d) / 6.0) / width).astype(np.float32)


def _second_derivatives(x: Floats, y: Floats) -> NDArray[np.float64]:
    n = len(x)
    second, ratio = [0.0] * n, [0.0] * n
    step = float(x[1] - x[0])
    slope = float(y[1] - y[0]) / step
    xs, ys = x.tolist(), y.tolist()
    for j in range(1, n - 1):
        before, step = step, xs[j + 1] - xs[j]
        old, slope = slope, (ys[j + 1] - ys[j]) / step
        inverse = 1.0 / (2.0 * (step + before) - before * ratio[j - 1])
        second[j] = (6.0 * (slope - old) - before * second[j - 1]) * inverse
        ratio[j] = step * inverse
    for j in range(n - 2, -1, -1):
        second[j] -= ratio[j] * second[j + 1]
    return np.array(second)


def length(kind: str, x: NDArray[Any], y: NDArray[Any]) -> float:
    """Return ImageJ's length of an outline in pixels, which depends on the kind of ROI.

    Freehand outlines are smoothed by a running mean of three points; traced ones count
    corners as √2.
    """
    whole = x.dtype.kind == "i"
    n = len(x)
    if kind == "traced" or (kind == "polygon" and _is_traced(x, y)):
        if kind == "traced" and not whole:
            return math.nan
        return _traced_length(x, y)
    flat = not whole and kind == "freeline" and 0 in (_span(x), _span(y))
    if n > 2 and kind in ("freehand", "freeline") and not flat:
        total = _smoothed(x, y)
        if kind == "freehand":
            total += math.hypot(float(x[-1] - x[0]), float(y[-1] - y[0]))
        return total
    dx, dy = np.diff(x).astype(np.float64), np.diff(y).astype(np.float64)
    if kind in ("polygon", "freehand"):
        dx = np.append(dx, float(x[0] - x[-1]))
        dy = np.append(dy, float(y[0] - y[-1]))
    return float(sum(np.sqrt(dx * dx + dy * dy).tolist()))


def _smoothed(x: NDArray[Any], y: NDArray[Any]) -> float:
    parts = []
    for v in (x, y):
        ends = np.array([v[0] + v[1] + v[2], v[-3] + v[-2] + v[-1]]).astype(np.float64) / 3.0
        middle = (v[3:] - v[:-3]).astype(np.float64) / 3.0
        first, last = ends[0] - float(v[0]), float(v[-1]) - ends[1]
        parts.append(np.concatenate(([first], middle, [last])))
    total = np.sqrt(parts[0] * parts[0] + parts[1] * parts[1])
    return float(sum(total.tolist()))


def _is_traced(x: NDArray[Any], y: NDArray[Any]) -> bool:
    straight = (np.roll(x, -1) == x) | (np.roll(y, -1) == y)
    return bool(straight.all() and (x == np.trunc(x)).all() and (y == np.trunc(y)).all())


def _traced_length(x: NDArray[Any], y: NDArray[Any]) -> float:
    if len(x) < 4:
        return 0.0
    dx = np.abs(x.astype(np.int64) - np.roll(x.astype(np.int64), 1))
    dy = np.abs(y.astype(np.int64) - np.roll(y.astype(np.int64), 1))
    corners, corner = 0, False
    for side in (dx + dy).tolist():
        corner = side > 1 or not corner
        corners += corner
    return float(dx.sum() + dy.sum()) - corners * (2.0 - math.sqrt(2.0))


def _span(values: NDArray[Any]) -> int:
    low = math.floor(float(values.min()) + 0.5)
    return math.floor(float(values.max()) + 1.5) - low
