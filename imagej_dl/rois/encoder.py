"""Writing of ImageJ's .roi format by roifile, byte for byte as ImageJ 1.54p's RoiEncoder does."""

from __future__ import annotations

import math
import struct
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from imagej_dl.errors import UserError
from imagej_dl.rois import outlines
from imagej_dl.rois.decoder import ARROW, ELLIPSE, IMAGE, ROTATED, SPLINE, SUBPIXEL, TEXT, TYPES
from imagej_dl.rois.roi import AREAS, LINES, Kind, Roi

_VERSION, _VERSION_OF_LARGE_GROUPS = 228, 229
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
_SUBTYPES |= {"rotated rectangle": ROTATED}
_DRAW_OFFSET = 256
_NO_ORIGIN = np.zeros(2)
_LOWEST, _HIGHEST = -5000, 60000  # whole coordinates that 16 bits carry in ImageJ's reading
_MOST_POINTS = 65535


class _Text(str):
    """A text whose length is that in UTF-16: roifile counts characters, the format units."""

    def __len__(self) -> int:
        return len(self.encode()) // 2

    def encode(self, encoding: str = "utf-16-be", errors: str = "surrogatepass") -> bytes:
        """Return the bytes; halves of pairs are written as they are, as ImageJ does."""
        return super().encode("utf-16-be", "surrogatepass")


def encode(roi: Roi) -> bytes:
    """Return the bytes of a .roi file.

    Coordinates outside −5000 … 60000 are written with sub-pixel precision, and areas of more
    than 65535 points as composites, since the 16-bit fields cannot hold them (ImageJ does the
    same); all else comes back from :func:`imagej_dl.rois.decode` as it was.
    """
    if roi.points is not None and len(roi.points) > _MOST_POINTS and roi.kind in AREAS:
        roi = _as_composite(roi)
    looks = roi.looks
    options = looks.options | (SPLINE if roi.spline else 0)
    file = ImagejRoi(
        version=_VERSION if roi.group < 256 else _VERSION_OF_LARGE_GROUPS,
        roitype=ROI_TYPE(_CODES[roi.kind]),
        subtype=ROI_SUBTYPE(_SUBTYPES.get(roi.kind, 0)),
        name=_text(roi.name),
        props=_text(roi.properties),
        stroke_width=_signed(min(int(roi.stroke_width), 65535)),
        float_stroke_width=roi.stroke_width,
        stroke_color=looks.stroke_color.to_bytes(4),
        fill_color=looks.fill_color.to_bytes(4),
        overlay_label_color=looks.label_color.to_bytes(4),
        overlay_font_size=_signed(looks.font_size),
        image_opacity=looks.opacity,
        arrow_style_or_aspect_ratio=looks.style >> 8,
        arrow_head_size=looks.style & 255,
        rounded_rect_arc_size=_signed(roi.corner),
        position=roi.position,
        c_position=roi.channel,
        z_position=roi.z,
        t_position=roi.t,
        group=roi.group,
    )
    (x, y, width, height), origin = _bounds(roi)
    file.left, file.top, file.right, file.bottom = x, y, x + width, y + height
    fits = min(x, y) >= _LOWEST and max(x + width, y + height) <= _HIGHEST
    subpixel = roi.subpixel or not fits
    if roi.kind == "composite":
        file.multi_coordinates, subpixel = roi.path, False
        file.shape_roi_size = 0 if roi.path is None else len(roi.path)
    elif roi.kind in ("line", "arrow"):
        file.x1, file.y1, file.x2, file.y2 = roi.params[:4]
        subpixel = roi.kind == "line" and bool(options & _DRAW_OFFSET)
    elif roi.kind in ("ellipse", "rotated rectangle"):
        _put_oblong(file, roi)
        subpixel = True
    elif roi.points is not None:
        _put_points(file, roi.points, origin, subpixel)
        if roi.kind == "point" and float(int(roi.stroke_width)) == roi.stroke_width:
            file.float_stroke_width = 0.0  # the size of the point, not a line's
    else:
        file.xd, file.yd, file.widthd, file.heightd = roi.box
        _put_payload(file, roi)
    if looks.counters and len(looks.counters) >= 4 * file.n_coordinates:
        counters = np.frombuffer(looks.counters, ">u4", file.n_coordinates)
        file.counters = counters  # type: ignore[assignment]
    file.options = ROI_OPTIONS((options | (SUBPIXEL if subpixel else 0)) & 0x7FFF)
    return file.tobytes()


def _put_points(file: ImagejRoi, points: NDArray[Any], origin: NDArray[Any], exact: bool) -> None:
    """Put points as whole offsets from an origin and, where `exact`, as they are."""
    offsets = points - origin
    if offsets.dtype.kind == "f":
        offsets = np.floor(offsets.astype(np.float64) + 0.5).astype(np.int64)
    file.n_coordinates = len(points)
    file.integer_coordinates = offsets.astype(np.int16)  # type: ignore[assignment]  # the low bits
    if exact:
        file.subpixel_coordinates = points.astype(np.float32)


def _put_oblong(file: ImagejRoi, roi: Roi) -> None:
    """Put an ellipse or rotated rectangle: its parameters, and its vertices for other readers."""
    ellipse = roi.kind == "ellipse"
    vertices = outlines.ellipse_vertices(roi) if ellipse else outlines.rectangle_vertices(roi)
    if not len(vertices):
        vertices = np.zeros((4, 2), np.float32)
    corner = np.floor(vertices.min(axis=0))
    if ellipse:
        vertices = (vertices - corner) + corner  # rounded as in ImageJ
    file.x1, file.y1, file.x2, file.y2 = roi.params[:4]
    style, head, arc = struct.unpack(">BBh", struct.pack(">f", roi.params[4]))
    file.arrow_style_or_aspect_ratio, file.arrow_head_size = style, head
    file.rounded_rect_arc_size = arc
    _put_points(file, vertices, corner, True)


def _put_payload(file: ImagejRoi, roi: Roi) -> None:
    payload = roi.looks.payload
    if roi.kind == "image":
        file.image_data, file.image_size = payload, len(payload)
    elif roi.kind == "text" and payload:
        try:
            size, style, font, text = struct.unpack_from(">4i", payload)
            (file.text_angle,) = struct.unpack_from(">f", payload, 16 + 2 * (font + text))
        except struct.error as error:
            raise UserError(f"the text of the ROI {roi.name!r} is truncated") from error
        file.text_size, file.text_style = size, style  # with the justification in its second byte
        file.text_name, file.text = (
            _Text(payload[start:end].decode("utf-16-be", "surrogatepass"))
            for start, end in pairwise((16, 16 + 2 * font, 16 + 2 * (font + text)))
        )


def _bounds(roi: Roi) -> tuple[outlines.Box, NDArray[Any]]:
    """Return ImageJ's `Roi.getBounds()`, and where its whole offsets of points begin.

    The former is x, y, width and height in whole pixels; the latter is of no use without points.
    """
    if roi.kind in ("line", "arrow"):
        ends = np.array(roi.params[:4]).reshape(2, 2)
        return outlines.line_box(ends.min(axis=0), ends.max(axis=0)), ends
    if roi.points is not None:
        return _bounds_of_points(roi, roi.points)
    if roi.kind in ("rectangle", "oval") and roi.subpixel:
        return outlines.whole_box(roi), _NO_ORIGIN
    if roi.kind == "text" and roi.subpixel:
        x, y, width, height = roi.box
        return (int(x), int(y), math.ceil(round(width, 3)), math.ceil(round(height, 3))), _NO_ORIGIN
    return outlines.extent(roi), _NO_ORIGIN


def _bounds_of_points(roi: Roi, points: NDArray[Any]) -> tuple[outlines.Box, NDArray[Any]]:
    widened = roi.kind in LINES or roi.kind == "point"  # whole numbers are pixels, not their edges
    if roi.spline and roi.subpixel:
        _, corner, box = outlines.spline_points(roi)
        return box, np.array(corner, np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    if not roi.subpixel:
        x, y = low.tolist()
        right, bottom = high.tolist()
        return (x, y, right - x + widened, bottom - y + widened), low
    return (outlines.polyline_box if widened else outlines.area_box)(low, high), low


def _text(text: str) -> str:
    return text if text.isascii() else _Text(text)


def _signed(value: int) -> int:
    """Return the signed 16-bit number of the same bits."""
    return (value + 0x8000 & 0xFFFF) - 0x8000


def _as_composite(roi: Roi) -> Roi:
    assert roi.points is not None
    path = np.ones((len(roi.points), 3), np.float32)
    path[0, 0] = 0
    path[:, 1:] = roi.points
    fields = {name: getattr(roi, name) for name in roi.__dataclass_fields__}
    fields |= {"kind": "composite", "points": None, "subpixel": False, "spline": False}
    return Roi(**fields | {"path": np.append(path.ravel(), np.float32(4))})
