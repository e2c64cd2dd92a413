"""The ImageDescription tag of a TIFF, read without the rest: quick in folders of many files."""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from imagej_dl.filesystem import names
from imagej_dl.images.tiff import SUFFIXES

_DESCRIPTION, _ASCII = 270, 2
_LONGEST = 2**28
_MOST_TAGS = 4096


def read(path: Path) -> str | None:
    """Return the ImageDescription of the first page of a TIFF; None where there is none."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return None  # a named pipe in the folder would be waited for
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


def uuid_in(text: str) -> str:
    """Return the UUID that the OME-XML of a file states as its own, or ""."""
    match = re.search(r"<(?:\w+:)?OME\b[^>]*\bUUID\s*=\s*[\"']([^\"']*)", text)
    return match[1].strip() if match else ""


def find_by_uuid(folder: Path, uuid: str) -> Path | None:
    """Return the TIFF of a folder that states a UUID as its own, whatever its name is."""
    return _uuids(folder, folder.stat().st_mtime_ns).get(uuid)


@lru_cache(maxsize=8)
def _uuids(folder: Path, *state: int) -> dict[str, Path]:
    """Return the files of a folder by UUID; cached until files are added or renamed."""
    by_uuid: dict[str, Path] = {}
    for path in reversed(names.visible(folder, SUFFIXES)):
        if text := read(path):
            by_uuid[uuid_in(text)] = path
    return by_uuid
