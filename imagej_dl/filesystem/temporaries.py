"""Temporary files and folders, whose names tell a later run which are abandoned.

A run that is killed cannot remove its own. The next run that writes into the same folder does: they
are named `.imagej-dl-PROCESS-…` (see :mod:`imagej_dl.filesystem.processes`), and are removed once
that process has ended; those of other machines, whose processes are unknown, after a day.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from imagej_dl.filesystem import processes

OLD = 24 * 3600.0
"""Seconds after which temporary files of another machine are removed."""
MOVES, STILL = "moves.json", 600.0
"""The list of moves out of a temporary folder, and the seconds after which they count as dead."""
_AGAIN = 60.0
_LONGEST = 40  # letters of a name that are kept: file systems allow 255 bytes
_NAME = re.compile(rf"\.?imagej-dl-{processes.PATTERN}-[0-9a-f]{{8}}-?(.*)", re.DOTALL)
_swept: dict[str, float] = {}


def name(of: str = "", *, hidden: bool = True) -> str:
    """Return a new temporary name with the end of `of`, since some writers look at the suffix."""
    dot = "." if hidden else ""
    return f"{dot}imagej-dl-{processes.this()}-{secrets.token_hex(4)}-{of[-_LONGEST:]}"


def is_temporary(path: str | os.PathLike[str]) -> bool:
    """Return True for the name of a temporary file or folder."""
    return _NAME.fullmatch(os.path.basename(os.fspath(path))) is not None


def what(of: str) -> str:
    """Return the `of` of a temporary name, see :func:`name`."""
    match = _NAME.fullmatch(of)
    return match[5] if match else ""


def within(path: Path) -> bool:
    """Return True if a path lies in a temporary folder."""
    return any(is_temporary(part) for part in path.parts)


def is_abandoned(path: Path) -> bool:
    """Return True if the run that made a temporary file or folder has ended."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return False
    alive = processes.of(*match.groups()[:4]).alive()
    if alive is None:
        with suppress(OSError):
            old = STILL if (path / MOVES).is_file() else OLD
            return time.time() - path.lstat().st_mtime > old
    return alive is False


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files and folders of ended runs in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        named = [entry.name for entry in entries if "imagej-dl-" in entry.name]
        return sorted(path for item in named if is_abandoned(path := folder / item))
    return []


def due(folder: Path) -> bool:
    """Return True if a folder was not swept in the last minute, and note the time."""
    now, key = time.monotonic(), os.fspath(folder)
    if now - _swept.get(key, -_AGAIN) < _AGAIN:
        return False
    if len(_swept) > 1000:
        _swept.clear()
    _swept[key] = now
    return True


def remove(path: Path) -> None:
    """Remove a file or folder, as far as possible; of a link only the link."""
    with suppress(OSError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def prefix(what: str = "") -> str:
    """Return the prefix of folders among the system's temporary files, for `tempfile`.

    Folders of killed runs of the same user are removed first.
    """
    sweep(Path(tempfile.gettempdir()))
    return name(what, hidden=False)


def sweep(home: Path) -> list[str]:
    """Remove files of killed runs of the same user from a shared folder; return their names."""
    removed = []
    for path in leftovers(home) if due(home) else ():
        if _is_own(path):
            remove(path)
            removed.append(path.name)
    return removed


def _is_own(path: Path) -> bool:
    """Return True if a path belongs to the user: others use the shared folder, too."""
    with suppress(OSError):
        return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
    return False
