"""Units of length and of time: how they are spelled, and how long they are."""

from __future__ import annotations

from typing import Any

from imagej_dl.errors import warn

_INCH = 0.0254
_SPELLINGS: dict[str, tuple[float, str]] = {
    "fm": (1e-15, "femtometer femtometers femtometre femtometres"),
    "pm": (1e-12, "picometer picometers picometre picometres"),
    "Å": (1e-10, "\u212b A angstrom angstroms ångström ångströms"),
    "nm": (1e-9, "nanometer nanometers nanometre nanometres"),
    "µm": (1e-6, "μm um micron microns micrometer micrometers micrometre micrometres"),
    "mm": (1e-3, "millimeter millimeters millimetre millimetres"),
    "cm": (1e-2, "centimeter centimeters centimetre centimetres"),
    "dm": (1e-1, "decimeter decimeters decimetre decimetres"),
    "m": (1.0, "meter meters metre metres"),
    "km": (1e3, "kilometer kilometers kilometre kilometres"),
    "thou": (_INCH / 1000, "mil mils"),
    "pt": (_INCH / 72, ""),
    "inch": (_INCH, 'in inches "'),
    "ft": (12 * _INCH, "foot feet"),
    "yd": (36 * _INCH, "yard yards"),
}
"""Each unit in its standard spelling, its length in metres, and its other spellings."""

PIXEL = "pixel"
"""The unit of an image that is not calibrated."""

_PIXELS = ("", "pixels", "px")
_PLAIN = {word: name for name, (_, words) in _SPELLINGS.items() for word in (name, *words.split())}
_PLAIN |= dict.fromkeys(_PIXELS, PIXEL)
# Words may be written in capitals; of symbols only these, since Mm is no mm.
_ANY_CASE = {word.lower(): name for word, name in _PLAIN.items() if len(word) > 3}
_ANY_CASE |= {"UM": "µm", "NM": "nm", "MM": "mm", "CM": "cm", "µM": "µm", "PX": PIXEL}

NO_TIME = ("frame", "frames", "pixel", "pixels")
"""ImageJ's names for the unit of a time axis that is not calibrated."""

_SECONDS = {
    0.0: NO_TIME,
    1e-9: ("ns", "nsec", "nanosecond", "nanoseconds"),
    1e-6: ("µs", "μs", "us", "usec", "microsecond", "microseconds"),
    1e-3: ("ms", "msec", "millisecond", "milliseconds"),
    1.0: ("", "s", "sec", "secs", "second", "seconds"),
    60.0: ("min", "mins", "minute", "minutes"),
    3600.0: ("h", "hr", "hrs", "hour", "hours"),
    86400.0: ("d", "day", "days"),
}
_LENGTH_OF = {name: length for length, names in _SECONDS.items() for name in names}


def plain(unit: str) -> str:
    """Return the standard spelling of a unit of length, µm for "um" or "microns".

    Other units are returned as they are, and "pixel" for images without calibration.
    """
    word = unit.strip()
    known = _PLAIN.get(word) or _ANY_CASE.get(word) or _ANY_CASE.get(word.lower())
    return known or word


def kept(unit: str) -> str:
    """Return the spelling that an image keeps: the standard one, but "um" where a file has it."""
    return "um" if unit.strip() == "um" else plain(unit)


def is_calibrated(unit: str) -> bool:
    """Return True for a physical unit, False for "pixel"."""
    return plain(unit) != PIXEL


def factor(unit: str, other: str) -> float | None:
    """Return the factor that converts a unit to another: 1000 for "micron" and "nm".

    None where one of them is no known unit of length.
    """
    one, two = plain(unit), plain(other)
    if one == two:
        return 1.0
    if one not in _SPELLINGS or two not in _SPELLINGS:
        return None
    return _SPELLINGS[one][0] / _SPELLINGS[two][0]


def seconds(unit: str) -> float:
    """Return the length in seconds of a unit of time of ImageJ's or OME's: 0 for "frame".

    Warns
    -----
    DataWarning : for a unit that is not known, which counts as a second.
    """
    known = _LENGTH_OF.get(unit.strip().lower())
    if known is None:
        warn(f"the time unit {unit!r} is not known: frame intervals are taken as seconds")
    return 1.0 if known is None else known


def in_one(title: str, attrs: dict[str, Any], own: tuple[str, str], *, told: bool = True) -> None:
    """Convert pixel height and depth to the unit of the width, in place.

    ImageJ has a unit for each axis.

    Parameters
    ----------
    title : of the image, named in warnings.
    attrs : `unit`, and the pixel sizes that are known.
    own : units of height and depth; "" for that of the width.
    told : warn of a depth that is left out; False where it does not matter.

    Warns
    -----
    DataWarning : for sizes in units that cannot be converted. The height is then set to the
        width, and the depth is left out.
    """
    unit = attrs.get("unit", PIXEL)
    for name, theirs in zip(("pixel_height", "pixel_depth"), own, strict=True):
        scale = factor(theirs, unit) if theirs.strip() else 1.0
        if name not in attrs or scale == 1:
            continue
        if scale is not None:
            attrs[name] *= scale
            continue
        what = "a pixel height" if name == "pixel_height" else "a slice distance"
        words = f"{title}: {what} of {attrs.pop(name):g} {theirs}, where the width is in {unit},"
        if name == "pixel_height":
            attrs[name] = attrs["pixel_width"]
        if name == "pixel_height" or told:
            warn(f"{words} is left out")


def completed(title: str, attrs: dict[str, Any], *, told: bool = True) -> dict[str, Any]:
    """Return the attrs of the pixel sizes that a file states, without invented ones.

    Parameters
    ----------
    title : of the image, named in warnings.
    attrs : `unit`, and those of pixel_width, pixel_height and pixel_depth that are stated.
    told : warn of a depth that is left out; False where it does not matter.

    Warns
    -----
    DataWarning : for a width or height alone, which is taken for both, and for a depth alone,
        which is left out.
    """
    width, height = attrs.get("pixel_width"), attrs.get("pixel_height")
    if width is None and height is None:
        if "pixel_depth" in attrs and told:
            words = f"a slice distance of {attrs['pixel_depth']:g} {attrs.get('unit', PIXEL)}"
            words = f"{title}: states {words} and no pixel size: it is left out"
            warn(words)
        return {}
    if width is None or height is None:
        known, lacking = ("height", "width") if width is None else ("width", "height")
        words = f"{title}: states no pixel {lacking}; the {known} is used for it"
        warn(words)
        size = height if width is None else width
        return attrs | {"pixel_width": size, "pixel_height": size}
    return attrs
