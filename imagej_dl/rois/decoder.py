"""Reading of ImageJ's .roi format: roifile's codec, with limits and errors of our own.

What ImageJ 1.54p's `ij.io.RoiDecoder` tolerates is read in the same way (offsets below zero,
texts that lie beyond the end, old versions). Counts and offsets are compared with the length of
the bytes before roifile sees them, so that no number in a damaged file makes a large array.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray
from roifile import ImagejRoi

from imagej_dl.errors import UserError
from imagej_dl.rois.roi import POINTED, Kind, Looks, Roi

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
# by kind and subtype, with the version that brought it
_SUBTYPES: dict[tuple[Kind, int], tuple[Kind, int]] = {
    ("rectangle", TEXT): ("text", 218),
    ("oval", TEXT): ("text", 218),
    ("rectangle", IMAGE): ("image", 221),
    ("oval", IMAGE): ("image", 221),
    ("line", ARROW): ("arrow", 0),
    ("freehand", ELLIPSE): ("ellipse", 0),
    ("freehand", ROTATED): ("rotated rectangle", 0),
}
# Far beyond any image; a larger number is a damaged file and would only make huge arrays.
LIMIT = 2.0**20
_OPTIONS = 0x7FFF & ~(SPLINE | SUBPIXEL)  # those that are kept as they are
_BELOW_ZERO = 65536 - 5000  # 16-bit numbers from here on are negative ones to ImageJ
_START = 64  # where the header ends and the coordinates begin
# version, type, number of points (16 or 32 bits), path segments, subtype, options, second header
_HEADER = struct.Struct(">4xhBx8xHi14xi8xHH8xi")
_RATIO = struct.Struct(">52xf")
# offset and length of the name and of the properties, and offset of the counters
_HEADER2 = struct.Struct(">16xii16xiii")
_NAME, _PROPERTIES, _COUNTERS = 20, 44, 48  # the fields of the second header that are blanked
_PLAIN = Looks()
_REMEDY = "Open it in ImageJ and save it again, or leave it out."


def decode(data: bytes, name: str = "", path: str | None = None) -> Roi:
    """Read one ROI.

    Parameters
    ----------
    data : the bytes of a .roi file.
    name : its file name, which is the ROI's name when the file holds none.
    path : what an error calls the file.

    Raises
    ------
    UserError : when the bytes are no ROI, are truncated, or hold impossible coordinates.
    """
    try:
        return _decode(data, name)
    except UserError as error:
        problem = error.problem
    except (struct.error, ValueError, TypeError):  # bytes that are not there
        problem = "is a truncated ImageJ ROI"
    raise UserError(problem, path=path or name or None, remedy=_REMEDY)


def _decode(data: bytes, name: str) -> Roi:
    if data[:2] != b"Io":
        raise UserError("is not an ImageJ ROI")
    version, code, count, long, segments, subtype, options, second = _HEADER.unpack_from(data)
    count = count or long
    if segments <= 0 and code not in TYPES:
        raise UserError(f"is a ROI of an unknown type ({code})")
    if segments > 0 and code != 1:
        raise UserError("is a composite ROI with a wrong type")
    kind: Kind = "composite" if segments > 0 else TYPES[code]
    subpixel = bool(options & SUBPIXEL) and version >= 222
    size = 4 * max(segments, 0)
    if kind in POINTED:
        size = (12 if subpixel else 4) * count
    end = _START + size
    if size < 0 or len(data) < end or (second and not end <= second <= len(data) - _HEADER2.size):
        raise UserError("is a truncated ImageJ ROI")
    if subtype and (count or kind != "freehand"):
        special, since = _SUBTYPES.get((kind, subtype), (kind, 0))
        kind = special if version >= since else kind
    file = _read(data, kind, version, count, second)

    looks = _looks(file, kind, options & _OPTIONS, _payload(data, kind, version, second))
    roi = Roi(kind, file.name or name.removesuffix(".roi"), looks=looks)
    if kind == "composite":
        roi.path = _possible(file.multi_coordinates)
    elif code in (1, 2):
        roi.box, roi.subpixel = _box(file), file.subpixelrect
        roi.corner = max(_unsigned(file.rounded_rect_arc_size), 0) if code == 1 else 0
    elif code == 3:
        roi.params = _near(file.x1, file.y1, file.x2, file.y2)
    elif kind in ("ellipse", "rotated rectangle"):
        roi.params = _near(file.x1, file.y1, file.x2, file.y2, *_RATIO.unpack_from(data))
    elif subpixel:
        roi.points, roi.subpixel = _possible(file.subpixel_coordinates), True
    else:
        roi.points = _whole_points(file)
    roi.channel = max(file.c_position, 0)
    roi.z, roi.t = max(file.z_position, 0), max(file.t_position, 0)
    if not (roi.channel or roi.z or roi.t):
        roi.position = max(file.position, 0)
    if version >= 224:
        roi.properties = file.props
    if version >= 228:
        roi.group = file.group
    if version >= 218:
        roi.stroke_width = _stroke_width(file)
        roi.spline = bool(options & SPLINE) and roi.points is not None and kind != "point"
    return roi


def _read(data: bytes, kind: Kind, version: int, count: int, second: int) -> ImagejRoi:
    """Let roifile read, after blanking out what ImageJ ignores and roifile does not.

    These are texts and counters beyond the end, and subtypes that do not go with the type. The
    subtypes text and image are blanked as well, since :func:`_payload` keeps their content.
    """
    blank: list[int] = []
    if data[48:50] != b"\0\0" and kind not in ("ellipse", "rotated rectangle"):
        blank += (48, 49)
    short = False
    if second:
        name, name_size, props, props_size, counters = _HEADER2.unpack_from(data, second)
        if name + 2 * name_size > len(data):
            blank += range(second + _NAME, second + _NAME + 4)
        if props + 2 * props_size > len(data):
            blank += range(second + _PROPERTIES, second + _PROPERTIES + 4)
        counted = kind == "point" and version >= 227
        if counters and not (counted and 0 < counters <= len(data) - 4 * count):
            blank += range(second + _COUNTERS, second + _COUNTERS + 4)
        short = second + _HEADER2.size == len(data)
    if blank or short or data[2:4] != b"ut":
        mended = bytearray(data) + bytes(short)  # roifile wants a byte behind the second header
        mended[2:4] = b"ut"
        for at in blank:
            mended[at] = 0
        data = bytes(mended)
    try:
        return ImagejRoi.frombytes(data)
    except UnicodeDecodeError:
        return ImagejRoi.frombytes(_without_lone_surrogates(data, second))


def _without_lone_surrogates(data: bytes, second: int) -> bytes:
    """Replace halves of UTF-16 pairs in name and properties, which roifile refuses, by U+FFFD."""
    name, name_size, props, props_size, _ = _HEADER2.unpack_from(data, second)
    mended = bytearray(data)
    for at, size in ((name, name_size), (props, props_size)):
        if at > 0 and size > 0:
            text = data[at : at + 2 * size].decode("utf-16-be", errors="replace")
            mended[at : at + 2 * size] = text.encode("utf-16-be")
    return bytes(mended)


def _payload(data: bytes, kind: Kind, version: int, second: int) -> bytes:
    """Return an image as it is, or a text's size, style, lengths, font, characters and angle."""
    if kind == "image":
        return data[_START : max(second, _START)]
    if kind != "text":
        return b""
    font, text = struct.unpack_from(">8x2i", data, _START)
    end = _START + 16 + 2 * (font + text)
    angle = data[end : end + 4] if version >= 225 else bytes(4)
    if font < 0 or text < 0 or end > len(data) or len(angle) < 4:
        raise UserError("is a truncated ImageJ ROI")
    return data[_START:end] + angle


def _box(file: ImagejRoi) -> tuple[float, float, float, float]:
    if file.subpixelrect:
        x, y, width, height = _near(file.xd, file.yd, file.widthd, file.heightd)
        return x, y, width, height
    # roifile moves the right side of an empty box at or below zero 65536 pixels further
    right, bottom = (v - 65536 if v >= _BELOW_ZERO else v for v in (file.right, file.bottom))
    return file.left, file.top, right - file.left, bottom - file.top


def _unsigned(value: int) -> int:
    """Return a 16-bit number as ImageJ takes it: signed down to −5000, as unsigned beyond."""
    return value + 65536 if value < -5000 else value


def _stroke_width(file: ImagejRoi) -> float:
    exact = file.float_stroke_width
    width = exact if exact > 0 else float(_unsigned(file.stroke_width))
    return width if 0 < width < LIMIT else 0.0


def _looks(file: ImagejRoi, kind: Kind, options: int, payload: bytes) -> Looks:
    style = 0
    if kind in ("arrow", "point"):
        style = file.arrow_style_or_aspect_ratio << 8 | file.arrow_head_size
    counters = b""
    if file.counters is not None and file.counter_positions is not None:
        counters = (file.counter_positions << 8 | file.counters).astype(">u4").tobytes()
    coloured = file.version >= 218
    looks = (
        int.from_bytes(file.stroke_color) if coloured else 0,
        int.from_bytes(file.fill_color) if coloured else 0,
        options,
        style,
        int.from_bytes(file.overlay_label_color),
        file.overlay_font_size & 0xFFFF,
        file.image_opacity,
        payload,
        counters,
    )
    return Looks(*looks) if any(looks) else _PLAIN


def _whole_points(file: ImagejRoi) -> NDArray[np.int32]:
    points = file.integer_coordinates
    assert points is not None
    points[points >= _BELOW_ZERO] = 0  # offsets below zero, which ImageJ sets to zero
    points[:, 0] += file.left
    points[:, 1] += file.top
    return points


def _near(*values: float) -> tuple[float, ...]:
    if not all(abs(value) < LIMIT for value in values):
        raise UserError("is a ROI with impossible coordinates")
    return values


def _possible(values: NDArray[np.float32] | None) -> NDArray[np.float32]:
    assert values is not None
    native = values.astype(np.float32)  # from big-endian
    if np.count_nonzero(np.abs(native) < LIMIT) < native.size:
        raise UserError("is a ROI with impossible coordinates")
    return native
