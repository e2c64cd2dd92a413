"""Writing that leaves either the whole new file or what was there before."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.texts import text_of

_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "Free some space on that disk, or choose another folder."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or choose another folder."),
    errno.EACCES: ("cannot be written here", "Choose a folder that you may write to."),
    errno.EPERM: ("cannot be written here", "Choose a folder that you may write to."),
    errno.EROFS: ("cannot be written here", "Choose a folder that you may write to."),
    errno.ENOTDIR: ("lies in something that is a file", "Choose another folder."),
    errno.EEXIST: ("lies in something that is a file", "Choose another folder."),
    errno.ENAMETOOLONG: ("is too long a name", "Choose a shorter one."),
}


_WHOLE = (".geff", ".zarr")  # folders that are one thing: parts of two make none


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise UserError if `path` is there and the user did not ask to overwrite it."""
    with _disk_errors(path):
        there = path.exists()
    if there and not overwrite:
        raise UserError(
            "is already there", path=path, remedy="Choose another name, or pass --overwrite."
        )


def refuse_input(out: Path, *inputs: Path | None) -> None:
    """Raise UserError if `out` is one of the inputs, or holds one, or could not keep it."""
    target = Path(os.path.realpath(out))
    for source in inputs:
        if source is None:
            continue
        real = Path(os.path.realpath(source))
        if real == target or (target.is_dir() and target in real.parents):
            raise UserError(
                f"would be written over the input {source}",
                path=out,
                remedy="Choose another name for the result.",
            )


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it takes the place of `path`.

    A failure (also a full disk or a cancelled run) removes the temporary file and
    leaves what was at `path` untouched. The suffix is kept, since some writers go by it.
    """
    target = Path(os.path.realpath(path))
    with _disk_errors(target):
        if target.is_dir():
            raise UserError("is a folder, not a file", path=path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem[:40]}-", suffix=target.suffix, dir=target.parent
        )
        os.close(handle)
    temporary = Path(name)
    try:
        with _disk_errors(target):
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder; on success its content is that of `path`, whole.

    With `overwrite`, files and folders of the same names are replaced; what else is in the old
    folder stays where it is, for it may be anything of the user's. (A new folder that holds
    folders is merged with the old one; one that holds only files, or is a .geff or .zarr, replaces
    it.) When that fails halfway, what was there before is put back.
    """
    target = Path(os.path.realpath(path))
    refuse_existing(target, overwrite)
    with _disk_errors(target):
        if target.exists() and not target.is_dir():
            raise UserError("is a file, not a folder", path=path)
        there = target.is_dir()
        whole = target.suffix in _WHOLE
        home = target if there and not whole else target.parent
        home.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".imagej-dl-", dir=home))
    try:
        with _disk_errors(target):
            new = temporary / "new" / target.name
            new.mkdir(parents=True)
            yield new
            if there:
                into = (new.parent, target.parent) if whole else (new, target)
                _merge(*into, temporary / "old")
            else:
                os.replace(new, target)
    finally:
        # Holds no file of the user's any more: replaced ones only after all went well.
        shutil.rmtree(temporary, ignore_errors=True)


def _merge(new: Path, target: Path, old: Path) -> None:
    """Move the entries of `new` into `target`, and those they replace into `old`."""
    old.mkdir()
    moved: list[tuple[Path | None, Path]] = []
    try:
        _move(new, target, old, moved)
    except BaseException:
        for kept, place in reversed(moved):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)
            if kept is not None:
                os.replace(kept, place)
        raise


def _move(new: Path, target: Path, old: Path, moved: list[tuple[Path | None, Path]]) -> None:
    for entry in sorted(new.iterdir()):
        place = target / entry.name
        folders = place.is_dir() and entry.is_dir() and entry.suffix not in _WHOLE
        if folders and any(p.is_dir() for p in entry.iterdir()):
            _move(entry, place, old, moved)
            continue
        kept = None
        if os.path.lexists(place):
            kept = old / str(len(moved))
            os.replace(place, kept)
        moved.append((kept, place))
        os.replace(entry, place)


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Turn what the file system refuses into words with the file's name."""
    try:
        yield
    except OSError as error:
        path = target if error.filename is None else error.filename
        # NumPy's writer says "… requested and … written" and no number when the disk is full.
        short = error.errno is None and "requested and" in str(error)
        number = errno.ENOSPC if short else error.errno or 0
        if number in _REMEDIES:
            problem, remedy = _REMEDIES[number]
            raise UserError(problem, path=target, remedy=remedy) from error
        raise UserError(f"cannot be written ({error.strerror or error})", path=path) from error


def in_words(error: OSError, path: Path | None = None) -> UserError:
    """Return the error that names the file which the system refuses, `path` where it says none."""
    return UserError(f"cannot be used ({error.strerror or error})", path=path or error.filename)


def load_json(path: Path) -> Any:
    """Return what a JSON file holds; UserError when it is not there, or is no JSON."""
    try:
        return json.loads(text_of(path))
    except FileNotFoundError as error:
        raise UserError("there is no such file", path=path) from error
    except OSError as error:
        raise in_words(error, path) from error
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"is not JSON ({error})",
            path=path,
            remedy="It may have been cut short: copy it again, or mend it in a text editor.",
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
