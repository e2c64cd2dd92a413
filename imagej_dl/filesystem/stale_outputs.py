"""What a former run left in a folder that is overwritten, and the new one does not write.

Beside new results it would be taken for one of them. A result's JSON file records what its run
wrote where it was asked for, with a checksum: by that it is told from a file of the user's.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import containment
from imagej_dl.filesystem.atomic import load_json


def record(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the checksums of those files and folders of some names that are there."""
    return {name: _checksum(folder / name) for name in names if (folder / name).exists()}


def recorded(path: Path) -> dict[str, Any]:
    """Return what a JSON file of a result has recorded as `files`; nothing where it is none."""
    with suppress(UserError):
        found = load_json(path)
        if isinstance(found, dict) and isinstance(found.get("files"), dict):
            return found["files"]
    return {}


def clear(
    folder: Path, names: Iterable[str], former: dict[str, Any], written: Iterable[str]
) -> None:
    """Remove files and folders of some names that a former run wrote and this one has not.

    Parameters
    ----------
    names : what such runs may write, by their paths in the folder.
    former : what the run before has recorded, see :func:`record`.
    written : those of the names that are of this run.

    Warns
    -----
    DataWarning : names what stays, since it is not as the former run wrote it.
    """
    new = set(written)
    stay = []
    for name in names:
        path = folder / name
        if name in new or not path.exists():
            continue
        containment.check(path, folder=True)
        try:
            if former.get(name) != _checksum(path):
                stay.append(name)
            elif path.is_dir():
                shutil.rmtree(path)
                _drop_empty(path.parent, folder)
            else:
                path.unlink()
        except OSError:
            stay.append(name)
    if stay:
        text = f"{', '.join(stay)} in {folder} was there before and is not of this result"
        warn(text)


def _drop_empty(path: Path, folder: Path) -> None:
    if path != folder:
        with suppress(OSError):  # there is something else in it
            path.rmdir()


def _checksum(path: Path) -> str:
    found = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        found.update(f"{file.relative_to(path).as_posix()}\n{file.stat().st_size}\n".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
    return found.hexdigest()
