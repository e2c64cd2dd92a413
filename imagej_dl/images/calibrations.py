"""Calibration in the metadata of TIFF files: ImageJ's description and tags, OME's XML."""

from __future__ import annotations

import math
import re
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import tifffile

from imagej_dl import safe_xml
from imagej_dl.errors import DataWarning
from imagej_dl.images.array import seconds

# Other spellings of micrometres than the two that are kept, "µm" and "um".
_UNITS = {"micron": "µm", "microns": "µm", "μm": "µm", "": "pixel", "pixels": "pixel"}
_INCH = {2: "inch", 3: "cm"}
_METRES = {"pm": 1e-12, "Å": 1e-10, "nm": 1e-9, "µm": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0}
_SIZES = ("pixel_width", "pixel_height", "pixel_depth")


def read(path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> dict[str, Any]:
    """Return the attrs of a series of an open TIFF; what makes no sense is left out.

    Warns
    -----
    DataWarning : for pixel sizes and intervals that are not positive numbers.
    """
    attrs = _ome(path, file, series) if file.is_ome else _imagej(file)
    if any(not _positive(attrs.get(name, 1.0)) for name in _SIZES[:2]):
        _warn(path, f"pixel sizes of {attrs.get('pixel_width')} × {attrs.get('pixel_height')}")
        attrs = {name: value for name, value in attrs.items() if name not in (*_SIZES, "unit")}
    if not _positive(attrs.get("pixel_depth", 1.0)):
        _warn(path, f"a slice distance of {attrs.pop('pixel_depth')}")
    if not _positive(attrs.get("frame_interval") or 1.0):
        _warn(path, f"a frame interval of {attrs.pop('frame_interval')}")
    return attrs


def refuse_entities(path: Path, file: tifffile.TiffFile) -> None:
    """Raise UserError for a description in XML that declares entities."""
    safe_xml.check(file.pages.first.description, path, "Save it again as TIFF in ImageJ.")


def escaped(text: str) -> str:
    r"""Write what is not ASCII as ImageJ does, in Java's escapes: Å is \\u00C5."""
    units = text.encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
    return "".join(chr(code) if code < 128 else f"\\u{code:04X}" for code in codes)


def unescaped(text: str) -> str:
    """Read what :func:`escaped` and ImageJ write."""
    found = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _warn(path: Path, what: str) -> None:
    warnings.warn(f"{path.name}: {what} is left out", DataWarning, stacklevel=5)


def _imagej(file: tifffile.TiffFile) -> dict[str, Any]:
    tags = file.pages.first.tags
    metadata = file.imagej_metadata or {}
    attrs: dict[str, Any] = {}
    unit = unescaped(str(metadata.get("unit", ""))).strip()
    unit = unit or _INCH.get(_tag(tags, "ResolutionUnit", 1), "")
    attrs["unit"] = _UNITS.get(unit, unit)
    if attrs["unit"] != "pixel" or metadata:
        attrs["pixel_width"] = _size(tags, "XResolution")
        attrs["pixel_height"] = _size(tags, "YResolution")
    attrs["pixel_depth"] = float(metadata.get("spacing", 1.0)) or 1.0
    interval = float(metadata.get("finterval", 0.0))
    if not interval and metadata.get("fps"):
        interval = 1 / float(metadata["fps"])
    if interval:
        interval *= seconds(unescaped(str(metadata.get("tunit", "sec"))))
    attrs["frame_interval"] = interval
    return attrs


def _ome(path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> dict[str, Any]:
    try:
        root = ET.fromstring(file.ome_metadata or "")  # safe_xml has seen it
    except ET.ParseError:
        return {}
    pixels = _of_series(path, root, file, series)
    if pixels is None:
        return {}
    attrs = _ome_size(path, pixels)
    if value := pixels.get("TimeIncrement"):
        attrs["frame_interval"] = float(value) * seconds(pixels.get("TimeIncrementUnit", "s"))
    names = [channel.get("Name", "") for channel in pixels.iterfind("{*}Channel")]
    if names and all(names) and "S" not in series.axes:
        attrs["channels"] = names
    return attrs


def _ome_size(path: Path, pixels: ET.Element) -> dict[str, Any]:
    """Return the pixel sizes in one unit, that of the first; OME gives each axis its own."""
    attrs: dict[str, Any] = {}
    for axis, name in (("X", "pixel_width"), ("Y", "pixel_height"), ("Z", "pixel_depth")):
        if not (value := pixels.get(f"PhysicalSize{axis}")):
            continue
        theirs = pixels.get(f"PhysicalSize{axis}Unit", "µm")
        unit = attrs.setdefault("unit", theirs)
        if theirs == unit:
            attrs[name] = float(value)
        elif theirs in _METRES and unit in _METRES:
            attrs[name] = float(value) * (_METRES[theirs] / _METRES[unit])
        else:
            _warn(path, f"a size of pixels along {axis} of {value} {theirs}, not {unit},")
    return attrs


def _of_series(
    path: Path, root: ET.Element, file: tifffile.TiffFile, series: tifffile.TiffPageSeries
) -> ET.Element | None:
    """Return the Pixels that describe a series."""
    found = [
        (image.get("Name"), pixels)
        for image in root.iterfind("{*}Image")
        for pixels in image.iterfind("{*}Pixels")
    ]
    if (number := series.attr.get("image")) is not None:
        # Of a stack's positions each has an image in the XML, or all have one.
        number = 0 if len(found) == 1 else number
        return found[number][1] if number < len(found) else None
    if len(found) == len(file.series) or series.kind != "ome":
        place = next(i for i, other in enumerate(file.series) if other is series)
        return found[place][1] if place < len(found) else None
    # What the file lacks is no series: only the name says which is which.
    alike = [pixels for name, pixels in found if (name or "") == series.name]
    if len(alike) != 1:
        warnings.warn(
            f"{path}: does not say which of its {len(found)} pixel sizes are those of the scene "
            f"{series.name}: they are left out",
            DataWarning,
            stacklevel=5,
        )
        return None
    return alike[0]


def _size(tags: Any, name: str) -> float:
    above, below = _tag(tags, name, (1, 1))
    return below / above if above else math.nan


def _tag(tags: Any, name: str, default: Any) -> Any:
    tag = tags.get(name)
    return default if tag is None else tag.value
