"""Files that are one image together: sets of OME-TIFFs, and stacks too long for one file."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import tifffile

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import alarms, micromanager, ome, ome_series

_TIFF = (".tif", ".tiff")
_DESCRIPTION, _ASCII = 270, 2
_LONGEST = 2**28
_MOST_TAGS = 4096
_NAMING = ("FileName", "BinaryOnly")


def once(files: Sequence[Path]) -> list[Path]:
    """Leave out the files that are part of an image which another of the files has.

    A set of files whose XML names each other is one image (or several): it stands for itself by
    the first of its files, which :func:`imagej_dl.images.read` reads with all others. Other files
    stay, in their order.
    """
    if sum(path.suffix.lower() in _TIFF for path in files) < 2:
        return list(files)
    given = {path.absolute() for path in files}
    kept: list[Path] = []
    for path in files:
        found = _images(path)
        if found is None:
            first = micromanager.first_of(path)
            if first == path or first.absolute() not in given or not _is_stack(path):
                kept.append(path)
        elif (other := found.copied) is not None and other.absolute() in given:
            warnings.warn(
                f"{path}: has the UUID of {other.name}, which is a part of a set: left out",
                DataWarning,
                stacklevel=3,
            )
        elif any(_first(names, given) == path for names in found.files):
            # The first of the files that are given stands for all of a set.
            kept.append(path)
    return kept


@dataclass(frozen=True)
class _Images:
    """The files of each image that a file has a part in; the file that it is a copy of."""

    files: list[tuple[Path, ...]]
    copied: Path | None


def _first(names: tuple[Path, ...], given: Collection[Path]) -> Path | None:
    return next((path for path in names if path.absolute() in given), None)


def _images(path: Path) -> _Images | None:
    """Return what sets a file has a part in; None where it stands for itself."""
    text = description(path)
    if text is None or not text.endswith("OME>") or not any(word in text for word in _NAMING):
        return None
    try:
        root = ome.parsed(text, path)
        if root is not None and (name := ome.elsewhere(root)) is not None:
            other = ome_series.xml_of(path, name)
            root = None if other is None else ome.parsed(other, path)
        if root is None:
            return None
        members = ome.Members(path, root, ome.uuid_in(text))
        found: list[tuple[Path, ...]] = []
        copied = None
        for image in ome.images(root):
            blocks = sorted(image.blocks, key=lambda block: block.first)
            there = tuple(dict.fromkeys(p for b in blocks if (p := members.of(b)) is not None))
            if path in there:
                found.append(there)
            for block in blocks:
                named = path.with_name(Path(block.file).name) if block.file else path
                if members.of(block) == path and named.is_file() and not named.samefile(path):
                    copied = named
    except (UserError, ValueError, LookupError, OSError):
        return None  # who reads it is told
    return _Images(found, copied) if any(len(names) > 1 for names in found) else None


def missing(path: Path) -> list[str]:
    """Return the names of the files that belong to one and are not there."""
    text = description(path)
    if text is None or not text.endswith("OME>") or "FileName" not in text:
        return []
    root = ome.parsed(text, path)
    if root is None:
        return []
    members = ome.Members(path, root, ome.uuid_in(text))
    try:
        blocks = [block for image in ome.images(root) for block in image.blocks]
    except (ValueError, LookupError):
        return []  # who reads it is told
    return sorted({block.file for block in blocks if members.of(block) is None})


def _is_stack(path: Path) -> bool:
    try:
        with alarms.collected("tifffile"), tifffile.TiffFile(path) as file:
            return micromanager.is_stack(file)
    except Exception:  # a damaged header may lead anywhere; who reads it is told
        return False


def description(path: Path) -> str | None:
    """Return the description of a TIFF's first page, read alone; None where there is none.

    Of a folder of thousands of files nothing else is read.
    """
    if path.suffix.lower() not in _TIFF:
        return None
    try:
        with path.open("rb") as file:
            return _described(file.read(16), file)
    except (OSError, struct.error, OverflowError):
        return None


def _described(head: bytes, file: BinaryIO) -> str | None:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    version = struct.unpack(f"{order}H", head[2:4])[0] if order else 0
    if version not in (42, 43):
        return None
    big = version == 43
    number, width, offset = ("Q", 20, "Q") if big else ("H", 12, "I")
    at = struct.unpack_from(f"{order}{offset}", head, 8 if big else 4)[0]
    file.seek(at)
    tags = struct.unpack(f"{order}{number}", file.read(struct.calcsize(number)))[0]
    table = file.read(min(tags, _MOST_TAGS) * width)
    for start in range(0, len(table) - width + 1, width):
        code, kind = struct.unpack_from(f"{order}HH", table, start)
        if code != _DESCRIPTION or kind != _ASCII:
            continue
        count, place = struct.unpack_from(f"{order}{offset}{offset}", table, start + 4)
        if count > _LONGEST:
            return None
        inside = 8 if big else 4
        if count <= inside:
            text = table[start + width - inside :][:count]
        else:
            file.seek(place)
            text = file.read(count)
        return str(text.rstrip(b"\0 \r\n").decode("utf-8", "replace"))
    return None
