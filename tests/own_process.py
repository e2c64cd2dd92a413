"""A function called in a fresh Python process.

A module of its own, since a process is told by its module's name what to call, and every folder
may have a conftest.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any

QUICK_JAVA = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""For a Java machine that lives for seconds: its compiler's second look would cost more than it
gains, and threads for collecting garbage would take the processor from the test."""


def _context(bare: bool) -> Any:
    # TensorFlow only survives a fork on Linux (and it has no threads before its first operation).
    if bare or not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["preloaded"])  # 7 s of processor time, once
    return context


class _Streams:
    """This process's output, for one that forks from another, whose output may be closed."""

    def __init__(self, *numbers: Any) -> None:
        self.numbers = numbers

    def __reduce__(self) -> tuple[Any, ...]:
        return _Streams, tuple(reduction.DupFd(number) for number in self.numbers)  # type: ignore[attr-defined]

    def take(self) -> None:
        for target, stream in zip((1, 2), self.numbers, strict=False):
            number = stream.detach()
            os.dup2(number, target)
            os.close(number)


def call(
    function: Callable[..., Any],
    *args: Any,
    timeout: float = 400,
    bare: bool = False,
    **kwargs: Any,
) -> Any:
    """Return what the function returns, called in a process that has run nothing before.

    A `bare` one has not even imported what the module `preloaded` does.
    """
    context = _context(bare)
    ours, theirs = context.Pipe(duplex=False)
    inherited = context.get_start_method() != "forkserver"
    state = dict(os.environ), _Streams() if inherited else _Streams(1, 2)
    child = context.Process(target=_answer, args=(state, theirs, timeout, function, args, kwargs))
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
    state: tuple[dict[str, str], _Streams],
    pipe: Any,
    timeout: float,
    function: Callable[..., Any],
    args: tuple,
    kwargs: dict,
) -> None:
    environment, streams = state
    os.environ.clear()
    os.environ.update(environment)
    streams.take()
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
