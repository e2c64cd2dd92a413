"""Fork the processes that tests start, from one that has imported TensorFlow.

Its import takes 7 s of processor time, and a test in ImageJ's window has up to five workers. So a
command of imagej-dl's, or a worker of ImageJ's, that is started below a test asks here, by
`forked/sitecustomize.py`, for a process that has done so already. Where the environment says
anything to TensorFlow or to Python's start that this process was not told, none is forked. A test
of the import itself clears the variable of `sitecustomize.ADDRESS`.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ADDRESS = "IMAGEJ_DL_TESTS_FORK"
HEEDED_AT_THE_START = (
    *("TF_", "KERAS_", "CUDA_", "ONEDNN_", "OMP_", "LC_", "LANG"),
    *("PYTHONHOME", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONCOERCECLOCALE", "PYTHONWARNINGS"),
    *("PYTHONOPTIMIZE", "PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONDEVMODE"),
)
"""Beginnings of variables that are read while Python starts and TensorFlow is imported."""
CLIENT = str(Path(__file__).with_name("forked"))
"""Folder of the module by which a process asks."""


@contextmanager
def running() -> Iterator[None]:
    """Fork the processes that are started meanwhile; the first one waits for TensorFlow.

    TensorFlow only survives a fork on Linux (and it has no threads before its first operation).
    """
    if not sys.platform.startswith("linux") or ADDRESS in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/s")
        listening.listen(64)
        wake, woken = socket.socketpair()
        before = dict(os.environ)
        work = listening, woken, before
        serving = threading.Thread(target=_serve_the_first, args=work, daemon=True)
        serving.start()
        os.environ[ADDRESS] = f"{folder}/s|{sys.executable}"
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (CLIENT, before.get("PYTHONPATH"))))
        try:
            yield
        finally:
            wake.close()
            serving.join(10)
            for name in ADDRESS, "PYTHONPATH":
                os.environ.pop(name, None)
                if name in before:
                    os.environ[name] = before[name]


def asking() -> dict[str, str]:
    """Return the variables of a process, without others for Python, that is to ask here."""
    address = os.environ.get(ADDRESS)
    return {} if address is None else {ADDRESS: address, "PYTHONPATH": CLIENT}


def _serve_the_first(
    listening: socket.socket, ended: socket.socket, before: dict[str, str]
) -> None:
    """Start the process that forks when the first one asks: most runs have none that does."""
    ready, *_ = select.select([listening, ended], [], [])
    if ended not in ready:
        command = [sys.executable, __file__, str(listening.fileno())]
        fds = [listening.fileno()]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=fds, env=before
        ) as server:
            ended.recv(1)
            server.kill()
    ended.close()


def serve(listening: socket.socket) -> None:
    """Import TensorFlow, and fork a process for each that asks."""
    before = dict(os.environ)
    import preloaded  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl+C for the tests ends them first
    tests = os.getppid()
    while True:
        # Tests that are killed cannot end this process.
        while not select.select([listening], [], [], 5)[0]:
            if os.getppid() != tests:
                return
        line, _ = listening.accept()
        if not os.fork():
            try:
                listening.close()
                _watch(line, before)
            finally:
                os._exit(1)
        line.close()


def heeded(environment: dict[str, str]) -> dict[str, str]:
    """Return what the environment says to Python's start and TensorFlow's import."""
    later = {"TF_NUM_INTRAOP_THREADS"}  # read by the first operation
    names = {name for name in environment if name.startswith(HEEDED_AT_THE_START)} - later
    return {name: environment[name] for name in names}


def _watch(line: socket.socket, before: dict[str, str]) -> None:
    """Fork the process that was asked for, tell how it ends, and end it with the one that asked."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, *_ = socket.recv_fds(line, 4, 3)
    said = json.loads(line.makefile("rb").read(struct.unpack("!I", head)[0]))
    # What imagej-dl set itself while it was imported, it would set again.
    ours = {name: value for name, value in heeded(dict(os.environ)).items() if name not in before}
    if ours | heeded(said["environment"]) != ours | heeded(before):
        line.sendall(b"0\n")
        return
    code = 1
    if not (process := os.fork()):
        try:
            line.close()
            code = _do(said, streams)
        finally:
            os._exit(code)
    for number in streams:
        os.close(number)
    with suppress(BrokenPipeError):
        line.sendall(f"{process}\n".encode())
    waiting = os.pidfd_open(process)
    ready, *_ = select.select([waiting, line], [], [])
    if waiting not in ready:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    with suppress(BrokenPipeError):
        line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _do(said: dict[str, Any], streams: list[int]) -> int:
    """Be the process that was asked for; return its exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, number in enumerate(streams):
        os.dup2(number, target)
        os.close(number)
    os.chdir(said["folder"])
    os.environ.clear()
    os.environ.update(said["environment"])
    sys.path[:] = said["path"]
    for target, (encoding, errors) in enumerate(said["streams"]):
        raw = os.fdopen(target, "wb" if target else "rb", closefd=False)
        at_once = target == 2 or (target == 1 and os.isatty(target))
        stream = io.TextIOWrapper(raw, encoding=encoding, errors=errors, line_buffering=at_once)
        name = ("stdin", "stdout", "stderr")[target]
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    code = _run(said["what"])
    for end in threading._shutdown, atexit._run_exitfuncs, sys.stdout.flush, sys.stderr.flush:
        with suppress(Exception):
            end()  # type: ignore[operator]
    return code


def _run(what: list[str]) -> int:
    """Run Python's command line; return its exit code."""
    kind, text, *more = what
    first = {"-m": os.getcwd(), "-c": ""}.get(kind, os.path.dirname(text))
    sys.path.insert(0, first)  # Python does so after the module that asked
    sys.argv = [text if kind == "-" else kind, *more]
    sys.orig_argv = [sys.executable, *what[kind == "-" :]]
    try:
        if kind == "-m":
            runpy.run_module(text, run_name="__main__", alter_sys=True)
        elif kind == "-":
            runpy.run_path(text, run_name="__main__")
        else:
            sys.modules["__main__"] = module = types.ModuleType("__main__")
            exec(text, module.__dict__)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return (ended.code or 0) & 255
        print(ended.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)  # as Python ends then
        return 130
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
