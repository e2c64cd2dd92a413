"""Calibration in the metadata of TIFF files: as ImageJ reads it, and in OME-XML."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import tifffile

from imagej_dl.errors import warn
from imagej_dl.filesystem import safe_xml
from imagej_dl.images import frame_intervals, units
from imagej_dl.images.tiff import imagej_description
from imagej_dl.images.units import seconds

_SIZES = ("pixel_width", "pixel_height", "pixel_depth")


def read(path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> dict[str, Any]:
    """Return the calibration attrs of a series of an open TIFF; absurd values are left out.

    Warns
    -----
    DataWarning : for pixel sizes and intervals that are not positive numbers.
    """
    if file.is_ome:
        attrs = _ome(path, file, series)
        if "pixel_width" not in attrs:
            attrs = imagej_description.calibration(path, file, False) | attrs
    else:
        sizes = dict(zip(series.axes, series.shape, strict=True))
        # A plain stack, whose axis has no name of ours, is one of slices.
        slices = any(n > 1 for axis, n in sizes.items() if axis not in "TCSYX")
        attrs = imagej_description.calibration(path, file, slices)
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


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _warn(path: Path, what: str) -> None:
    warn(f"{what} is left out", path=path.name)


def _ome(path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> dict[str, Any]:
    try:
        root = ET.fromstring(file.ome_metadata or "")  # safe_xml has seen it
    except ET.ParseError:
        return {}
    pixels = _of_series(path, root, file, series)
    if pixels is None:
        return {}
    attrs = _ome_size(path, pixels) | _ome_interval(path, pixels)
    names = [channel.get("Name", "") for channel in pixels.iterfind("{*}Channel")]
    if names and all(names) and "S" not in series.axes:
        attrs["channels"] = names
    return attrs


def _ome_size(path: Path, pixels: ET.Element) -> dict[str, Any]:
    """Return the pixel sizes in one unit, that of the first; OME gives each axis its own."""
    attrs: dict[str, Any] = {}
    for axis, name in (("X", "pixel_width"), ("Y", "pixel_height"), ("Z", "pixel_depth")):
        value = _float(path, pixels, f"PhysicalSize{axis}")
        if value is not None and math.isnan(value) and axis != "Z":
            return {}
        if value is None or math.isnan(value):
            continue
        theirs = units.kept(pixels.get(f"PhysicalSize{axis}Unit") or "µm")
        unit = attrs.setdefault("unit", theirs)
        scale = units.factor(theirs, unit)
        if scale is None:
            _warn(path, f"a size of pixels along {axis} of {value} {theirs}, not {unit},")
        else:
            attrs[name] = value * scale
    return units.completed(path.name, attrs, told=pixels.get("SizeZ") != "1")


def _ome_interval(path: Path, pixels: ET.Element) -> dict[str, Any]:
    """Return the interval that is stated, else that of the times of the frames' first planes."""
    stated = _float(path, pixels, "TimeIncrement") or 0.0
    stated *= seconds(pixels.get("TimeIncrementUnit", "s")) if stated else 1.0
    times: dict[int, float] = {}
    lengths: dict[str, float] = {}
    for plane in pixels.iterfind("{*}Plane"):
        frame, text = plane.get("TheT", ""), plane.get("DeltaT")
        delta = imagej_description.number(text)
        if text and delta is None:
            _warn(path, f"DeltaT={text!r}, which is not a number,")
            times.clear()
            break
        if frame.isdecimal() and delta is not None:
            unit = plane.get("DeltaTUnit", "s")
            if unit not in lengths:  # what is not known is said once
                lengths[unit] = seconds(unit)
            time = delta * lengths[unit]
            times[int(frame)] = min(time, times.get(int(frame), time))
    usable = stated if _positive(stated) else 0.0
    interval = frame_intervals.compared(path, usable, times)
    if not interval and stated < 0:
        _warn(path, f"a frame interval of {stated}")
    return {"frame_interval": interval} if interval else {}


def _float(path: Path, pixels: ET.Element, name: str) -> float | None:
    text = (pixels.get(name) or "").strip()
    value = imagej_description.number(text)
    if text and (value is None or not math.isfinite(value)):
        _warn(path, f"{name}={text!r}, which is not a number,")
        return math.nan
    return value


def _of_series(
    path: Path, root: ET.Element, file: tifffile.TiffFile, series: tifffile.TiffPageSeries
) -> ET.Element | None:
    """Return the Pixels element that describes a series."""
    declared = [
        (image.get("Name"), pixels)
        for image in root.iterfind("{*}Image")
        for pixels in image.iterfind("{*}Pixels")
    ]
    if (number := series.attr.get("image")) is not None:
        # Of a stack's positions each has an image in the XML, or all have one.
        number = 0 if len(declared) == 1 else number
        return declared[number][1] if number < len(declared) else None
    if len(declared) == len(file.series) or series.kind != "ome":
        place = next(i for i, other in enumerate(file.series) if other is series)
        return declared[place][1] if place < len(declared) else None
    # What the file lacks is no series: only the name says which is which.
    alike = [pixels for name, pixels in declared if (name or "") == series.name]
    if len(alike) != 1:
        warn(
            f"does not state which of its {len(declared)} pixel sizes belongs to the scene "
            f"{series.name}: they are left out",
            path=path,
        )
        return None
    return alike[0]
