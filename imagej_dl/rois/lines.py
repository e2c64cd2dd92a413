"""Lines as areas, as ImageJ's Edit > Selection > Line to Area fills them.

A straight line becomes a rotated rectangle as wide as its stroke, at least one pixel; a line of
several segments the union of one rectangle for each segment, half a pixel longer at both ends,
and a triangle in each bend, all filled on their own (`Roi.convertLineToArea` of ImageJ 1.54p).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.geometry import rasterize
from imagej_dl.geometry.rasterize import NO_RUNS, Outlines, Runs
from imagej_dl.rois.outlines import polyline_box, rectangle_vertices, relative_to_box, spline_points
from imagej_dl.rois.roi import Roi


def line_runs(roi: Roi, height: int | None = None) -> Runs:
    """Fill a line ROI with its stroke width; see :func:`imagej_dl.geometry.rasterize.fill`."""
    width = max(float(np.float32(roi.stroke_width)), 1.0)
    if roi.kind in ("line", "arrow"):
        as_area = Roi("rotated rectangle", params=(*roi.params[:4], width))
        outline, box = relative_to_box(rectangle_vertices(as_area))
        return rasterize.fill(_shapes(outline, np.array([box] * len(outline))), height)
    points, box = _points(roi)
    if len(points) < 2:
        return NO_RUNS
    # ImageJ paints on a canvas that begins at (0, 0): what is left of or above it is lost
    canvas = [math.floor(box[i] + box[i + 2] + width + 0.5) for i in (0, 1)]
    if min(canvas) <= 0:
        return NO_RUNS
    rings = _pieces(points, width / 2.0)
    runs = rasterize.fill(_shapes(rings, np.array([(0, 0, *canvas)] * len(rings))), height)
    return _union(runs)


def _points(roi: Roi) -> tuple[NDArray[np.float32], tuple[int, int, int, int]]:
    assert roi.points is not None
    if not len(roi.points):
        return np.zeros((0, 2), np.float32), (0, 0, 0, 0)
    if roi.spline:
        curve, base, box = spline_points(roi)
        return curve + np.array(base, np.float32), box
    low, high = roi.points.min(axis=0), roi.points.max(axis=0)
    if not roi.subpixel:
        x, y = (int(v) for v in low)
        width, height = (int(v) + 1 for v in high - low)
        return roi.points.astype(np.float32), (x, y, width, height)
    return (roi.points - low) + low, polyline_box(low, high)


def _pieces(points: NDArray[np.float32], radius: float) -> list[NDArray[np.float64]]:
    """Return the rectangles and triangles of a line, at most two for each segment."""
    steps = np.diff(points, axis=0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = steps / np.sqrt(steps[:, :1] * steps[:, :1] + steps[:, 1:] * steps[:, 1:])
    px, py = points.astype(np.float64).T.tolist()
    directions = unit.tolist()
    pieces: list[list[tuple[float, float]]] = []
    dx, dy = directions[0]
    x, y = px[0] - 0.5 * dx, py[0] - 0.5 * dy
    dx0, dy0 = dx, dy
    for i in range(1, len(px)):
        dx, dy = directions[i - 1]
        x2, y2 = px[i], py[i]
        if i == len(px) - 1:
            x2, y2 = x2 + 0.5 * dx, y2 + 0.5 * dy
        rx, ry = radius * dx, radius * dy
        pieces.append([(x + ry, y - rx), (x - ry, y + rx), (x2 - ry, y2 + rx), (x2 + ry, y2 - rx)])
        if i > 1:
            side = -1.0 if dx * dy0 > dx0 * dy else 1.0
            rx0, ry0 = radius * dx0, radius * dy0
            tip_x = _single(_single(x) + _single(-side * (0.5 * (ry0 + ry))))
            tip_y = _single(_single(y) + _single(side * (0.5 * (rx0 + rx))))
            bend = [(x + side * ry0, y - side * rx0), (x + side * ry, y - side * rx)]
            pieces.append([(tip_x, tip_y), *bend])
        dx0, dy0, x, y = dx, dy, x2, y2
    arrays = [np.array(piece).astype(np.float32) for piece in pieces]
    # the centre of pixel (0, 0) is (0, 0) for lines and (0.5, 0.5) for areas
    return [array.astype(np.float64) + 0.5 for array in arrays if not np.isnan(array).any()]


def _shapes(rings: Sequence[NDArray[Any]], boxes: NDArray[np.int64]) -> Outlines:
    if not rings:
        none = np.zeros(0, int)
        return Outlines(np.zeros(0), np.zeros(0), none, none, np.zeros((0, 4), int))
    points = np.concatenate(rings).astype(np.float64)
    sizes = np.array([len(ring) for ring in rings], np.int64)
    return Outlines(points[:, 0], points[:, 1], sizes, np.arange(len(rings)), boxes)


def _union(runs: Runs) -> Runs:
    """Return the runs of all owners as those of one, without overlaps."""
    if not len(runs.y):
        return runs
    order = np.lexsort((runs.x1, runs.y))
    y, x1, x2 = runs.y[order], runs.x1[order], runs.x2[order]
    # rows are set apart by an offset, so that one running maximum serves all of them
    offset = (y - y[0]) * (int(x2.max()) + 1)
    reach = np.maximum.accumulate(x2 + offset)
    begins = np.ones(len(y), bool)
    begins[1:] = (x1 + offset)[1:] > reach[:-1]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(y)) - 1
    return Runs(np.zeros(len(first), np.int64), y[first], x1[first], reach[last] - offset[last])


def _single(value: float) -> float:
    return float(np.float32(value))
