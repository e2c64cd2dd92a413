"""The formats that are read, in one list, and the suffixes of those fit for a purpose.

Each module in this folder that defines a named subclass of :class:`Format` adds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePath

from imagej_dl import registries
from imagej_dl.errors import UserError
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.images import scenes
from imagej_dl.images.formats.base import Format

_ADDRESS = re.compile(r"[a-z][a-z0-9+]{1,9}:/")
"""The begin of an address such as https://…, of which a path keeps one slash."""

FORMATS: tuple[Format, ...] = tuple(
    declared()
    for declared in registries.by_name(
        __package__, Format, order=lambda f: (f.position, f.name)
    ).values()
)
"""All formats, in the order in which messages name them."""


def image_formats() -> tuple[Format, ...]:
    """Return the formats of the images that are looked for in any folder."""
    return tuple(f for f in FORMATS if not f.raw_only)


def all_suffixes() -> tuple[str, ...]:
    """Return the suffixes of all formats, as they are looked for in a project's Raw folder."""
    return _suffixes(FORMATS)


def image_suffixes() -> tuple[str, ...]:
    """Return the suffixes of the images that are looked for in any folder."""
    return _suffixes(image_formats())


def label_suffixes() -> tuple[str, ...]:
    """Return the suffixes of the label maps that are looked for in a folder: lossless ones."""
    return _suffixes(f for f in image_formats() if f.lossless)


def upload_suffixes() -> tuple[str, ...]:
    """Return the suffixes of the files that the web page accepts."""
    return _suffixes(f for f in FORMATS if f.uploadable)


def writable_suffixes() -> tuple[str, ...]:
    """Return the suffixes of the files that are written."""
    return _suffixes(f for f in FORMATS if f.writable)


def folder_formats() -> tuple[Format, ...]:
    """Return the formats of images that are folders."""
    return tuple(f for f in FORMATS if f.folder_suffixes)


def folder_suffixes() -> tuple[str, ...]:
    """Return the suffixes of images that are folders."""
    return tuple(suffix for f in FORMATS for suffix in f.folder_suffixes)


def by_name(path: str | PurePath) -> Format | None:
    """Return the format of a file by its name, or None where no format has its suffix.

    What lies in an image that is a folder, such as a well of a plate, is of the format of that.
    """
    path = PurePath(path)
    suffixes = [path.suffix.lower(), *_around(path)]
    return next((f for suffix in suffixes for f in FORMATS if suffix in f.suffixes), None)


def is_folder_image(path: Path) -> bool:
    """Return True for a folder that is an image, or is in one: no folder of images."""
    return path.is_dir() and bool(_around(path))


def is_plain_folder(path: Path) -> bool:
    """Return True for a folder that is no image, and may hold some."""
    return path.is_dir() and not _around(path)


def is_image(path: Path) -> bool:
    """Return True for a file, and for a folder that is an image."""
    return path.is_file() or is_folder_image(path)


def stem(path: Path) -> str:
    """Return the name that the results of an image get: its own, without suffix."""
    return scenes.raw_name(path) if path.suffix.lower() in folder_suffixes() else path.stem


def of_file(path: Path) -> Format:
    """Return the format of a file.

    Raises
    ------
    UserError : when there is no such file, it is a folder or no regular file, or no format has
        its suffix.
    """
    if not path.exists():
        refuse_address(path)
        raise UserError("there is no such file", path=path)
    if is_plain_folder(path):
        raise UserError("is a folder, not an image", path=path)
    chosen = by_name(path)
    if chosen is None:
        raise UserError(
            f"has an unknown suffix ({path.suffix or 'none'})",
            path=path,
            remedy=f"Known are {', '.join(all_suffixes())}; in Fiji, File > Save As > Tiff makes "
            "one.",
        )
    refuse_special(path, folder=True)
    return chosen


def refuse_address(path: Path) -> None:
    """Raise UserError for an address such as https://…, which is no path."""
    if _ADDRESS.match(str(path)):
        raise UserError(
            "is an address, and files are read from disks only",
            path=path,
            remedy="Download it, or mount the storage as a folder.",
        )


def _around(path: PurePath) -> list[str]:
    """Return the suffixes of images that are folders, of a path and those around it."""
    known = folder_suffixes()
    return [own for p in (path, *path.parents) if (own := p.suffix.lower()) in known]


def _suffixes(formats: Iterable[Format]) -> tuple[str, ...]:
    return tuple(suffix for one in formats for suffix in one.suffixes)
