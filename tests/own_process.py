"""A function called in a fresh Python process.

A module of its own, since a process is told by its module's name what to call, and every folder
may have a conftest.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

QUICK_JAVA = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""For a Java machine that lives for seconds: its compiler's second look would cost more than it
gains, and threads for collecting garbage would take the processor from the test."""


def call(function: Callable[..., Any], *args: Any, timeout: float = 400, **kwargs: Any) -> Any:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(theirs, timeout, function, args, kwargs))
    child.start()
    theirs.close()
    try:
        if not ours.poll(timeout):
            if child.pid:
                os.kill(child.pid, signal.SIGQUIT)  # Java prints what its threads are doing
                child.join(5)
            raise TimeoutError(f"{function.__name__} did not end within {timeout} s")
        try:
            result, trace = ours.recv()
        except EOFError:
            child.join(10)
            raise RuntimeError(f"the process died with exit code {child.exitcode}") from None
        if isinstance(result, BaseException):
            raise result from RuntimeError(trace)
        return result
    finally:
        # Java windows keep a process alive, each time; the answer is there already.
        child.join(0.2)
        child.kill()


def _answer(
    pipe: Any, timeout: float, function: Callable[..., Any], args: tuple, kwargs: dict
) -> None:
    os.environ.setdefault("JAVA_TOOL_OPTIONS", " ".join(QUICK_JAVA))
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
