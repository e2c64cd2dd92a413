"""A function called in a fresh Python process.

A module of its own, since a process is told by its module's name what to call, and every folder
may have a conftest.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

import forking

QUICK_JAVA = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""For a Java machine that lives for seconds: its compiler's second look would cost more than it
gains, and threads for collecting garbage would take the processor from the test."""


def call(
    function: Callable[..., Any],
    *args: Any,
    timeout: float = 400,
    bare: bool = False,
    **kwargs: Any,
) -> Any:
    """Return what the function returns, called in a process that has run nothing before.

    A `bare` one has not even imported what the module `preloaded` does (see `forking`).
    """
    environment = dict(os.environ)
    if bare:
        environment.pop(forking.ADDRESS, None)
    with tempfile.TemporaryDirectory() as folder, Listener(f"{folder}/s") as listener:
        command = [sys.executable, __file__, f"{folder}/s"]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
        try:
            with _connected(listener, child) as pipe:
                pipe.send(sys.path)
                pipe.send((timeout, function, args, kwargs))
                return _answer(pipe, child, function.__name__, timeout)
        finally:
            # Java windows keep a process alive, each time; the answer is there already.
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.2)
            child.kill()
            child.wait()


def _connected(listener: Listener, child: subprocess.Popen) -> Connection:
    """Return the connection that the process makes, unless it ends without."""
    waiting: Any = listener._listener._socket  # type: ignore[attr-defined]
    while not select.select([waiting], [], [], 1)[0]:
        if child.poll() is not None:
            raise RuntimeError(f"the process died with exit code {child.returncode}")
    return listener.accept()


def _answer(pipe: Connection, child: subprocess.Popen, name: str, timeout: float) -> Any:
    if not pipe.poll(timeout):
        child.send_signal(signal.SIGQUIT)  # Java prints what its threads are doing
        with suppress(subprocess.TimeoutExpired):
            child.wait(5)
        raise TimeoutError(f"{name} did not end within {timeout} s")
    try:
        result, trace = pipe.recv()
    except (EOFError, ConnectionResetError):
        code = child.wait(10)
        raise RuntimeError(f"the process died with exit code {code}") from None
    if isinstance(result, BaseException):
        raise result from RuntimeError(trace)
    return result


def main(address: str) -> None:
    """Call what is asked for, and send what came of it."""
    os.environ.setdefault("JAVA_TOOL_OPTIONS", " ".join(QUICK_JAVA))
    with Client(address) as pipe:
        sys.path[:] = pipe.recv()  # as the next message names modules of the tests'
        timeout, function, args, kwargs = pipe.recv()
        # What hangs is seen in the test's output: Python's threads here, Java's by SIGQUIT.
        faulthandler.dump_traceback_later(timeout - 5)
        try:
            pipe.send((function(*args, **kwargs), ""))
        except BaseException as error:
            trace = traceback.format_exc()
            try:
                pipe.send((error, trace))
            except Exception:
                pipe.send((RuntimeError(trace), trace))


if __name__ == "__main__":
    main(sys.argv[1])
