"""Temporary files and folders, by whose names a later run knows which of them nobody needs.

A run that is killed cannot remove its own. The next one that writes into the same folder does:
they are called `.imagej-dl-PROCESS-…` (see :mod:`imagej_dl.filesystem.processes`), and go
once that process is gone; those of other machines, of which nobody knows, when they are a day old.
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
"""Seconds after which what another machine left is removed."""
MOVES, STILL = "moves.json", 600.0
"""In a temporary folder, what was being moved out of it; another machine's stands still then."""
_AGAIN = 60.0
_LONGEST = 40  # letters of a name that are kept: file systems take 255 bytes
_NAME = re.compile(rf"\.?imagej-dl-{processes.PATTERN}-[0-9a-f]{{8}}-?(.*)", re.DOTALL)
_swept: dict[str, float] = {}


def name(of: str = "", *, hidden: bool = True) -> str:
    """Return a new temporary name, which ends as `of` does: some writers go by the suffix."""
    dot = "." if hidden else ""
    return f"{dot}imagej-dl-{processes.this()}-{secrets.token_hex(4)}-{of[-_LONGEST:]}"


def is_temporary(path: str | os.PathLike[str]) -> bool:
    """Say whether a file or folder is called as temporary ones are."""
    return _NAME.fullmatch(os.path.basename(os.fspath(path))) is not None


def what(of: str) -> str:
    """Return what a temporary name was made for, see :func:`name`."""
    match = _NAME.fullmatch(of)
    return match[5] if match else ""


def within(path: Path) -> bool:
    """Say whether a path lies in a temporary folder."""
    return any(is_temporary(part) for part in path.parts)


def left(path: Path) -> bool:
    """Say whether a temporary file or folder is of a run that is gone."""
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
    """Return what runs that are gone have left in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        named = [entry.name for entry in entries if "imagej-dl-" in entry.name]
        return sorted(path for item in named if left(path := folder / item))
    return []


def due(folder: Path) -> bool:
    """Say whether a folder was not looked through in the last minute; it counts as that then."""
    now, key = time.monotonic(), os.fspath(folder)
    if now - _swept.get(key, -_AGAIN) < _AGAIN:
        return False
    if len(_swept) > 1000:
        _swept.clear()
    _swept[key] = now
    return True


def remove(path: Path) -> None:
    """Remove a file or folder of ours, as far as it can be; a link, not what it points to."""
    with suppress(OSError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def prefix(what: str = "") -> str:
    """Return what folders among the system's temporary files begin with, for `tempfile`.

    Those that killed runs of the same user left there are removed first.
    """
    sweep(Path(tempfile.gettempdir()))
    return name(what, hidden=False)


def sweep(home: Path) -> list[str]:
    """Remove what killed runs of the same user left in a folder of the system's; name it."""
    found = []
    for path in leftovers(home) if due(home) else ():
        if _ours(path):
            remove(path)
            found.append(path.name)
    return found


def _ours(path: Path) -> bool:
    """Say whether a path is the user's own: in the system's folder are those of others, too."""
    with suppress(OSError):
        return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
    return False
