"""Stale outputs: files of a former run in a folder that the new run overwrites, but not them.

Beside new results they would be taken for current ones. The JSON file of a result records the files
that its run wrote, with checksums, which tells them from files of the user.
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
    """Return the checksums of the files and folders with given names that exist."""
    return {name: _checksum(folder / name) for name in names if (folder / name).exists()}


def recorded(path: Path) -> dict[str, Any]:
    """Return the `files` recorded in the JSON file of a result; {} where there are none."""
    with suppress(UserError):
        content = load_json(path)
        if isinstance(content, dict) and isinstance(content.get("files"), dict):
            return content["files"]
    return {}


def clear(
    folder: Path, names: Iterable[str], former: dict[str, Any], written: Iterable[str]
) -> None:
    """Remove files and folders that a former run wrote and this one did not.

    Parameters
    ----------
    names : paths in the folder that such runs may write.
    former : record of the former run, see :func:`record`.
    written : the names that this run wrote.

    Warns
    -----
    DataWarning : names the files that stay, since they changed after the former run wrote them.
    """
    new = set(written)
    changed = []
    for name in names:
        path = folder / name
        if name in new or not path.exists():
            continue
        containment.check(path, folder=True)
        try:
            if former.get(name) != _checksum(path):
                changed.append(name)
            elif path.is_dir():
                shutil.rmtree(path)
                _drop_empty(path.parent, folder)
            else:
                path.unlink()
        except OSError:
            changed.append(name)
    if changed:
        text = f"{', '.join(changed)} in {folder} existed before and does not belong to this result"
        warn(text)


def _drop_empty(path: Path, folder: Path) -> None:
    if path != folder:
        with suppress(OSError):  # there is something else in it
            path.rmdir()


def _checksum(path: Path) -> str:
    sha = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        sha.update(f"{file.relative_to(path).as_posix()}\n{file.stat().st_size}\n".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()
