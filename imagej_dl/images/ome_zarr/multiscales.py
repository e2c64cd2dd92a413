"""An image of an OME-Zarr: its levels, axes and calibration, compared with its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError, warn
from imagej_dl.images.ome_zarr import KEY, arrays, documents
from imagej_dl.images.ome_zarr.arrays import ArrayFacts
from imagej_dl.images.ome_zarr.axes import TYPES, bad_axes, check_types, renamed, stated_axes
from imagej_dl.images.ome_zarr.calibrations import are_objects, calibration, channels, scale_of
from imagej_dl.images.ome_zarr.documents import ZarrFormat

VERSIONS: dict[str, ZarrFormat] = {"0.4": 2, "0.5": 3}
"""The versions of NGFF that are read and written, each with its format of Zarr."""

_SHORT = 120
# How much a level's scale may differ from the ratio of its shape to the first one's.
_RATIO = 0.1


@dataclass(frozen=True)
class Level:
    """One of the arrays of a pyramid, with its scale along each axis."""

    facts: ArrayFacts
    scale: tuple[float, ...]


@dataclass(frozen=True)
class Multiscale:
    """An image: its axes in the order of its arrays, and its levels, the full size first.

    Attributes
    ----------
    axes : names of all axes, such as "TCZYX"; "?" for one of length 1 that is none of these.
    attrs : fields of :class:`imagej_dl.images.Calibration` that are stated, and `channels`.
    labels : it is a label map.
    ours : every chunk was written, as imagej-dl does.
    """

    path: Path
    name: str
    axes: str
    levels: tuple[Level, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    labels: bool = False
    ours: bool = False


def metadata(path: Path) -> tuple[ZarrFormat, dict[str, Any]]:
    """Return the Zarr format of a group and its OME metadata: of 0.5 those under `ome`.

    Raises
    ------
    UserError : when it is no group, or is a plain array.
    """
    documents.refuse_links(documents.root(path), path)
    found = documents.group(path)
    if found is None:
        what = "is a Zarr array without OME metadata, which name its axes and pixel size"
        if not documents.is_array(path):
            what = "is not a Zarr folder: it has neither zarr.json nor .zgroup"
        raise UserError(
            what, path=path, remedy="Save it as OME-Zarr where it was made, or as TIFF in Fiji."
        )
    number, attributes = found
    ome = attributes.get("ome")
    if number == 3 and isinstance(ome, dict):
        return number, {**ome, KEY: attributes.get(KEY)}
    return number, attributes


def read(path: Path, index: int = 0, axes: str | None = None) -> Multiscale:
    """Return one of the images whose metadata a group has.

    Parameters
    ----------
    index : of the image among those of the group, of which there is nearly always one.
    axes : names of the axes, where the file states them wrongly.

    Raises
    ------
    UserError : when there is no image, its version is unknown, or its metadata do not fit its
        arrays.

    Warns
    -----
    DataWarning : for levels that are not there, sizes without a unit, and the like.
    """
    number, ome = metadata(path)
    listed = ome.get("multiscales")
    if not isinstance(listed, list) or index >= len(listed):
        raise no_image(path)
    stated = _mapping(path, listed[index], "multiscales")
    _check_version(path, number, ome, stated)
    names, types, unit_of = stated_axes(path, stated)
    levels = _levels(path, stated, len(names))
    shape = levels[0].facts.shape
    if axes is not None:
        names = renamed(path, names, axes.lower(), shape)
    if len(set(names)) < len(names) or not {"y", "x"} <= set(names):
        raise bad_axes(path, f"has the axes {', '.join(names)[:_SHORT]}")
    if strange := [n for n, size in zip(names, shape, strict=True) if n not in TYPES and size > 1]:
        raise bad_axes(path, f"has the axis {strange[0]!r}, which is none of t, c, z, y, x")
    if axes is None:
        check_types(path, names, types)
    attrs = calibration(path, names, levels[0].scale, unit_of)
    omero = ome.get("omero")
    if isinstance(omero, dict) and "c" in names:
        attrs |= channels(omero, shape[names.index("c")])
    upper = "".join(n.upper() if n in TYPES else "?" for n in names)
    own = ome.get(KEY)
    ours = isinstance(own, dict) and own.get("all_chunks") is True
    name = stated.get("name")
    return Multiscale(
        path,
        name if isinstance(name, str) else "",
        upper,
        levels,
        attrs,
        "image-label" in ome,
        ours,
    )


def no_image(path: Path, more: str = "") -> UserError:
    """Return the error of a group that has no image; `more` ends its remedy."""
    return UserError(
        "is a Zarr folder without multiscales, the metadata of an image in OME-Zarr",
        path=path,
        remedy=f"Save it as OME-Zarr where it was made, or name the image in it.{more}",
    )


def facts(path: Path) -> dict[str, Any]:
    """Return the facts that imagej-dl has kept with an image; {} for one of another program."""
    _, ome = metadata(path)
    own = ome.get(KEY)
    found = own.get("facts") if isinstance(own, dict) else None
    return found if isinstance(found, dict) else {}


def _check_version(
    path: Path, number: int, ome: Mapping[str, Any], stated: Mapping[str, Any]
) -> None:
    version = ome.get("version") if number == 3 else stated.get("version")
    if version is None:
        # 0.4 does not require it; before it, axes were words, or not there at all.
        old = number == 2 and not are_objects(stated.get("axes"))
        version = "before 0.4" if old else ("0.5" if number == 3 else "0.4")
    if VERSIONS.get(str(version)) != number:
        raise UserError(
            f"is of NGFF version {str(version)[:_SHORT]!r} in Zarr {number}; read are 0.4 (Zarr 2) "
            "and 0.5 (Zarr 3)",
            path=path,
            remedy="Save it as OME-Zarr 0.4 or 0.5 where it was made, or as TIFF in Fiji.",
        )


def _levels(path: Path, stated: Mapping[str, Any], ndim: int) -> tuple[Level, ...]:
    datasets = stated.get("datasets")
    if not are_objects(datasets):
        raise UserError(
            "names no arrays (datasets) in its multiscales",
            path=path,
            remedy="The metadata are incomplete: save it again where it was made.",
        )
    assert isinstance(datasets, list)
    whole = scale_of(path, stated.get("coordinateTransformations"), ndim, required=False)
    levels: list[Level] = []
    for number, one in enumerate(datasets):
        name = one.get("path")
        if not isinstance(name, str):
            raise UserError(
                f"does not say where its level {number} is",
                path=path,
                remedy="The metadata are damaged: copy it again.",
            )
        own = scale_of(path, one.get("coordinateTransformations"), ndim, required=True)
        folder = documents.inside(path, name)
        if number and not folder.is_dir():
            words = f"its level {number} ({name}) is not there; the full size is read"
            warn(words, path=path)
            continue
        facts = arrays.declared(folder)
        if len(facts.shape) != ndim:
            raise UserError(
                f"has {len(facts.shape)} axes, and its metadata name {ndim}",
                path=folder,
                remedy="The metadata are of another image: save it again where it was made.",
            )
        level = Level(facts, tuple(a * b for a, b in zip(own, whole, strict=True)))
        if levels:
            _compare(path, number, levels[0], level)
        levels.append(level)
    return tuple(levels)


def _compare(path: Path, number: int, first: Level, level: Level) -> None:
    """Refuse a level that is none of the first; warn of a scale that its shape contradicts."""
    one, other = first.facts, level.facts
    larger = any(a < b for a, b in zip(one.shape, other.shape, strict=True))
    if larger or one.dtype != other.dtype:
        what = f"{other.dtype} pixels of the shape {other.shape}"
        raise UserError(
            f"its level {number} has {what}, and its full size {one.dtype} of {one.shape}",
            path=path,
            remedy="They are not of one image: save it again where it was made.",
        )
    for a, b, fine, coarse in zip(one.shape, other.shape, first.scale, level.scale, strict=True):
        # Rounding of the shape, by up to a pixel at each level, is none.
        stated = coarse / fine
        low, high = a / (b + 1) * (1 - _RATIO), a / max(b - 1, 0.5) * (1 + _RATIO)
        if not low <= stated <= high:
            words = f"its level {number} is said to be {stated:g} times as coarse, and its shape "
            warn(f"{words}{other.shape} is not, of {one.shape}; the full size is read", path=path)
            return


def _mapping(path: Path, value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UserError(
            f"its {what} are damaged: no JSON objects", path=path, remedy="Copy it again."
        )
    return value
