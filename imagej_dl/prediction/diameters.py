"""Diameters of objects as users give them: in px, in a unit of length, or to be estimated."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

import xarray as xr

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import units

AUTO: Final = "auto"
MODEL: Final = "model"
_LENGTH = re.compile(
    r"(?P<value>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>[^\d\s.,+-].*)?"
)
_HOW = "a number in px, a length such as 8 um, auto, or model"


@dataclass(frozen=True)
class Diameter:
    """A diameter: its value, and its unit in the standard spelling."""

    value: float
    unit: str = units.PIXEL

    def __str__(self) -> str:
        return f"{self.value:g} {'px' if self.unit == units.PIXEL else self.unit}"

    def in_pixels(self, image: xr.DataArray) -> float:
        """Return the side in px of the square of pixels that is as large.

        Where pixels are not square it is that of square ones of the same area.

        Raises
        ------
        UserError : for a length, where the image has no pixel size in a unit of length.
        """
        if self.unit == units.PIXEL:
            return self.value
        cal = images.calibration(image)
        scale = units.factor(self.unit, cal.unit) if units.is_calibrated(cal.unit) else None
        if scale is None:
            known = f"in {cal.unit}" if units.is_calibrated(cal.unit) else "not known"
            raise UserError(
                f"its pixel size is {known}, so a diameter of {self} cannot be converted to px",
                path=image.attrs.get("title") or None,
                remedy="Give the diameter in px, as a number alone, or set the pixel size in "
                "ImageJ's Image > Properties..., and save the image again.",
            )
        return self.value * scale / math.sqrt(cal.pixel_width * cal.pixel_height)


def parsed(given: str | float) -> Diameter | Literal["auto", "model"]:
    """Read a diameter: a number in px, "8 um", "8µm", "auto", or "model".

    Raises
    ------
    ValueError : for anything else.
    """
    text = str(given).strip()
    if text.lower() == AUTO:
        return AUTO
    if text.lower() == MODEL:
        return MODEL
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no diameter: give {_HOW}")
    value = float(match["value"])
    if not 0 < value < math.inf:
        raise ValueError(f"a diameter is above 0: give {_HOW}")
    unit = units.plain(match["unit"] or "")
    if units.is_calibrated(unit) and units.factor(unit, "µm") is None:
        raise ValueError(f"{match['unit']!r} is no known unit of length: give {_HOW}")
    return Diameter(value, unit)
