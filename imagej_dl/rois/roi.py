"""An ImageJ ROI: its outline, position on the stack, name and appearance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal[
    "rectangle",
    "oval",
    "polygon",
    "freehand",
    "traced",
    "ellipse",
    "rotated rectangle",
    "composite",
    "line",
    "arrow",
    "polyline",
    "freeline",
    "angle",
    "point",
    "text",
    "image",
]
AREAS = frozenset(
    (
        "rectangle",
        "oval",
        "polygon",
        "freehand",
        "traced",
        "ellipse",
        "rotated rectangle",
        "composite",
    )
)
"""The kinds that enclose pixels."""
LINES = frozenset(("line", "arrow", "polyline", "freeline", "angle"))
"""The kinds that enclose pixels once they are given their stroke width."""
POINTED = frozenset(("polygon", "freehand", "traced", "polyline", "freeline", "angle", "point"))
"""The kinds whose outline is `Roi.points`."""

LABEL_KEY = "imagej-dl.label"
"""The ROI property in which :func:`imagej_dl.rois.trace` keeps a label's id."""
SIZE_KEY = "imagej-dl.size"
"""The ROI property in which a ROI made of a mask keeps the mask's size, "width x height"."""


@dataclass(frozen=True)
class Looks:
    """Appearance of a ROI, kept so that a ROI that is read and written stays the same.

    Colours are 0xAARRGGBB, 0 for none. `options` and `style` are the raw fields of the format
    (arrow style, point type); `payload` is the text or picture of text and image ROIs.
    """

    stroke_color: int = 0
    fill_color: int = 0
    options: int = 0
    style: int = 0
    label_color: int = 0
    font_size: int = 0
    opacity: int = 0
    payload: bytes = b""
    counters: bytes = b""


@dataclass(eq=False)
class Roi:
    """One ROI, as ImageJ's Roi classes have it.

    Coordinates are in pixels of the image, (0, 0) being the upper left corner of the first pixel
    (for lines and points: its centre), as in ImageJ.

    Attributes
    ----------
    kind : ImageJ's type; those in :data:`AREAS` enclose pixels.
    name : as the ROI Manager shows it.
    box : x, y, width, height of rectangles, ovals, text and image ROIs; whole numbers unless
        `subpixel`.
    subpixel : whether the box or the points are sub-pixel coordinates.
    points : (n, 2) x, y of the kinds in :data:`POINTED`; int32, or float32 when `subpixel`.
    path : float32 path segments of a composite: 0 x y (move to), 1 x y (line to),
        2 and 4 coordinates (quadratic curve), 3 and 6 (cubic curve), 4 (close).
    params : x1, y1, x2, y2 of a line or the main axis of an ellipse or rotated rectangle, and
        the ellipse's aspect ratio or the rectangle's width.
    corner : corner diameter of a rounded rectangle.
    spline : whether a curve is fitted through the points.
    channel, z, t : position on a hyperstack, from 1; 0 is all.
    position : index in a plain stack, from 1; 0 is all.
    stroke_width : in pixels; 0 is none.
    group : ImageJ's ROI group, 0 to 255.
    properties : text of `key: value` lines.
    """

    kind: Kind
    name: str = ""
    box: tuple[float, float, float, float] = (0, 0, 0, 0)
    subpixel: bool = False
    points: NDArray[Any] | None = None
    path: NDArray[np.float32] | None = None
    params: tuple[float, ...] = ()
    corner: int = 0
    spline: bool = False
    channel: int = 0
    z: int = 0
    t: int = 0
    position: int = 0
    stroke_width: float = 0.0
    group: int = 0
    properties: str = ""
    looks: Looks = field(default_factory=Looks)

    def get(self, key: str) -> str | None:
        """Return the value of a property, None where the ROI has no such key."""
        for line in self.properties.splitlines():
            name, colon, value = line.partition(":")
            if colon and name.strip() == key:
                return value.strip()
        return None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Roi):
            return NotImplemented
        arrays = ("points", "path")
        for name in self.__dataclass_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if name in arrays:
                if (mine is None) != (theirs is None):
                    return False
                if mine is not None and not (
                    mine.dtype == theirs.dtype and np.array_equal(mine, theirs)
                ):
                    return False
            elif mine != theirs:
                return False
        return True
