"""ImageJ's .roi format, read.

The format is that of ImageJ 1.54p's `ij.io.RoiDecoder`: a header of 64 bytes, the coordinates,
a second header, then name and properties; all big-endian. What that class tolerates is read in
the same way (coordinates below zero, signed or unsigned 16-bit fields, old versions).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.rois.roi import Kind, Looks, Roi

HEADER = struct.Struct(">4sHBxHHHHHffffHiIIHHBBHii")
HEADER2 = struct.Struct(">4xiiiiiIHBBifiii")
TEXT, ARROW, ELLIPSE, IMAGE, ROTATED = 1, 2, 3, 4, 5
SPLINE, SUBPIXEL = 1, 128
TYPES: dict[int, Kind] = {
    0: "polygon",
    1: "rectangle",
    2: "oval",
    3: "line",
    4: "freeline",
    5: "polyline",
    7: "freehand",
    8: "traced",
    9: "angle",
    10: "point",
}
# Far beyond any image; a larger number is a damaged file and would only make huge arrays.
LIMIT = 2.0**20


def decode(data: bytes, name: str = "", path: str | None = None) -> Roi:
    """Read one ROI.

    Parameters
    ----------
    data : the bytes of a .roi file.
    name : its file name, which is the ROI's name when the file holds none.
    path : what an error calls the file.

    Raises
    ------
    UserError : when the bytes are no ROI, are cut short, or hold impossible coordinates.
    """

    def broken(what: str) -> UserError:
        remedy = "Open it in ImageJ and save it again, or leave it out."
        return UserError(what, path=path or name or None, remedy=remedy)

    if len(data) < 2 or data[:2] != b"Io":
        raise broken("is not an ImageJ ROI")
    if len(data) < HEADER.size:
        raise broken("is an ImageJ ROI that is cut short")
    try:
        return _decode(data, name, broken)
    except (struct.error, ValueError) as error:
        raise broken("is an ImageJ ROI that is cut short") from error


def _decode(data: bytes, name: str, broken: Callable[[str], UserError]) -> Roi:
    head = HEADER.unpack_from(data)
    version, code = head[1], head[2]
    top, left, bottom, right = (_short(value) for value in head[3:7])
    count = head[7] or struct.unpack_from(">i", data, 18)[0]
    floats, (stroke, segments, stroke_color, fill_color) = head[8:12], head[12:16]
    subtype, options, style, style2, arc, position, second = head[16:]
    if version >= 32768:
        version -= 65536
    if second < 0 or (second and second + HEADER2.size > len(data)):
        raise broken("is an ImageJ ROI that is cut short")
    subpixel = bool(options & SUBPIXEL) and version >= 222
    composite = segments > 0
    if not composite and code not in TYPES:
        raise broken(f"is a ROI of an unknown type ({code})")
    kind = "composite" if composite else TYPES[code]
    if kind == "composite" and code != 1:
        raise broken("is a composite ROI with a wrong type")
    roi = Roi(kind, name.removesuffix(".roi"))
    extra: dict[str, int | bytes] = {}

    if kind == "composite":
        roi.path = _floats(data, 64, segments, broken)
    elif kind in ("rectangle", "oval"):
        if subpixel and version >= 223:
            roi.box, roi.subpixel = floats, True
        else:
            roi.box = (left, top, right - left, bottom - top)
        if not np.all(np.abs(roi.box) < LIMIT):
            raise broken("is a ROI with impossible coordinates")
        if kind == "rectangle":
            roi.corner = max(_short(arc), 0)
        if subtype == TEXT and version >= 218:
            roi.kind = "text"
        elif subtype == IMAGE and version >= 221:
            roi.kind = "image"
        if roi.kind in ("text", "image"):
            extra["payload"] = data[64 : max(second, 64)]
    elif kind == "line":
        roi.params = floats
        if not np.all(np.abs(floats) < LIMIT):
            raise broken("is a ROI with impossible coordinates")
        if subtype == ARROW:
            roi.kind = "arrow"
    elif kind == "freehand" and subtype in (ELLIPSE, ROTATED) and count > 0:
        roi.kind = "ellipse" if subtype == ELLIPSE else "rotated rectangle"
        roi.params = (*floats, struct.unpack_from(">f", data, 52)[0])
        if not np.all(np.abs(roi.params) < LIMIT):
            raise broken("is a ROI with impossible coordinates")
    elif subpixel:
        flat = _floats(data, 64 + 4 * max(count, 0), 2 * max(count, 0), broken)
        roi.points, roi.subpixel = flat.reshape(2, -1).T, True
    else:
        roi.points = _shorts(data, max(count, 0), left, top)

    if second:
        _decode_second(data, second, version, roi, extra, max(count, 0))
    if version >= 218:
        width = float(_short(stroke))
        if second:
            precise = struct.unpack_from(">f", data, second + 36)[0]
            width = precise if precise > 0 else width
        roi.stroke_width = width if 0 < width < LIMIT else 0.0
        roi.spline = bool(options & SPLINE) and roi.points is not None and kind != "point"
        extra |= {"stroke_color": stroke_color, "fill_color": fill_color}
    if not (roi.channel or roi.z or roi.t):
        roi.position = max(position, 0)
    if roi.kind in ("arrow", "point"):
        extra["style"] = style << 8 | style2
    roi.looks = Looks(options=options & ~(SPLINE | SUBPIXEL), **extra)  # type: ignore[arg-type]
    return roi


def _decode_second(
    data: bytes, at: int, version: int, roi: Roi, extra: dict[str, int | bytes], count: int
) -> None:
    head = HEADER2.unpack_from(data, at)
    roi.channel, roi.z, roi.t = (max(value, 0) for value in head[:3])
    name_at, name_length, label_color, font_size, group, opacity = head[3:9]
    props_at, props_length, counters_at = head[11:]
    roi.name = _text(data, name_at, name_length) or roi.name
    if version >= 224:
        roi.properties = _text(data, props_at, props_length)
    if version >= 228:
        roi.group = group
    extra |= {"label_color": label_color, "font_size": font_size, "opacity": opacity}
    if version >= 227 and roi.kind == "point" and 0 < counters_at <= len(data) - 4 * count:
        extra["counters"] = data[counters_at : counters_at + 4 * count]


def _short(value: int) -> int:
    # ImageJ takes 16-bit fields as signed down to -5000 and as unsigned beyond.
    return value - 65536 if value >= 65536 - 5000 else value


def _shorts(data: bytes, count: int, left: int, top: int) -> NDArray[np.int32]:
    flat = np.frombuffer(data, ">u2", 2 * count, 64).astype(np.int32)
    flat[flat >= 65536 - 5000] = 0  # negative offsets, which ImageJ sets to zero
    points = flat.reshape(2, -1).T
    return points + np.array((left, top), np.int32)


def _floats(
    data: bytes, at: int, count: int, broken: Callable[[str], UserError]
) -> NDArray[np.float32]:
    values = np.frombuffer(data, ">f4", count, at).astype(np.float32)
    if not (np.abs(values) < LIMIT).all():
        raise broken("is a ROI with impossible coordinates")
    return values


def _text(data: bytes, at: int, length: int) -> str:
    if at <= 0 or length <= 0 or at + 2 * length > len(data):
        return ""
    return data[at : at + 2 * length].decode("utf-16-be", errors="replace")
