"""Names of files: hidden and system files, Unicode forms of one name, lengths."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path

from imagej_dl.errors import UserError

LONGEST = 255
"""Bytes of a name, as nearly all file systems have it."""
# Files and folders that macOS and Windows put beside those of a user.
_SYSTEM = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "$recycle.bin"}


def is_data(path: Path) -> bool:
    """Return True for a file or folder of the user's, False for hidden and system ones.

    macOS puts a `._NAME` beside each NAME on foreign disks, and `__MACOSX` into archives.
    """
    return path.name[:1] != "." and path.name.lower() not in _SYSTEM


def visible(folder: Path, suffixes: Collection[str] | None = None) -> list[Path]:
    """List the files and folders in a folder that are the user's (:func:`is_data`), by name.

    Parameters
    ----------
    suffixes : in lower case, with the dot; those of the names that are listed. None: all.

    Returns
    -------
    sorted paths; none where there is no such folder.
    """
    if not folder.is_dir():
        return []
    listed = (p for p in folder.iterdir() if suffixes is None or p.suffix.lower() in suffixes)
    return sorted(filter(is_data, listed))


def same(name: str) -> str:
    """Return a name in NFC, so that equal names compare equal: é as one letter, not e and accent.

    macOS and some archives write the latter (NFD).
    """
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """Return a name in NFC and without case, as some file systems compare names."""
    return same(same(name).casefold())


def find(folder: Path, name: str) -> Path:
    """Return the path of a name in a folder, in the Unicode form in which it exists there.

    Where there is none, the name is appended as it is.
    """
    path = folder / name
    if os.path.lexists(path) or name.isascii() or not folder.is_dir():
        return path
    return next((p for p in folder.iterdir() if same(p.name) == same(name)), path)


def fits(path: Path) -> bool:
    """Return True if the name of a file is short enough for file systems."""
    return len(os.fsencode(path.name)) <= LONGEST


def need(paths: Iterable[Path], source: Path) -> None:
    """Raise UserError if a result of the file `source` would have too long a name."""
    for path in paths:
        if not fits(path):
            raise UserError(
                f"has a name that is too long: its result {path.name[:20]}…{path.name[-24:]} would "
                f"have {len(os.fsencode(path.name))} bytes, and the limit is {LONGEST}",
                path=source,
                remedy="Rename the file.",
            )


def cut(stem: str, more: int) -> str:
    """Return a name shortened so that `more` bytes fit behind it; no letter is split."""
    while len(os.fsencode(stem)) + more > LONGEST:
        stem = stem[:-1]
    return stem
