"""Identification of processes by machine, boot, number and start time.

The names of temporary files contain it, so that a later run can tell whether the process that made
them still runs.
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

    host : digest of the machine, and of the container in one; boot : digest of its boot id ("0" if
    unknown); number : process id; started : start time in ticks since boot ("0" if unknown).
    """

    host: str
    boot: str
    number: int
    started: str

    def alive(self) -> bool | None:
        """Return True if it still runs; None for a process on another machine, which is unknown."""
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
    """Return the process of the groups of :data:`PATTERN`."""
    return Process(host, boot, int(number), started)


def this() -> Process:
    """Return the current process."""
    number = os.getpid()  # not cached: a fork has another
    return Process(_host(), _boot(), number, _started(number))


def running(number: int) -> bool:
    """Return True if a process of this id runs on this machine."""
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
    boot_id = _read("/proc/sys/kernel/random/boot_id")
    return _digest(boot_id) if boot_id else "0"


def _started(number: int) -> str:
    """Return the start time of a process in ticks since boot, since ids are reused."""
    stat = _read(f"/proc/{number}/stat")
    # Its name, in brackets, may hold anything; the 20th field behind it is the time.
    fields = stat.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else "0"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
