"""Moving what a run has made to where it belongs, so that a kill leaves nothing in between.

All of it lies in a temporary folder first, TEMPORARY/new. What goes where is written down beside
it before the first is moved; whoever finds that list after a kill goes on with it.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath

from imagej_dl.filesystem import containment, temporaries
from imagej_dl.filesystem.temporaries import MOVES

NEW, _OLD = "new", "old"
WHOLE = (".geff", ".zarr")
"""Suffixes of folders that are one thing: parts of two make none."""
_CANNOT = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM)
_AT_ONCE = 8


def plan(new: Path, home: Path) -> list[str]:
    """Return the entries of a folder to move, so that it is merged with another folder."""
    paths = []
    for entry in sorted(new.iterdir()):
        place = home / entry.name
        folders = place.is_dir() and entry.is_dir() and entry.suffix not in WHOLE
        if folders and any(p.is_dir() for p in entry.iterdir()):
            paths += [f"{entry.name}/{name}" for name in plan(entry, place)]
        else:
            paths.append(entry.name)
    return paths


def files(new: Path) -> list[str]:
    """Return the relative paths of all files of a folder, and of folders that are one item."""
    paths = []
    for entry in sorted(new.iterdir()):
        if entry.is_dir() and entry.suffix not in WHOLE:
            paths += [f"{entry.name}/{name}" for name in files(entry)]
        else:
            paths.append(entry.name)
    return paths


def put(temporary: Path, source: Path, home: Path, moves: list[str]) -> None:
    """Move entries of `source`, a folder in `temporary`, to `home`; undo all on a failure."""
    with containment.named([home]):
        for name in moves:
            containment.check(home / name)
    lasting = not temporaries.within(home)
    if lasting:
        sync_all(source)
    if len(moves) > 1:
        listed = {"from": source.relative_to(temporary).as_posix(), "moves": moves}
        draft = temporary / "moves.part"
        draft.write_text(json.dumps(listed), encoding="utf-8")
        if lasting:
            sync(draft)
        os.replace(draft, temporary / MOVES)
    done: list[tuple[Path, Path, Path]] = []
    try:
        _move(temporary, source, home, moves, done)
    except BaseException:
        for entry, place, kept in reversed(done):
            if os.path.lexists(place) and not os.path.lexists(entry):
                os.replace(place, entry)
            if os.path.lexists(kept):
                os.replace(kept, place)
        (temporary / MOVES).unlink(missing_ok=True)
        raise
    if lasting:
        for folder in {(home / name).parent for name in moves}:
            sync(folder)


def _move(
    temporary: Path,
    source: Path,
    home: Path,
    moves: list[str],
    done: list[tuple[Path, Path, Path]],
) -> None:
    old = temporary / _OLD
    old.mkdir(exist_ok=True)
    for number, name in enumerate(moves):
        entry, place, kept = source / name, home / name, old / str(number)
        if not os.path.lexists(entry):
            continue  # it was moved before a kill
        done.append((entry, place, kept))
        place.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(place):
            _keep(place, kept)
        os.replace(entry, place)


def _keep(place: Path, kept: Path) -> None:
    """Keep an entry to be replaced; a file stays in place too, so that it is never missing."""
    if not place.is_dir() or place.is_symlink():
        with suppress(OSError, NotImplementedError):
            os.link(place, kept, follow_symlinks=False)
            return
    os.replace(place, kept)


def heal(folder: Path) -> None:
    """Complete the moves of a killed run into a folder; remove the files that such runs left."""
    for path in temporaries.leftovers(folder):
        with suppress(OSError, ValueError, KeyError, TypeError):
            if (path / MOVES).is_file():
                _go_on(path, folder)
            temporaries.remove(path)


def _go_on(temporary: Path, home: Path) -> None:
    listed = json.loads((temporary / MOVES).read_text(encoding="utf-8"))
    moves, source = [str(name) for name in listed["moves"]], str(listed["from"])
    for name in [*moves, source]:
        # The folder may be a stranger's: nothing is moved out of it.
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or PurePosixPath(name).is_absolute() or "\\" in name:
            raise ValueError(name)
    for name in moves:
        _refuse_links(home, home / name)
    _refuse_links(temporary, temporary / source / "x")
    again = temporary / _OLD
    while again.exists():  # what these hold was replaced before the kill
        again = again.with_name(f"{again.name}-")
    if (temporary / _OLD).exists():
        os.replace(temporary / _OLD, again)
    _move(temporary, temporary / source, home, moves, [])
    for place in {(home / name).parent for name in moves}:
        sync(place)


def _refuse_links(home: Path, path: Path) -> None:
    """Raise ValueError if a folder between the two is a link."""
    for folder in path.parents:
        if folder == home:
            return
        if folder.is_symlink():
            raise ValueError(folder)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk (fsync), where the system supports it."""
    windows = os.name == "nt"
    if windows and path.is_dir():
        return
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0) if windows else os.O_RDONLY)
    except OSError:
        return  # it is not ours to read
    try:
        os.fsync(handle)
    except OSError as error:  # on a network disk only now it may be known to be full
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(handle)


def sync_all(folder: Path) -> None:
    """Wait until a folder and all in it are on the disk (fsync)."""
    paths = [folder]
    for top, folders, names in os.walk(folder):
        paths += [Path(top, name) for name in (*folders, *names)]
    _each(path for path in paths if not path.is_symlink())


def _each(paths: Iterable[Path]) -> None:
    every = list(paths)
    if len(every) <= _AT_ONCE:
        for path in every:
            sync(path)
        return
    # The system writes what is asked for at the same time in one go.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(sync, every))
