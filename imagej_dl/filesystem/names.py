"""Names of files: what systems leave among them, which are the same, how long they may be."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from imagej_dl.errors import UserError

LONGEST = 255
"""Bytes of a name, as nearly all file systems have it."""
# What macOS and Windows put beside a user's files; it is no data of theirs.
_LEFT = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "$recycle.bin"}


def is_data(path: Path) -> bool:
    """Say whether a file or folder is the user's: not hidden, nor one that a system leaves.

    macOS puts a `._NAME` beside each NAME on foreign disks, and `__MACOSX` into archives.
    """
    return path.name[:1] != "." and path.name.lower() not in _LEFT


def same(name: str) -> str:
    """Return what equal names have in common: é may be one letter, or e and its accent.

    macOS and some archives write the second, all others the first.
    """
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """Return what names have in common that a file system may take for one: capitals besides."""
    return same(same(name).casefold())


def find(folder: Path, name: str) -> Path:
    """Return the file of this name in a folder, however it is written there.

    Where there is none it is what it would be.
    """
    path = folder / name
    if os.path.lexists(path) or name.isascii() or not folder.is_dir():
        return path
    return next((p for p in folder.iterdir() if same(p.name) == same(name)), path)


def fits(path: Path) -> bool:
    """Say whether a file system takes the name of a file."""
    return len(os.fsencode(path.name)) <= LONGEST


def need(paths: Iterable[Path], source: Path) -> None:
    """Raise UserError where a result of a file would have too long a name."""
    for path in paths:
        if not fits(path):
            raise UserError(
                f"has too long a name: its result {path.name[:20]}…{path.name[-24:]} would have "
                f"{len(os.fsencode(path.name))} bytes, and {LONGEST} are possible",
                path=source,
                remedy="Rename the file.",
            )


def cut(stem: str, more: int) -> str:
    """Return a name that fits with so many bytes behind it: whole letters from its beginning."""
    while len(os.fsencode(stem)) + more > LONGEST:
        stem = stem[:-1]
    return stem
