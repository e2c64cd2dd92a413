"""ImageJ's .roi format, written: version 228, as ImageJ 1.54p's RoiEncoder writes it."""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from imagej_dl.rois import outlines, paths
from imagej_dl.rois.decoder import ARROW, ELLIPSE, IMAGE, ROTATED, SPLINE, SUBPIXEL, TEXT, TYPES
from imagej_dl.rois.roi import AREAS, Kind, Roi

_VERSION = 228
_CODES: dict[Kind, int] = {kind: code for code, kind in TYPES.items()} | {
    "composite": 1,
    "text": 1,
    "image": 1,
    "arrow": 3,
    "ellipse": 7,
    # ImageJ saves a rotated rectangle as a polygon, and opens one so marked as what it was
    "rotated rectangle": 7,
}
_SUBTYPES = {"text": TEXT, "arrow": ARROW, "ellipse": ELLIPSE, "image": IMAGE}
_HEADER = struct.Struct(">4sHBxHHHHH16sHiIIHHHHii")
_HEADER2 = struct.Struct(">4xiiiiiIHBBifiii12x")
_LOWEST, _HIGHEST = -5000, 60000  # whole coordinates that 16 bits carry in ImageJ's reading
_MOST_POINTS = 65535


def encode(roi: Roi) -> bytes:
    """Return the bytes of a .roi file.

    Coordinates outside −5000 … 60000 are written with sub-pixel precision, and areas of more
    than 65535 points as composites, since the 16-bit fields cannot hold them (ImageJ does the
    same); all else comes back from :func:`imagej_dl.rois.decode` as it was.
    """
    if roi.points is not None and len(roi.points) > _MOST_POINTS and roi.kind in AREAS:
        roi = _as_composite(roi)
    code, options = _CODES[roi.kind], roi.looks.options
    options |= SPLINE if roi.spline else 0
    parameters, body, count = bytes(16), b"", 0
    arc, param = roi.corner, roi.looks.style
    left, top, width, height = box(roi)
    subpixel = roi.subpixel or not _fits(left, top, width, height)
    if roi.kind == "composite":
        assert roi.path is not None
        body = roi.path.astype(">f4").tobytes()
        subpixel = False
    elif roi.kind in ("rectangle", "oval", "text", "image"):
        body = roi.looks.payload
        if subpixel:
            parameters = struct.pack(">4f", *roi.box)
    elif roi.kind in ("line", "arrow"):
        parameters, subpixel = struct.pack(">4f", *roi.params[:4]), False
    elif roi.kind in ("ellipse", "rotated rectangle"):
        ellipse = roi.kind == "ellipse"
        vertices = outlines.ellipse_vertices if ellipse else outlines.rectangle_vertices
        points = vertices(roi)
        parameters, subpixel = struct.pack(">4f", *roi.params[:4]), True
        ratio = struct.pack(">f", roi.params[4])
        param, arc = struct.unpack(">HH", ratio)
        if not len(points):
            points = np.zeros((4, 2), np.float32)
        count, body = len(points), _points(points, True, left, top)
    else:
        assert roi.points is not None
        count, body = len(roi.points), _points(roi.points, subpixel, left, top)
        if count > _MOST_POINTS:
            parameters = struct.pack(">i12x", count)
    options |= SUBPIXEL if subpixel else 0
    name = roi.name.encode("utf-16-be", errors="replace")
    properties = roi.properties.encode("utf-16-be", errors="replace")
    second = _HEADER.size + len(body)
    end = second + _HEADER2.size
    data = _HEADER.pack(
        b"Iout",
        _VERSION,
        code,
        *(v & 0xFFFF for v in (top, left, top + height, left + width)),
        count if count <= _MOST_POINTS else 0,
        parameters,
        min(int(roi.stroke_width), 65535),
        0 if roi.path is None else len(roi.path),
        roi.looks.stroke_color,
        roi.looks.fill_color,
        ROTATED if roi.kind == "rotated rectangle" else _SUBTYPES.get(roi.kind, 0),
        options & 0xFFFF,
        param,
        arc & 0xFFFF,
        roi.position,
        second,
    )
    tail = _HEADER2.pack(
        roi.channel,
        roi.z,
        roi.t,
        end if name else 0,
        len(name) // 2,
        roi.looks.label_color,
        roi.looks.font_size,
        roi.group,
        roi.looks.opacity,
        len(roi.looks.payload) if roi.kind == "image" else 0,
        roi.stroke_width,
        end + len(name) if properties else 0,
        len(properties) // 2,
        end + len(name) + len(properties) if roi.looks.counters else 0,
    )
    return b"".join((data, body, tail, name, properties, roi.looks.counters))


def box(roi: Roi) -> tuple[int, int, int, int]:
    """Return the x, y, width and height, in whole pixels, that the file's header holds."""
    if roi.kind == "composite":
        assert roi.path is not None
        return paths.bounds(roi.path)
    if roi.kind in ("ellipse", "rotated rectangle"):
        ellipse = roi.kind == "ellipse"
        vertices = outlines.ellipse_vertices if ellipse else outlines.rectangle_vertices
        return outlines.relative_to_box(vertices(roi))[1]
    if roi.points is not None:
        low, high = roi.points.min(axis=0), roi.points.max(axis=0)
        x, y = math.floor(low[0]), math.floor(low[1])
        return x, y, math.ceil(high[0]) - x, math.ceil(high[1]) - y
    if roi.kind in ("line", "arrow"):
        x1, y1, x2, y2 = roi.params[:4]
        x, y = math.floor(min(x1, x2)), math.floor(min(y1, y2))
        return x, y, math.ceil(max(x1, x2)) - x, math.ceil(max(y1, y2)) - y
    x, y, width, height = roi.box
    return int(x), int(y), math.ceil(width), math.ceil(height)


def _fits(left: int, top: int, width: int, height: int) -> bool:
    return min(left, top) >= _LOWEST and max(left + width, top + height) <= _HIGHEST


def _points(points: NDArray[np.generic], subpixel: bool, left: int, top: int) -> bytes:
    near = np.floor(points - np.array((left, top)) + 0.5).astype(np.int64)
    whole = (near & 0xFFFF).astype(">u2").T.tobytes()
    return whole + points.astype(">f4").T.tobytes() if subpixel else whole


def _as_composite(roi: Roi) -> Roi:
    assert roi.points is not None
    path = np.ones((len(roi.points), 3), np.float32)
    path[0, 0] = 0
    path[:, 1:] = roi.points
    fields = {name: getattr(roi, name) for name in roi.__dataclass_fields__}
    fields |= {"kind": "composite", "points": None, "subpixel": False, "spline": False}
    return Roi(**fields | {"path": np.append(path.ravel(), np.float32(4))})
