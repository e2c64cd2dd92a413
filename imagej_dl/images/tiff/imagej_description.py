"""ImageJ's description of a TIFF, and the tags of the pixel size, as ImageJ reads them."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from imagej_dl.errors import warn
from imagej_dl.images import units
from imagej_dl.images.units import seconds

# The numbers that Java's Double.valueOf accepts; Python's float accepts others.
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?|NaN|Infinity)")
_LINE = re.compile(r"\s*([^\s=:#!][^\s=:]*)\s*[=:\s]?\s*(.*)")
_COUNTS = ("images", "channels", "slices", "frames")
# Of ij.measure.Calibration; those up to the last one have coefficients.
_STRAIGHT_LINE, _EXP_RECOVERY, _UNCALIBRATED_OD = 0, 13, 21
_SIGNED = (-32768.0, 1.0)
_NONE, _INCH, _CM = 1, 2, 3
# Smaller pixels in cm ImageJ gives in µm: without its description, and with it.
_MICRONS_BELOW = (0.001, 0.0001)


def escaped(text: str) -> str:
    r"""Write what is not ASCII as ImageJ does, in Java's escapes: Å is \\u00C5."""
    words = text.encode("utf-16-be")
    codes = [int.from_bytes(words[i : i + 2], "big") for i in range(0, len(words), 2)]
    return "".join(chr(code) if code < 128 else f"\\u{code:04X}" for code in codes)


def unescaped(text: str) -> str:
    """Read what :func:`escaped` and ImageJ write."""
    decoded = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def properties(file: tifffile.TiffFile) -> dict[str, str] | None:
    """Return the lines of ImageJ's description by their names; None where it has none."""
    text = file.pages.first.description
    if not text.startswith("ImageJ"):
        return None
    matches = (_LINE.fullmatch(line) for line in text.splitlines()[1:])
    return {match[1]: unescaped(match[2]).rstrip("\0") for match in matches if match}


def number(text: str | None) -> float | None:
    """Return a number as Java reads it; None where it is none, as with a decimal comma."""
    word = "" if text is None else text.strip()
    return float(word.rstrip("fFdD")) if _NUMBER.fullmatch(word) else None


def tidy(file: tifffile.TiffFile) -> None:
    """Replace counts in tifffile's metadata by whole numbers as ImageJ does: 6.0 is 6."""
    metadata = file.imagej_metadata if file.is_imagej else None
    for name in _COUNTS if metadata else ():
        if metadata and name in metadata and type(metadata[name]) is not int:
            whole = number(str(metadata[name]))
            if whole is not None and math.isfinite(whole):
                metadata[name] = int(whole)


def calibration(path: Path, file: tifffile.TiffFile, slices: bool) -> dict[str, Any]:
    """Return the attrs of pixel size, unit and frame interval.

    Parameters
    ----------
    slices : the image has several slices, so that their distance matters.

    Warns
    -----
    DataWarning : for text that is no number, and for sizes in units that cannot be converted.
    """
    lines = properties(file)
    attrs = _tags(file, lines)
    if lines is None:
        return attrs
    for name in ("spacing", "finterval"):
        if lines.get(name, "").strip() and number(lines[name]) is None:
            words = f"{name}={lines[name]}, which is not a number, is left out"
            warn(words, path=path.name)
    spacing = number(lines.get("spacing"))
    depth = abs(1.0 if spacing is None else spacing)
    if depth or slices:
        attrs["pixel_depth"] = depth * attrs.pop("scale", 1.0)
    own = lines.get("yunit", ""), lines.get("zunit", "")
    units.in_one(path.name, attrs, own, told=slices or "spacing" in lines)
    interval = number(lines.get("finterval"))
    if interval:
        attrs["frame_interval"] = interval * seconds(lines.get("tunit", "sec"))
    return attrs


def signed(file: tifffile.TiffFile, array: np.ndarray, metadata: dict[str, Any]) -> np.ndarray:
    """Return 16-bit pixels as the signed numbers that ImageJ shows, where it saved such.

    ImageJ holds them as unsigned ones, with a calibration function that takes 32768 away.

    Parameters
    ----------
    metadata : of ImageJ; its display ranges are those of the pixels held.
    """
    if array.dtype == np.int16:
        shift_ranges(metadata, -32768)
    function = _function(file)
    if array.dtype != np.uint16 or function is None or not _is_signed(*function):
        return array
    shift_ranges(metadata, -32768)
    return (array ^ np.uint16(0x8000)).view(np.int16)


def shift_ranges(metadata: dict[str, Any], by: int) -> None:
    """Move the display ranges in ImageJ's metadata."""
    for name in ("min", "max", "Ranges"):
        value = metadata.get(name)
        if isinstance(value, int | float):
            metadata[name] = value + by
        elif isinstance(value, tuple):
            metadata[name] = tuple(entry + by for entry in value)


def warn_calibration_function(path: Path, file: tifffile.TiffFile, array: np.ndarray) -> None:
    """Warn that ImageJ shows calibrated values instead of the pixels.

    Warns
    -----
    DataWarning : that names the function.
    """
    function = _function(file)
    if function is None or array.dtype.name not in ("uint8", "uint16"):
        return
    kind, numbers = function
    if kind == _STRAIGHT_LINE and numbers[:2] == (0.0, 1.0):
        return
    names = {_STRAIGHT_LINE: "a straight line", _UNCALIBRATED_OD: "uncalibrated optical density"}
    words = names.get(kind, f"number {kind}")
    listed = f", {', '.join(f'{n:g}' for n in numbers)}" if numbers else ""
    warn(
        f"ImageJ shows its grey values by a calibration function ({words}{listed}); "
        "they are read as they are in the file",
        path=path.name,
    )


def _function(file: tifffile.TiffFile) -> tuple[int, tuple[float, ...]] | None:
    """Return ImageJ's calibration function and its coefficients."""
    lines = properties(file)
    if lines is None or "vunit" not in lines:
        return None
    kind = int(number(lines.get("cf")) or 0)
    numbers: list[float] = []
    while len(numbers) < 5 and (value := number(lines.get(f"c{len(numbers)}"))) is not None:
        numbers.append(value)
    given = _STRAIGHT_LINE <= kind <= _EXP_RECOVERY and len(numbers) > 1
    return (kind, tuple(numbers)) if given or kind == _UNCALIBRATED_OD else None


def _is_signed(kind: int, numbers: tuple[float, ...]) -> bool:
    return kind == _STRAIGHT_LINE and numbers[:2] == _SIGNED


def _tags(file: tifffile.TiffFile, lines: dict[str, str] | None) -> dict[str, Any]:
    """Return size and unit; and "scale", by which a distance of slices is to be multiplied."""
    tags = file.pages.first.tags
    width, height = (_size(tags, name) for name in ("XResolution", "YResolution"))
    stated = getattr(tags.get("ResolutionUnit"), "value", None)
    unit = {_NONE: " ", _INCH: "inch", _CM: "cm"}.get(stated) if isinstance(stated, int) else None
    if unit == "inch" and width == 1 / 72:
        # The screen's resolution of old: nothing is known.
        width, height, unit = 1.0, 1.0, None
    stated_unit = None if lines is None else lines.get("unit", "").strip()
    if stated_unit == "um" and unit == "cm":
        width, height = width * 1e4, height * 1e4
    if lines is not None:
        # Where ImageJ's description has no unit, that of the tags is not forgotten.
        unit = stated_unit or unit or " "
    if unit is None:
        return {}
    attrs: dict[str, Any] = {"unit": units.kept(unit)}
    attrs |= {"pixel_width": width, "pixel_height": height}
    if unit == "cm" and width <= _MICRONS_BELOW[lines is not None]:
        attrs = {"unit": "µm", "pixel_width": width * 1e4, "pixel_height": height * 1e4}
        spacing = None if lines is None else number(lines.get("spacing"))
        if spacing is not None and abs(spacing) != 1:
            attrs["scale"] = 1e4
    return attrs


def _size(tags: Any, name: str) -> float:
    """Return the length of a pixel: 1 where it is not stated, as in ImageJ; NaN for no length."""
    value = getattr(tags.get(name), "value", (1, 1))
    if isinstance(value, tuple) and len(value) == 2:
        above, below = value
        return below / above if above else math.nan
    return 1 / value if isinstance(value, int | float) and value else math.nan
