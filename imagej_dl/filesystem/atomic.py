"""Writing that leaves either the whole new file or what was there before."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.filesystem import containment, moves, temporaries
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.filesystem.text import text_of

_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "Free some space on that disk, or choose another folder."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or choose another folder."),
    errno.EACCES: ("cannot be written here", "Choose a folder that you may write to."),
    errno.EPERM: ("cannot be written here", "Choose a folder that you may write to."),
    errno.EROFS: ("cannot be written here", "Choose a folder that you may write to."),
    errno.ENOTDIR: ("has a file in place of a parent folder", "Choose another folder."),
    errno.EEXIST: ("has a file in place of a parent folder", "Choose another folder."),
    errno.ENOTEMPTY: ("was created by another program meanwhile", "Choose another folder."),
    errno.ELOOP: ("is a link that leads in a circle", "Remove the link."),
    errno.ENAMETOOLONG: ("is too long a name", "Choose a shorter one."),
}


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise UserError if `path` exists and the user did not ask to overwrite it."""
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
    """Yield a temporary path beside `path`, which replaces `path` on success.

    A failure (also a full disk or a cancelled run) removes the temporary file and
    leaves what was at `path` untouched; after a kill the next run removes it. The suffix is kept,
    since some writers go by it. The content is on the disk before it gets its name.
    """
    containment.check(path)
    target = Path(os.path.realpath(path))
    with _disk_errors(target):
        if target.is_dir():
            raise UserError("is a folder, not a file", path=path)
        target.parent.mkdir(parents=True, exist_ok=True)
        lasting = not temporaries.within(target.parent)
        if lasting and temporaries.due(target.parent):
            moves.heal(target.parent)
        temporary = target.with_name(temporaries.name(target.name))
        temporary.open("xb").close()
    try:
        with _disk_errors(target):
            yield temporary
            if lasting:
                moves.sync(temporary)
            os.replace(temporary, target)
            if lasting:
                moves.sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, whose content becomes that of `path` on success, as a whole.

    With `overwrite`, files and folders of the same names are replaced; what else is in the old
    folder stays where it is, for it may be anything of the user's. (A new folder that holds
    folders is merged with the old one; one that holds only files, or is a .geff or .zarr, replaces
    it.) When that fails halfway, what was there before is put back; when it is killed halfway,
    :func:`heal` goes on with it.
    """
    containment.check(path, folder=True)
    target = Path(os.path.realpath(path))
    refuse_existing(target, overwrite)
    with _disk_errors(target):
        if target.exists() and not target.is_dir():
            raise UserError("is a file, not a folder", path=path)
        there = target.is_dir()
        whole = target.suffix in moves.WHOLE
        home = target if there and not whole else target.parent
    with _staged(home, target) as temporary:
        new = temporary / moves.NEW / target.name
        new.mkdir(parents=True)
        yield new
        if there:
            source = new.parent if whole else new
            moves.put(temporary, source, home, moves.plan(source, home))
        else:
            moves.sync_all(new)
            os.replace(new, target)
            moves.sync(home)


@contextmanager
def together(folder: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, whose files are moved into `folder` on success, all or none.

    They may lie in folders. What else is in `folder` stays as it is. A kill while they are moved
    leaves some of them, until :func:`heal` goes on with it.

    Raises
    ------
    UserError : when one is there already and `overwrite` is off, and when a link leads out of
        the folder that the user named.
    """
    containment.check(folder, folder=True)
    home = Path(os.path.realpath(folder))
    with _staged(home, home) as temporary:
        new = temporary / moves.NEW
        new.mkdir()
        yield new
        files = moves.files(new)
        for name in files:
            refuse_existing(home / name, overwrite)
        moves.put(temporary, new, home, files)


@contextmanager
def _staged(home: Path, target: Path) -> Iterator[Path]:
    with _disk_errors(target):
        home.mkdir(parents=True, exist_ok=True)
        if not temporaries.within(home):
            moves.heal(home)
        temporary = home / temporaries.name()
        temporary.mkdir()
    try:
        with _disk_errors(target):
            yield temporary
    except BaseException:
        # Where not even putting back went well, what was there before is still in it.
        if not (temporary / temporaries.MOVES).is_file():
            temporaries.remove(temporary)
        raise
    temporaries.remove(temporary)


def heal(folder: str | os.PathLike[str]) -> None:
    """Finish what a killed run had begun to move into a folder, and remove what it left there."""
    try:
        containment.check(Path(folder, temporaries.name()))
    except UserError:
        return  # what lies behind a link that nobody named stays as it is
    moves.heal(Path(os.path.realpath(folder)))


def discard(path: Path) -> None:
    """Remove a folder of ours at once: after a kill it is not there, or whole."""
    if not os.path.lexists(path):
        return
    containment.check(path, folder=True)
    gone = path.with_name(temporaries.name())
    with _disk_errors(path):
        os.replace(path, gone)
    temporaries.remove(gone)


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Convert errors of the file system to UserError with the file's name."""
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


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary of a JSON object; refuse a key that occurs twice."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"has the key {twice} twice", remedy="Remove one of them.")
    return mapping


def in_words(error: OSError, path: Path | None = None) -> UserError:
    """Return the error that names the file which the system refuses, `path` where it says none."""
    return UserError(f"cannot be used ({error.strerror or error})", path=path or error.filename)


def load_json(path: Path) -> Any:
    """Return the content of a JSON file; raise UserError when it is missing or no JSON."""
    refuse_special(path)
    try:
        return json.loads(text_of(path), object_pairs_hook=_once)
    except FileNotFoundError as error:
        raise UserError("there is no such file", path=path) from error
    except OSError as error:
        raise in_words(error, path) from error
    except UserError as error:
        raise error.at(path) from error
    except (ValueError, RecursionError) as error:
        words = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise UserError(
            f"is not JSON ({words})",
            path=path,
            remedy="It may be truncated: copy it again, or correct it in a text editor.",
        ) from error
