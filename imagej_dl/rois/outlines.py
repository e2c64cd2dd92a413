"""Outlines of polygon-like ROIs, as ImageJ hands them to its polygon filler, and their bounds.

ImageJ keeps a polygon's points in single precision relative to its bounds and fills it in a
box of whole pixels; which pixels lie on the edge depends on the bits of these numbers, so the
arithmetic here is that of ImageJ 1.54p's PolygonRoi, EllipseRoi, RotatedRectRoi and ShapeRoi.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.geometry.rasterize import Outlines
from imagej_dl.rois import paths, spline
from imagej_dl.rois.roi import LINES, Roi

Box = tuple[int, int, int, int]
_TINY = np.float32(1.4e-45)  # where ImageJ's search for the largest coordinate begins
_ELLIPSE_VERTICES = 72


def outlines(rois: Sequence[Roi]) -> Outlines:
    """Return the outlines of ROIs of any polygon-like kind, rounded rectangles included."""
    xs: list[NDArray[np.float64]] = []
    ys: list[NDArray[np.float64]] = []
    sizes: list[NDArray[np.int64]] = []
    owners: list[NDArray[np.int64]] = []
    boxes = np.zeros((len(rois), 4), np.int64)
    plain: dict[bool, list[int]] = {False: [], True: []}
    for i, roi in enumerate(rois):
        if roi.points is not None and not roi.spline:
            if len(roi.points):
                plain[roi.subpixel].append(i)
            continue
        rings, boxes[i] = _single_outline(roi)
        for ring in rings:
            xs.append(ring[:, 0].astype(np.float64))
            ys.append(ring[:, 1].astype(np.float64))
        sizes.append(np.array([len(ring) for ring in rings], np.int64))
        owners.append(np.full(len(rings), i, np.int64))
    for subpixel, members in plain.items():
        if not members:
            continue
        arrays = [rois[i].points for i in members]
        size = np.array([len(points) for points in arrays if points is not None], np.int64)
        points: NDArray[Any] = np.concatenate([p for p in arrays if p is not None])
        x, y, box = (_float_boxes if subpixel else _whole_boxes)(points, size)
        xs.append(x)
        ys.append(y)
        sizes.append(size)
        owners.append(np.array(members, np.int64))
        boxes[members] = box
    if not xs:
        return Outlines(np.zeros(0), np.zeros(0), np.zeros(0, int), np.zeros(0, int), boxes)
    x, y = np.concatenate(xs), np.concatenate(ys)
    return Outlines(x, y, np.concatenate(sizes), np.concatenate(owners), boxes)


def _whole_boxes(
    points: NDArray[Any], size: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    starts = np.cumsum(size) - size
    low = np.minimum.reduceat(points, starts, axis=0)
    high = np.maximum.reduceat(points, starts, axis=0)
    relative = (points - np.repeat(low, size, axis=0)).astype(np.float64)
    return relative[:, 0], relative[:, 1], np.concatenate((low, high - low), axis=1)


def _float_boxes(
    points: NDArray[Any], size: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    starts = np.cumsum(size) - size
    low = np.minimum.reduceat(points, starts, axis=0)
    high = np.maximum(np.maximum.reduceat(points, starts, axis=0), _TINY)
    base = low.astype(np.float64)
    corner = np.floor(base)
    extent = np.ceil(base + (high - low).astype(np.float64)) - corner
    relative = (points - np.repeat(low, size, axis=0)).astype(np.float64)
    relative += np.repeat(base - corner, size, axis=0)
    box = np.concatenate((corner, extent), axis=1).astype(np.int64)
    return relative[:, 0], relative[:, 1], box


def _single_outline(roi: Roi) -> tuple[list[NDArray[Any]], Box]:
    if roi.kind == "composite":
        assert roi.path is not None
        rings, box = paths.rings(roi.path)
        return list(rings), box
    if roi.kind == "rectangle":
        x, y, width, height = whole_box(roi)
        return list(paths.rounded_rectangle(width, height, roi.corner)), (x, y, width, height)
    if roi.kind in ("ellipse", "rotated rectangle"):
        vertices = ellipse_vertices(roi) if roi.kind == "ellipse" else rectangle_vertices(roi)
        return relative_to_box(vertices)
    return _spline_outline(roi)


def whole_box(roi: Roi) -> Box:
    """Return the box of a rectangle or oval in whole pixels: ImageJ's `Roi.getBounds()`."""
    x, y, width, height = roi.box
    # a sub-pixel box loses its fraction; nothing is smaller than a pixel
    return (int(x), int(y), max(math.ceil(width), 1), max(math.ceil(height), 1))


def extent(roi: Roi) -> Box:
    """Return the smallest box of whole pixels round the coordinates of a ROI."""
    if roi.kind == "composite":
        assert roi.path is not None
        return paths.bounds(roi.path)
    if roi.kind in ("ellipse", "rotated rectangle"):
        vertices = ellipse_vertices(roi) if roi.kind == "ellipse" else rectangle_vertices(roi)
        return relative_to_box(vertices)[1]
    if roi.kind in ("line", "arrow"):
        low, high = np.sort(np.array(roi.params[:4]).reshape(2, 2), axis=0)
    elif roi.points is not None:
        low, high = roi.points.min(axis=0), roi.points.max(axis=0)
    else:
        x, y, width, height = roi.box
        return int(x), int(y), math.ceil(width), math.ceil(height)
    x, y = math.floor(low[0]), math.floor(low[1])
    return x, y, math.ceil(high[0]) - x, math.ceil(high[1]) - y


def line_box(low: NDArray[Any], high: NDArray[Any]) -> Box:
    """Return ImageJ's box of a line between two corners; whole numbers are centres of pixels."""
    (left, top), (width, height) = low.tolist(), (high - low).tolist()
    x, y = math.floor(left + 0.5), math.floor(top + 0.5)
    return x, y, math.floor(left + width + 1.5) - x, math.floor(top + height + 1.5) - y


def polyline_box(low: NDArray[np.float32], high: NDArray[np.float32]) -> Box:
    """Return ImageJ's box of the sub-pixel points of a polyline, by their least and largest."""
    return line_box(low, np.maximum(high, _TINY))


def area_box(low: NDArray[np.float32], high: NDArray[np.float32]) -> Box:
    """Return ImageJ's box of the sub-pixel points of an area, by their least and largest."""
    (left, top), (width, height) = low.tolist(), (np.maximum(high, _TINY) - low).tolist()
    x, y = math.floor(left), math.floor(top)
    return x, y, math.ceil(left + width) - x, math.ceil(top + height) - y


def ellipse_vertices(roi: Roi) -> NDArray[np.float32]:
    """Return the (72, 2) vertices of an ellipse in pixels of the image."""
    x1, y1, x2, y2, ratio = roi.params
    ratio = min(max(ratio, 0.0), 1.0)
    cx, cy = (x1 + x2) / 2.0, (y1 + y2) / 2.0
    dx, dy = x2 - x1, y2 - y1
    major = math.sqrt(dx * dx + dy * dy)
    minor = major * ratio
    tilt = math.atan2(dy, dx) * 180.0 / math.pi
    vertices = []
    for i in range(_ELLIPSE_VERTICES):
        beta = i * 360.0 / _ELLIPSE_VERTICES / 180.0 * math.pi
        dx = math.cos(beta) * major / 2.0
        dy = math.sin(beta) * minor / 2.0
        angle = math.atan2(dy, dx) + tilt / 180.0 * math.pi
        radius = math.sqrt(dx * dx + dy * dy)
        vertices.append((cx + math.cos(angle) * radius, cy + math.sin(angle) * radius))
    return np.array(vertices).astype(np.float32)


def rectangle_vertices(roi: Roi) -> NDArray[np.float32]:
    """Return the (4, 2) corners of a rotated rectangle in pixels of the image."""
    x1, y1, x2, y2, width = roi.params
    length = math.sqrt((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1))
    if length == 0.0:
        return np.zeros((0, 2), np.float32)  # ImageJ divides by zero: it has no pixels
    ws, wc = 0.5 * width * (y2 - y1) / length, -0.5 * width * (x2 - x1) / length
    corners = ((x1 + ws, y1 + wc), (x2 + ws, y2 + wc), (x2 - ws, y2 - wc), (x1 - ws, y1 - wc))
    return np.array(corners).astype(np.float32)


def relative_to_box(vertices: NDArray[np.float32]) -> tuple[list[NDArray[Any]], Box]:
    """Return float vertices as one ring relative to its box (`FloatPolygon.getBounds`)."""
    if not len(vertices):
        return [], (0, 0, 0, 0)
    low = np.floor(vertices.min(axis=0))
    high = np.maximum(vertices.max(axis=0), _TINY)
    size = np.trunc((high - low).astype(np.float64) + 0.5)
    x, y, width, height = (int(v) for v in (*low, *size))
    return [vertices - low], (x, y, width, height)


def spline_points(roi: Roi) -> tuple[NDArray[np.float32], tuple[float, float], Box]:
    """Return a spline-fitted ROI's curve relative to its bounds, their corner, and its box."""
    assert roi.points is not None
    line = roi.kind in LINES
    points = roi.points
    low = points.min(axis=0)
    relative = points - low
    x, y = (v.astype(np.float32) for v in relative.T)
    distance = spline.length(roi.kind, *relative.T)
    if len(points) < 2 and line:
        curve = np.stack((x, y), axis=1)
    else:
        curve = np.stack(spline.fit(x, y, not line, distance), axis=1)
    curve = curve + low.astype(np.float32)
    corner = curve.min(axis=0)
    high = np.maximum(curve.max(axis=0), _TINY)
    base, size = corner.astype(np.float64), (high - corner).astype(np.float64)
    shift = 0.5 if line else 0.0
    start = np.floor(base + shift)
    end = np.floor(base + size + 1.5) if line else np.ceil(base + size)
    box = (int(start[0]), int(start[1]), int(end[0] - start[0]), int(end[1] - start[1]))
    return curve - corner, (float(base[0]), float(base[1])), box


def _spline_outline(roi: Roi) -> tuple[list[NDArray[Any]], Box]:
    if roi.points is None or not len(roi.points):
        return [], (0, 0, 0, 0)
    curve, base, box = spline_points(roi)
    shift = np.array((base[0] - box[0], base[1] - box[1]))
    return [curve.astype(np.float64) + shift], box
