"""The metadata of an OME-Zarr that is written: axes, scales, channels, and where labels are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl.images import display, units
from imagej_dl.images.array import Calibration
from imagej_dl.images.ome_zarr import KEY
from imagej_dl.images.ome_zarr.axes import TYPES

_COLOURS = ("FF0000", "00FF00", "0000FF", "FFFFFF", "00FFFF", "FF00FF", "FFFF00")
"""Of channels, in ImageJ's order."""
# The words of UDUNITS-2 for units of length, which NGFF asks for.
_WORDS = {
    "fm": "femtometer",
    "pm": "picometer",
    "Å": "angstrom",
    "nm": "nanometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "dm": "decimeter",
    "m": "meter",
    "km": "kilometer",
    "inch": "inch",
    "ft": "foot",
    "yd": "yard",
}


def attributes(
    axes: str,
    shapes: Sequence[tuple[int, ...]],
    calibration: Calibration,
    *,
    version: str,
    name: str,
    labels: bool,
    source: str | None = None,
    channels: Sequence[Mapping[str, Any]] = (),
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the attributes of the group of an image.

    Parameters
    ----------
    axes : of the arrays, such as "TCYX".
    shapes : of the levels, whose Y and X are halved from each to the next.
    labels, source : whether it is a label map, and the path of its image from here.
    channels : for the viewer, see :func:`shown`.
    facts : of imagej-dl's own.
    """
    size, unit = _sizes(calibration)
    stated = []
    for axis in axes.lower():
        entry = {"name": axis, "type": TYPES[axis]}
        if axis == "t" and calibration.frame_interval:
            entry["unit"] = "second"
        elif TYPES[axis] == "space" and unit:
            entry["unit"] = unit
        stated.append(entry)
    datasets = []
    for number in range(len(shapes)):
        factor = 2**number
        scale = [size[axis] * (factor if axis in "yx" else 1) for axis in axes.lower()]
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
        if number and not labels:
            # The mean of pixels lies in their middle; a label is that of the first of them.
            shift = [size[a] * (factor - 1) / 2 if a in "yx" else 0.0 for a in axes.lower()]
            transforms.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(number), "coordinateTransformations": transforms})
    image: dict[str, Any] = {"name": name, "axes": stated, "datasets": datasets}
    image["type"] = "nearest" if labels else "mean"
    old = version == "0.4"
    own: dict[str, Any] = {"version": version} if old else {}
    ome: dict[str, Any] = {"multiscales": [{**own, **image}]}
    if labels:
        of = {} if source is None else {"source": {"image": source}}
        ome["image-label"] = {**own, **of}
    elif channels:
        ome["omero"] = {**own, "channels": list(channels)}
    # All chunks are written, so that one that is missing is known to be lost.
    mine = {KEY: {"all_chunks": True, **(facts or {})}}
    return {**ome, **mine} if old else {"ome": {"version": version, **ome}, **mine}


def shown(image: xr.DataArray, extra: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how the channels are shown, where the image says so or names them."""
    count = image.sizes.get("C", 1)
    names = image.attrs.get("channels") or []
    ranges = display.ranges(image)
    if ranges is None and "min" in extra and "max" in extra:
        ranges = [(float(extra["min"]), float(extra["max"]))] * count
    if ranges is None and len(names) != count:
        return []
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        ends = (float(limits.min), float(limits.max))
    else:
        shown = ranges or [(0.0, 1.0)]
        ends = (min(low for low, _ in shown), max(high for _, high in shown))
    named = list(names) if len(names) == count else [f"Channel {i + 1}" for i in range(count)]
    colours = ["FFFFFF"] if count == 1 else [_COLOURS[i % len(_COLOURS)] for i in range(count)]
    return _channels(named, colours, ranges or [ends] * count, ends)


def _channels(
    names: Sequence[str],
    colours: Sequence[str],
    ranges: Sequence[tuple[float, float]],
    limits: tuple[float, float],
) -> list[dict[str, Any]]:
    """Return how a viewer shows the channels: a name, a colour (RRGGBB) and a range for each."""
    return [
        {
            "label": label,
            "color": colour,
            "active": True,
            "window": {"min": limits[0], "max": limits[1], "start": start, "end": end},
        }
        for label, colour, (start, end) in zip(names, colours, ranges, strict=True)
    ]


def _sizes(calibration: Calibration) -> tuple[dict[str, float], str]:
    """Return the size of a pixel along each axis, and the word for its unit; "" for none."""
    unit = units.plain(calibration.unit)
    scale = 1.0
    if units.is_calibrated(unit) and unit not in _WORDS:
        # Of printers' units, which NGFF does not have; any other word stays as it is.
        micrometres = units.factor(unit, "µm")
        if micrometres is not None:
            unit, scale = "µm", micrometres
    word = _WORDS.get(unit, unit) if units.is_calibrated(unit) else ""
    size = {
        "t": calibration.frame_interval or 1.0,
        "c": 1.0,
        "z": calibration.pixel_depth * scale,
        "y": calibration.pixel_height * scale,
        "x": calibration.pixel_width * scale,
    }
    return size, word
