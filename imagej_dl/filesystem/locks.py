"""Locks, by which one run at a time writes into a folder; a second is refused.

The lock is a small file beside the folder that names host and process. It only needs a file system
that gives a name once, so it works on network drives too. The lock of a process that has ended is
taken over; that of a process on another machine when it has not been renewed for some minutes.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.filesystem import containment, moves, processes, temporaries

RENEWED, SILENT = 20.0, 900.0
"""Seconds between two renewals, and after which another machine's lock is taken over."""
_PATIENCE = 0.05
_SUFFIX = ".imagej-dl.lock"


@dataclass(frozen=True)
class Holder:
    """The holder of a lock: process, host name, its activity, and its start (Unix time)."""

    process: processes.Process
    host: str
    what: str
    since: float

    def words(self) -> str:
        """Return a description for error messages."""
        here = "this computer" if self.process.host == processes.this().host else self.host
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since))
        return f"{self.what}, process {self.process.number} on {here}, since {day}"


@contextmanager
def held(
    path: str | os.PathLike[str], what: str, *, wait: float = 0.0
) -> Iterator[Callable[[], bool]]:
    """Hold the lock of a folder, which need not exist yet.

    Parameters
    ----------
    what : the activity, named to runs that are refused meanwhile: "a training".
    wait : seconds to wait for another run to end.

    Yields
    ------
    a function that returns True while the lock is held: after a long sleep of the machine another
    run may have taken it over.

    Raises
    ------
    UserError : when another run holds it. Where neither the folder nor its parent can be written
        to there is no lock, and writing raises the error.
    """
    containment.check(path, folder=True)
    target = Path(os.path.realpath(path))
    new = [folder for folder in target.parents if not folder.exists()]
    lock = _place(target)
    if lock is None:
        yield lambda: True
        return
    sweep(lock.parent)
    text = _text(what)
    until = time.monotonic() + wait
    while (other := _take(lock, text)) is not None:
        if time.monotonic() > until:
            raise UserError(
                f"another imagej-dl is writing into it ({other.words()})",
                path=path,
                remedy="Wait until that has ended, stop it, or choose another folder. If you "
                f"are sure that it is not running any more, delete {lock}.",
            )
        time.sleep(_PATIENCE)
    ended = threading.Event()
    beat = threading.Thread(target=_renew, args=(lock, text, ended), daemon=True)
    beat.start()
    try:
        yield lambda: _content(lock) == text
    finally:
        ended.set()
        if _content(lock) == text:  # else it was taken over, after a long sleep
            lock.unlink(missing_ok=True)
        with suppress(OSError):  # nothing was written into it
            for folder in new:
                folder.rmdir()


def place_of(path: str | os.PathLike[str]) -> Path:
    """Return the path of the lock of a folder, beside it."""
    target = Path(os.path.realpath(path))
    return target.with_name(f".{target.name[:150]}{_SUFFIX}")


def holder(lock: Path) -> Holder | None:
    """Return the holder of a lock; None if it is free, or its process has ended."""
    return _holder(lock, _content(lock))


def sweep(folder: Path) -> None:
    """Remove locks and temporary files of killed runs from a folder, at most once a minute."""
    temporaries.sweep(Path(tempfile.gettempdir()))
    if not temporaries.due(folder):
        return
    moves.heal(folder)
    for lock in folder.glob(f".*{_SUFFIX}"):
        before = _content(lock)
        if before is not None and _holder(lock, before) is None:
            _take_away(lock, before)


def _place(target: Path) -> Path | None:
    lock = place_of(target)
    places = [lock] + ([target / _SUFFIX] if target.is_dir() else [])
    for place in places:
        folder = place.parent
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return place
    return None


def _text(what: str) -> str:
    own = {"process": str(processes.this()), "host": socket.gethostname()}
    return json.dumps({**own, "what": what, "since": time.time(), "thread": threading.get_ident()})


def _take(lock: Path, text: str) -> Holder | None:
    """Take a lock that is free or abandoned; otherwise return its holder."""
    if _create(lock, text):
        return None
    before = _content(lock)
    if before is None:  # it was given back just now
        return None if _create(lock, text) else holder(lock) or _unknown()
    current = _holder(lock, before)
    if current is not None:
        return current
    if not _take_away(lock, before):
        return holder(lock) or _unknown()
    return None if _create(lock, text) else holder(lock) or _unknown()


def _take_away(lock: Path, before: str) -> bool:
    """Remove an abandoned lock, unless another run has taken it over meanwhile."""
    # Only one can move it away; what was moved must be what was looked at.
    away = lock.with_name(temporaries.name(lock.name))
    try:
        os.rename(lock, away)
    except OSError:
        return False
    same = _content(away) == before
    if not same:
        with suppress(OSError):
            os.link(away, lock)
    away.unlink(missing_ok=True)
    return same


def _create(lock: Path, text: str) -> bool:
    """Create the lock if there is none; it never appears half written."""
    draft = lock.with_name(temporaries.name(lock.name))
    draft.write_text(text, encoding="utf-8")
    try:
        os.link(draft, lock)
        return True
    except FileExistsError:
        return False
    except (OSError, AttributeError, NotImplementedError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        return _create_plainly(lock, text)  # not all file systems have links
    finally:
        draft.unlink(missing_ok=True)


def _create_plainly(lock: Path, text: str) -> bool:
    try:
        with lock.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _content(lock: Path) -> str | None:
    try:
        return lock.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _holder(lock: Path, text: str | None) -> Holder | None:
    if text is None:
        return None
    try:
        fields = json.loads(text)
        match = re.fullmatch(processes.PATTERN, fields["process"])
        assert match is not None
        process = processes.of(*match.groups())
        it = Holder(process, str(fields["host"]), str(fields["what"]), float(fields["since"]))
    except (ValueError, KeyError, TypeError, AssertionError):
        # It may be just being written; or a disk was full.
        return _unknown() if _age(lock) < RENEWED else None
    alive = process.alive()
    if alive is None:
        return it if _age(lock) < SILENT else None
    if alive and process.started == "0" and _age(lock) > SILENT:
        return None  # numbers come again, and this system does not tell one from the other
    return it if alive else None


def _unknown() -> Holder:
    return Holder(processes.this(), "", "it has just started", time.time())


def _age(lock: Path) -> float:
    """Return the seconds since a lock was renewed, by the clock of its disk."""
    try:
        then = lock.stat().st_mtime
        probe = lock.with_name(temporaries.name("clock"))
        probe.touch()
        try:
            return probe.stat().st_mtime - then
        finally:
            probe.unlink(missing_ok=True)
    except OSError:
        return 0.0


def _renew(lock: Path, text: str, ended: threading.Event) -> None:
    while not ended.wait(RENEWED):
        with suppress(OSError):
            if _content(lock) == text:
                os.utime(lock)
