"""Sizes of pixels, units and names of channels in the metadata of an OME-Zarr."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError, warn
from imagej_dl.images import units

_SHORT = 120


def scale_of(path: Path, stated: Any, ndim: int, *, required: bool) -> tuple[float, ...]:
    """Return the scale of coordinateTransformations, whose translation is of no use here.

    Raises
    ------
    UserError : when there are none where they are `required`, or they do not fit `ndim` axes.
    """
    scale = (1.0,) * ndim
    if stated is None and not required:
        return scale
    if not are_objects(stated):
        raise _bad_scale(path, "there are none")
    seen = 0
    for one in stated:
        kind = one.get("type")
        if kind == "identity":
            continue
        if kind not in ("scale", "translation"):
            raise _bad_scale(path, f"the type {str(kind)[:_SHORT]!r} is not known")
        values = one.get(kind)
        if not (
            isinstance(values, list)
            and len(values) == ndim
            and all(type(v) in (int, float) and math.isfinite(v) for v in values)
        ):
            raise _bad_scale(path, f"the {kind} is {str(values)[:_SHORT]}, for {ndim} axes")
        if kind == "translation":
            continue
        seen += 1
        if min(values) <= 0:
            raise _bad_scale(path, f"the scale is {values}")
        scale = tuple(map(float, values))
    if required and seen != 1:
        raise _bad_scale(path, f"there are {seen} scales in place of one")
    return scale


def _bad_scale(path: Path, words: str) -> UserError:
    return UserError(
        f"its coordinateTransformations are not those of an image: {words}",
        path=path,
        remedy="Save it again where it was made: each level has one scale above 0 for each axis.",
    )


def calibration(
    path: Path, names: list[str], scale: tuple[float, ...], unit_of: list[str]
) -> dict[str, Any]:
    """Return the fields of a calibration that are stated.

    Parameters
    ----------
    path : of the group, named in warnings.
    names, scale, unit_of : of each axis its name, size of a pixel, and unit or "".

    Warns
    -----
    DataWarning : for sizes without a unit, or in units that do not go together.
    """
    size = dict(zip(names, scale, strict=True))
    unit = dict(zip(names, unit_of, strict=True))
    attrs: dict[str, Any] = {}
    if interval := size.get("t", 0.0) * (units.seconds(unit["t"]) if unit.get("t") else 1.0):
        # Without a unit the scale 1 is the one of frames that are not timed.
        if unit["t"] or interval != 1.0:
            attrs["frame_interval"] = interval
        if not unit["t"] and interval != 1.0:
            warn(f"states {interval:g} from frame to frame without a unit: seconds", path=path)
    space = [name for name in "xyz" if name in names]
    stated = [name for name in space if unit[name]]
    if not stated:
        if any(size[name] != 1.0 for name in space):
            words = " × ".join(f"{size[name]:g}" for name in space)
            warn(
                f"states pixels of {words} without a unit: their unit is the pixel",
                path=path,
                remedy="With the unit known, set it in Fiji: Image > Properties...",
            )
        else:
            return attrs
    known: dict[str, Any] = {"unit": units.kept(unit["x"] or (unit[stated[0]] if stated else ""))}
    known |= {"pixel_width": size["x"], "pixel_height": size["y"]}
    if "z" in names:
        known["pixel_depth"] = size["z"]
    units.in_one(path.name, known, (unit["y"], unit.get("z", "")))
    return attrs | known


def channels(omero: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Return the names of the channels, where each has one."""
    listed = omero.get("channels")
    if count < 2 or not are_objects(listed):
        return {}
    assert isinstance(listed, list)
    labels = [str(one.get("label") or "") for one in listed]
    return {"channels": labels} if len(labels) == count and all(labels) else {}


def are_objects(value: Any) -> bool:
    """Return True for a list of JSON objects, one at least."""
    return isinstance(value, list) and bool(value) and all(isinstance(o, dict) for o in value)
