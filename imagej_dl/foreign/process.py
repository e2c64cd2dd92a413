"""Start a program in a process group of its own, and end all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagej_dl.errors import NotEnoughMemory, UserError

# On Windows no console that the user could close; elsewhere nothing.
HIDDEN = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_GRACE = 5.0  # seconds until a process that was told to end is gone
_NO_MEMORY = (
    "MemoryError",
    "out of memory",
    "OutOfMemoryError",
    "can't allocate memory",
    "cannot allocate memory",
    "Unable to allocate",
    "ResourceExhaustedError",
    "OOM when allocating",
)
_NO_NETWORK = (
    "URLError",
    "Name or service not known",
    "Temporary failure in name resolution",
    "nodename nor servname",
    "getaddrinfo failed",
    "Failed to establish a new connection",
    "Network is unreachable",
    "Connection refused",
    "ConnectionError",
    "ConnectTimeout",
    "No route to host",
    "dns error",
)


def start(command: list[str], name: str, **how: Any) -> subprocess.Popen[Any]:
    """Start a program of its own group, by which its own processes can be ended, too.

    Parameters
    ----------
    command : the Python and its arguments.
    name : of the program in the error.
    how : for `subprocess.Popen`.

    Raises
    ------
    UserError : when it does not start.
    """
    how = {"stdin": subprocess.DEVNULL, "creationflags": HIDDEN, **how}  # ours may be a pipe
    try:
        return subprocess.Popen(
            command, env=environment(command[0]), start_new_session=os.name != "nt", **how
        )
    except OSError as error:
        raise UserError(f"{name} does not start: {error}", path=command[0]) from error


def end(process: subprocess.Popen[Any]) -> None:
    """End a program that :func:`start` has started, with all processes that it started."""
    with suppress(OSError):
        if os.name == "nt":
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],
                capture_output=True,
                creationflags=HIDDEN,
                check=False,
            )
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):
        process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)


def environment(python: str) -> dict[str, str]:
    """Return the environment variables for another Python, without those that name our packages.

    PYTHONSAFEPATH would hide the modules beside the runner.
    """
    left_out = {"PYTHONSAFEPATH"}
    if python != sys.executable:
        left_out |= {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"}
    return {key: value for key, value in os.environ.items() if key not in left_out}


def killed(name: str, code: int, python: str | Path) -> UserError | None:
    """Return the error of a program that a signal ended, which its output does not mention."""
    if code >= 0:
        return None
    if -code == 9:
        return NotEnoughMemory(f"{name} was ended by signal 9, out of memory?", path=python)
    return UserError(f"{name} was ended by signal {-code}", path=python)


def lacks_memory(said: str) -> bool:
    """Return whether a program's output says that memory ran out."""
    return any(words in said for words in _NO_MEMORY)


def lacks_network(said: str) -> bool:
    """Return whether a program's output says that a server could not be reached."""
    return any(words in said for words in _NO_NETWORK)
