"""The images of an OME-Zarr: one, the fields of a plate's wells, series, or label maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError, warn
from imagej_dl.images.ome_zarr import documents
from imagej_dl.images.ome_zarr.multiscales import metadata, no_image

_LAYOUT = "bioformats2raw.layout"
_LISTED = 5


@dataclass(frozen=True)
class Place:
    """The place of an image: its group, its number among those of the group, and its name.

    Of a plate the name is well and field, such as A1-0, or A1-0-2 in the third acquisition.
    """

    path: Path
    index: int = 0
    name: str = ""


def places(path: Path) -> list[Place]:
    """Return the images that a group holds, in the order of the file.

    Raises
    ------
    UserError : when there is none.

    Warns
    -----
    DataWarning : for wells and fields of a plate that are not there.
    """
    _, ome = metadata(path)
    found = list(_places(path, ome))
    if not found:
        inner = [one.name for one in sorted(path.iterdir()) if (one / ".zattrs").is_file()]
        more = f" It holds {', '.join(inner[:_LISTED])}." if inner else ""
        raise no_image(path, more)
    return found


def label_places(path: Path) -> list[Place]:
    """Return the label maps that belong to an image; none where it has no group `labels`."""
    folder = path / "labels"
    if not folder.is_dir() or documents.group(folder) is None:
        return []
    _, ome = metadata(folder)
    return [Place(documents.inside(folder, n), 0, n) for n in _words(folder, ome, "labels")]


def _places(path: Path, ome: dict[str, Any]) -> Iterator[Place]:
    if isinstance(ome.get("multiscales"), list):
        several = len(ome["multiscales"])
        for index, one in enumerate(ome["multiscales"]):
            name = one.get("name") if isinstance(one, dict) else None
            yield Place(path, index, str(name or "") if several > 1 else "")
    elif isinstance(ome.get("plate"), dict):
        yield from _wells(path, ome["plate"])
    elif isinstance(ome.get("well"), dict):
        yield from _fields(path, ome["well"], "")
    elif isinstance(ome.get("labels"), list):
        for name in _words(path, ome, "labels"):
            yield Place(documents.inside(path, name), 0, name)
    elif ome.get(_LAYOUT) == 3:
        for name in _series(path):
            yield Place(documents.inside(path, name))


def _wells(path: Path, plate: dict[str, Any]) -> Iterator[Place]:
    missing = []
    for one in _objects(path, plate.get("wells"), "wells of the plate"):
        name = _word(path, one.get("path"), "wells of the plate")
        folder = documents.inside(path, name)
        if not folder.is_dir():
            missing.append(name)
            continue
        _, ome = metadata(folder)
        well = ome.get("well")
        if not isinstance(well, dict):
            raise UserError(
                "is named as a well of the plate, and has no metadata of one",
                path=folder,
                remedy="The plate is incomplete: copy it again.",
            )
        yield from _fields(folder, well, name.replace("/", ""))
    if missing:
        more = " …" if len(missing) > _LISTED else ""
        words = f"{len(missing)} of its wells are not there ({', '.join(missing[:_LISTED])}{more})"
        warn(f"{words}: left out", path=path)


def _fields(folder: Path, well: dict[str, Any], name: str) -> Iterator[Place]:
    """Yield the fields of a well; those of several acquisitions are told apart by its number."""
    images = _objects(folder, well.get("images"), "images of the well")
    several = len({str(one.get("acquisition")) for one in images}) > 1
    for one in images:
        field = _word(folder, one.get("path"), "images of the well")
        parts = [name, field, str(one.get("acquisition")) if several else ""]
        yield Place(documents.inside(folder, field), 0, "-".join(filter(None, parts)))


def _series(path: Path) -> list[str]:
    """Return the names of the series that bioformats2raw lists, or else 0, 1, 2 …"""
    if (path / "OME").is_dir() and documents.group(path / "OME") is not None:
        _, ome = metadata(path / "OME")
        if isinstance(ome.get("series"), list):
            return _words(path, ome, "series")
    names: list[str] = []
    while (path / str(len(names))).is_dir():
        names.append(str(len(names)))
    return names


def _words(path: Path, ome: dict[str, Any], key: str) -> list[str]:
    return [_word(path, one, key) for one in ome[key]] if isinstance(ome.get(key), list) else []


def _word(path: Path, value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise UserError(
            f"its {what} are damaged: no names", path=path, remedy="Copy the folder again."
        )
    return value


def _objects(path: Path, value: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UserError(f"its {what} are damaged", path=path, remedy="Copy the folder again.")
    return value
