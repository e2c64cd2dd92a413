"""Answer the requests of imagej-dl; run by an engine's own Python, with NumPy alone.

A runner calls :func:`main` with what it can do. Called without an argument it prints the engine's
version. Called with `serve` it reads requests, a line of JSON each, from its standard input:
{"do": "segment", "folder": FOLDER, "values": {...}}. The arrays of a request are FOLDER/in/*.npy,
those of its answer FOLDER/out/NAME.npy, without pickle. It answers with lines of JSON of one key:
"ready" (the version, once), "progress" ([stage, done, total]), "note", "warning", and at the end
"done" (facts) or "error" ({"problem", "remedy"}). What libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, TextIO

import numpy as np

if not hasattr(dict, "__class_getitem__"):
    sys.exit(
        f"its Python is {sys.version.split()[0]}, and 3.9 or later is needed: "
        "install a newer version of the program"
    )
Arrays = dict[str, np.ndarray]
Values = dict[str, Any]


class Refused(Exception):
    """Input or settings that the engine cannot work with, in words for the user."""

    def __init__(self, problem: str, remedy: str | None = None) -> None:
        super().__init__(problem)
        self.remedy = remedy


class Teller:
    """Messages of a runner while it works."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def say(self, key: str, value: Any) -> None:
        with self._lock:
            self._stream.write(json.dumps({key: value}) + "\n")
            self._stream.flush()

    def progress(self, stage: str, done: int, total: int) -> None:
        self.say("progress", [stage, int(done), int(total)])

    def note(self, text: str) -> None:
        self.say("note", text)

    def warning(self, text: str) -> None:
        self.say("warning", text)


def examples(
    arrays: Arrays, values: Values, part: str = ""
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the images of a training and their label maps; `part` is "validation_" for those that
    validate."""
    numbers = range(values[f"{part}count"])
    images = [arrays[f"{part}image_{number}"] for number in numbers]
    return images, [arrays[f"{part}labels_{number}"] for number in numbers]


def main(version: Callable[[], str], **tasks: Callable[..., Any]) -> None:
    """Serve tasks, each called with arrays, values and a :class:`Teller`; return nothing.

    A task returns a dictionary of arrays, or that and a dictionary of facts.
    """
    if len(sys.argv) < 2:
        print(version())
        return
    # The protocol has standard output to itself: libraries print what they like.
    teller = Teller(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    requests: queue.Queue[Values] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    teller.say("ready", str(version()))
    while True:
        _answer(requests.get(), tasks, teller)


def _answer(request: Values, tasks: dict[str, Callable[..., Any]], teller: Teller) -> None:
    folder = request["folder"]
    arrays: Arrays = {}
    try:
        for name in sorted(os.listdir(os.path.join(folder, "in"))):
            path = os.path.join(folder, "in", name)
            arrays[name[: -len(".npy")]] = np.load(path, allow_pickle=False)
        task = tasks.get(request["do"], _nothing)
        answer = task(arrays, request["values"], teller)
        found, facts = answer if isinstance(answer, tuple) else (answer, {})
        for name, array in found.items():
            path = os.path.join(folder, "out", name + ".npy")
            np.save(path, np.asarray(array), allow_pickle=False)
        teller.say("done", facts)
    except Refused as error:
        teller.say("error", {"problem": str(error), "remedy": error.remedy})
    except Exception as error:
        traceback.print_exc()
        words = " ".join(str(error).split())
        problem = f"{type(error).__name__}: {words}" if words else type(error).__name__
        teller.say("error", {"problem": problem[:500], "remedy": None})


def _nothing(arrays: Arrays, values: Values, teller: Teller) -> Arrays:
    """Do nothing for a task that a runner does not have, such as `load`."""
    return {}


def _read(requests: queue.Queue[Values]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    # Whoever asked is gone. What this process has started goes, too.
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
