"""The axes of an OME-Zarr: their names, types and order, as NGFF has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.images.array import AXES
from imagej_dl.images.ome_zarr.calibrations import are_objects

_ORDER = {"time": 0, "channel": 1, "space": 2}
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_SHORT = 120

assert set(AXES.lower()) == set(TYPES)


def stated_axes(path: Path, stated: Mapping[str, Any]) -> tuple[list[str], list[Any], list[str]]:
    """Return the name, the type and the unit of each axis."""
    axes = stated.get("axes")
    if not are_objects(axes):
        raise bad_axes(path, "names no axes")
    assert isinstance(axes, list)
    names = [str(one.get("name", "")).lower() for one in axes]
    return names, [one.get("type") for one in axes], [str(one.get("unit") or "") for one in axes]


def renamed(path: Path, names: list[str], given: str, shape: tuple[int, ...]) -> list[str]:
    """Name all axes as the user does, or those that are longer than 1; the others have none."""
    long = [i for i, size in enumerate(shape) if size > 1]
    if not set(given) <= set(TYPES) or len(given) not in (len(names), len(long)):
        sizes = " × ".join(map(str, shape))
        raise UserError(
            f"has the axes {', '.join(names)} ({sizes}), to which {given.upper()} does not fit",
            path=path,
            remedy="Name each of them: one of T, C, Z, Y, X.",
        )
    if len(given) == len(names):
        return list(given)
    named = dict(zip(long, given, strict=True))
    return [named.get(i, f"({i})") for i in range(len(names))]


def check_types(path: Path, names: list[str], types: list[Any]) -> None:
    """Refuse axes in an order that NGFF does not allow, or named other than they are."""
    for name, kind in zip(names, types, strict=True):
        if kind is not None and name in TYPES and kind != TYPES[name]:
            raise bad_axes(path, f"has an axis {name} of the type {str(kind)[:_SHORT]!r}")
    order = [_ORDER[TYPES.get(name, "channel")] for name in names]
    if order != sorted(order):
        words = f"has its axes in the order {', '.join(names)}, and NGFF has time, channel, space"
        raise bad_axes(path, words)


def bad_axes(path: Path, words: str) -> UserError:
    """Return the error of axes that are not those of an image."""
    return UserError(
        words,
        path=path,
        remedy="An image has y and x, and t, c and z before them if it has them. Pass --axes with "
        "a letter for each axis, such as --axes TYX, or save it again where it was made.",
    )
