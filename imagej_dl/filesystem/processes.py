"""Which process this is, told from all others: its machine, when that started, its number.

Files that a run leaves for a while carry it, so that a later run can tell whether the one that
made them is still alive.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process that wrote a file.

    host : digest of the machine, in a container also of the container; boot : digest of when that
    was started ("0" where nobody says); number : the process's; started : when it was, in the
    system's own count ("0" where nobody says).
    """

    host: str
    boot: str
    number: int
    started: str

    def alive(self) -> bool | None:
        """Say whether it still runs; None for one on another machine, of which nobody knows."""
        if self.host != _host():
            return None
        if self.boot != _boot() or not running(self.number):
            return False
        return "0" in (self.started, now := _started(self.number)) or self.started == now

    def __str__(self) -> str:
        return f"{self.host}-{self.boot}-{self.number}-{self.started}"


PATTERN = r"([0-9a-f]{6})-([0-9a-f]{1,6})-(\d+)-(\d+)"
"""A process as text; the groups are the fields of :class:`Process`."""


def of(host: str, boot: str, number: str, started: str) -> Process:
    """Return the process that is written so."""
    return Process(host, boot, int(number), started)


def this() -> Process:
    """Return the process that asks."""
    number = os.getpid()  # not kept: a fork is another
    return Process(_host(), _boot(), number, _started(number))


def running(number: int) -> bool:
    """Say whether a process of this number runs on this machine."""
    if os.name == "nt":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, number)  # type: ignore[attr-defined]
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined]
        return bool(handle)
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@cache
def _host() -> str:
    # Containers of one image may share a name, but not the numbers of their processes.
    parts = [socket.gethostname(), _read("/etc/machine-id"), sys.platform]
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return _digest("\n".join(parts))


@cache
def _boot() -> str:
    found = _read("/proc/sys/kernel/random/boot_id")
    return _digest(found) if found else "0"


def _started(number: int) -> str:
    """Return when a process was started, in ticks since the machine was: numbers come again."""
    found = _read(f"/proc/{number}/stat")
    # Its name, in brackets, may hold anything; the 20th field behind it is the time.
    fields = found.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else "0"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
