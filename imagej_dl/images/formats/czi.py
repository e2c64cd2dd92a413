"""ZEISS CZI files, by pylibCZIrw: each scene with its frames, channels and slices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl import optional
from imagej_dl.errors import UserError, one_line, warn
from imagej_dl.images import scenes, units
from imagej_dl.images.checks import truncation
from imagej_dl.images.checks.missing_planes import AvailablePlanes, compare_planes
from imagej_dl.images.formats.base import Format, labelled

_AXES = "TCZ"
_SMALL, _SPARSEST = 2**24, 20
_Block = tuple[dict[str, int], int, int]
"""Place of a block on the axes, number of its tile, and its area in pixels."""


class Czi(Format):
    """ZEISS CZI."""

    name = "ZEISS CZI"
    position = 5
    suffixes = (".czi",)
    raw_only = True
    uploadable = False
    multi_scene = True
    library = "pylibCZIrw"
    install = "pip install 'imagej-dl[czi]'"

    def read(
        self, path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
    ) -> xr.DataArray:
        return _read(path, axes, scene)

    def scene_names(self, path: Path) -> list[str]:
        """Return the name of each scene: position and well, "" where the file states none."""
        with _opened(path) as file:
            return [name for _, name in _scenes(file)]


def _read(path: Path, axes: str | None = None, scene: int | None = None) -> xr.DataArray:
    """Read a scene of a CZI file; see :func:`imagej_dl.images.read`.

    Its axes are its own, also where other scenes have more slices. The tiles of a mosaic are put
    together by the library at their positions, without blending.

    Warns
    -----
    DataWarning : when there are several scenes and none is chosen, and for a mosaic.
    """
    with _opened(path) as file:
        keyed = _scenes(file)
        key, _ = keyed[scenes.index(path, [name for _, name in keyed], scene)]
        blocks = _blocks(file, key)
        ranges = {a: _range([where[a] for where, *_ in blocks if a in where]) for a in _AXES}
        _refuse_axes(path, blocks)
        stack = [axis for axis in _AXES if ranges[axis]]
        metadata = file.metadata
        planes = _available(blocks, ranges, _declared(metadata) if len(keyed) == 1 else {})
        _refuse_sparse(file, key, blocks)
        _warn_mosaic(path, len({tile for _, tile, _ in blocks}))
        for words in planes.notes:
            warn(f"{words}", path=path)
        where = {} if key is None else {"scene": key}
        first = {axis: ranges[axis].start if axis in stack else 0 for axis in _AXES}
        array = None
        for place, plane in enumerate(np.ndindex(planes.shape)):
            if place not in planes.places:
                continue
            at = {a: first[a] + i for a, i in zip(_AXES, plane, strict=True) if a in stack}
            pixels = file.read(plane=at, **where)
            if array is None:
                array = np.zeros((planes.number, *pixels.shape), pixels.dtype)
            array[place] = pixels
    assert array is not None
    sizes = dict(zip(_AXES, planes.shape, strict=True))
    array = array.reshape([sizes[axis] for axis in stack] + [*array.shape[1:]])
    stated = "".join(stack) + "YX"
    attrs = _size(path.name, metadata)
    if array.shape[-1] == 1:
        array = array[..., 0]
        attrs |= _channels(metadata, list(ranges["C"][: sizes["C"]] or [0]))
    elif len(ranges["C"]) > 1:
        raise UserError("has colours in several channels", path=path, remedy="Split them in ZEN.")
    else:
        array, stated = array[..., ::-1], stated.replace("C", "c") + "C"  # blue, green, red
        if "c" in stated:
            array, stated = array.squeeze(stated.index("c")), stated.replace("c", "")
    return labelled(path, array, axes.upper() if axes else stated, attrs)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    install = f"{Czi.install}, or save it as TIFF in Fiji."
    words = "is a CZI file, and pylibCZIrw, which reads them,"
    try:
        czi = optional.need("pylibCZIrw.czi", words, install)
    except UserError as error:
        raise error.at(path) from error
    try:
        truncation.check_czi(path)
        with czi.open_czi(str(path)) as file:
            yield file
    except UserError:
        raise
    except Exception as error:  # the library's own, of no common kind
        words = one_line(error)
        raise UserError(f"is not a readable CZI file ({words})", path=path) from error


def _scenes(file: Any) -> list[tuple[int | None, str]]:
    """Return the key and the name of each scene; one without a key where there are no scenes."""
    keys = sorted(file.scenes_bounding_rectangle) or [None]
    try:
        declared = _image(file.metadata)["Dimensions"]["S"]["Scenes"]["Scene"]
        stated = {int(item["@Index"]): item for item in _as_list(declared)}
    except (KeyError, TypeError, ValueError):
        stated = {}
    return [(key, _name(stated.get(key, {}))) for key in keys]


def _name(scene: dict[str, Any]) -> str:
    """Name a scene as ZEN and bioio do: P1-B4 is the position P1 in the well B4."""
    shape = scene.get("Shape")
    well = shape.get("@Name") if isinstance(shape, dict) else None
    return "-".join(str(part) for part in (scene.get("@Name"), well) if part)


def _blocks(file: Any, key: int | None) -> list[_Block]:
    """Return the places of the blocks of a scene on T, C, Z …, their tiles and areas."""
    blocks: list[_Block] = []

    def add(_: int, block: Any) -> bool:
        where = block.coordinate.to_dict()
        if where.pop("S", None) == key or key is None:
            tile = block.mIndex if block.is_mindex_valid() else 0
            blocks.append((where, tile, block.logicalRect.w * block.logicalRect.h))
        return True

    file.enumerate_subblocks_subset(add, only_layer0=True)
    if not blocks:
        raise ValueError("it holds no pixels")
    return blocks


def _declared(metadata: Any) -> dict[str, int]:
    """Return the numbers of frames, channels and slices that the metadata state."""
    sizes = {}
    for axis in _AXES:
        try:
            sizes[axis] = int(_image(metadata)[f"Size{axis}"])
        except (KeyError, TypeError, ValueError):
            continue
    return sizes


def _available(
    blocks: list[_Block], ranges: dict[str, range], stated: dict[str, int]
) -> AvailablePlanes:
    """Compare the planes that have pixels with those that the file declares."""
    shape = [max(len(ranges[axis]), stated.get(axis, 1), 1) for axis in _AXES]
    tiles: dict[int, set[int]] = {}
    for where, tile, _ in blocks:
        place = 0
        for axis, size in zip(_AXES, shape, strict=True):
            place = place * size + (where[axis] - ranges[axis].start if axis in where else 0)
        tiles.setdefault(place, set()).add(tile)
    most = max(len(some) for some in tiles.values())
    planes = compare_planes(_AXES, shape, tiles.keys(), "its metadata")
    partly = sum(len(tiles[place]) < most for place in planes.places.values())
    if partly:
        planes.notes.append(
            f"{partly} of its planes have fewer than the {most} tiles of the others; missing "
            "tiles are black"
        )
    return planes


def _refuse_sparse(file: Any, key: int | None, blocks: list[_Block]) -> None:
    """Refuse a plane that is far larger than the pixels in it."""
    box = file.total_bounding_rectangle if key is None else file.scenes_bounding_rectangle[key]
    area = sum(area for where, _, area in blocks if where == blocks[0][0])
    if box.w < 1 or box.h < 1 or box.w * box.h > max(_SMALL, _SPARSEST * area):
        raise ValueError(f"it declares {box.w} × {box.h} pixels, and has {area} of them")


def _range(places: list[int]) -> range:
    return range(min(places), max(places) + 1) if places else range(0)


def _refuse_axes(path: Path, blocks: list[_Block]) -> None:
    others = {axis for where, *_ in blocks for axis in where} - set(_AXES)
    strange = sorted(a for a in others if len({where.get(a) for where, *_ in blocks}) > 1)
    if strange:
        raise UserError(
            f"has the axes {', '.join(strange)}, which are not of T, C, Z, Y, X",
            path=path,
            remedy="Split the file in ZEN or in Fiji.",
        )


def _warn_mosaic(path: Path, tiles: int) -> None:
    if tiles > 1:
        warn(
            f"is a mosaic of {tiles} tiles, joined at their positions without "
            "blending; for seamless stitching, use ZEN",
            path=path,
        )


def _image(metadata: Any) -> Any:
    return metadata["ImageDocument"]["Metadata"]["Information"]["Image"]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _channels(metadata: Any, places: list[int]) -> dict[str, Any]:
    try:
        declared = _as_list(_image(metadata)["Dimensions"]["Channels"]["Channel"])
        return {"channels": [str(declared[place]["@Name"]) for place in places]}
    except (KeyError, TypeError, IndexError):
        return {}


def _size(title: str, metadata: Any) -> dict[str, Any]:
    """Return the pixel size from a CZI's XML, which gives it in metres, and the interval."""
    try:
        items = _as_list(metadata["ImageDocument"]["Metadata"]["Scaling"]["Items"]["Distance"])
        sizes = {item["@Id"]: float(item["Value"]) * 1e6 for item in items if item.get("Value")}
    except (KeyError, TypeError, ValueError):
        sizes = {}
    keys = {"X": "pixel_width", "Y": "pixel_height", "Z": "pixel_depth"}
    attrs: dict[str, Any] = {keys[a]: v for a, v in sizes.items() if a in keys and 0 < v < math.inf}
    attrs = units.completed(title, attrs | {"unit": "µm"})
    try:
        positions = _image(metadata)["Dimensions"]["T"]["Positions"]
        interval = float(positions["Interval"]["Increment"])
        attrs |= {"frame_interval": interval} if 0 < interval < math.inf else {}
    except (KeyError, TypeError, ValueError):
        pass
    return attrs
