"""Writing that leaves either the whole new file or what was there before."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagej_dl.errors import UserError


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise UserError if `path` is there and the user did not ask to overwrite it."""
    if path.exists() and not overwrite:
        raise UserError(
            "is already there", path=path, remedy="Choose another name, or pass --overwrite."
        )


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it takes the place of `path`.

    A failure (also a full disk or a cancelled run) removes the temporary file and
    leaves what was at `path` untouched. The suffix is kept, since some writers go by it.
    """
    target = Path(path)
    with _disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent
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
    """Give a temporary folder beside `path`; on success it becomes `path`, whole.

    With `overwrite`, files and folders of the same names are replaced; what else was in the old
    folder is kept, for it may be anything of the user's.
    """
    target = Path(path)
    refuse_existing(target, overwrite)
    with _disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with _disk_errors(target):
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if target.exists():
                for old in list(target.iterdir()):
                    if not (temporary / old.name).exists():
                        os.replace(old, temporary / old.name)
                shutil.rmtree(target)
            os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Free some space on that disk, or choose another folder."
            raise UserError("the disk is full", path=target, remedy=remedy) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            remedy = "Choose a folder that you may write to."
            raise UserError("cannot be written here", path=target, remedy=remedy) from error
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
