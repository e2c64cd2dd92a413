"""A program of others that stays loaded, and answers one request after the other.

Loading PyTorch or TensorFlow takes seconds, so it is done once for all images. The exchange is
described in :mod:`imagej_dl.engines`.
"""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from imagej_dl import optional
from imagej_dl.errors import NotEnoughMemory, UserError, warn
from imagej_dl.filesystem import temporaries
from imagej_dl.foreign import process
from imagej_dl.foreign.program import Program
from imagej_dl.progress import Progress, note, silent

_ENDED = None
_TURN = 0.2  # seconds between two looks at whether the user has cancelled


class Session:
    """A running program; a context manager, which starts it and ends it.

    Parameters
    ----------
    program : the library and its runner.
    python : its Python, if one was named.
    check : is given the version of the library as soon as it is loaded; it may raise UserError.
    """

    def __init__(
        self,
        program: Program,
        python: str | Path | None = None,
        check: Callable[[str], None] | None = None,
    ) -> None:
        self.program = program
        self._python, self._check = python, check
        self.version = ""

    def __enter__(self) -> Session:
        self.command = self.program.find(self._python)
        self._folder = tempfile.TemporaryDirectory(
            prefix=temporaries.prefix(self.program.name), ignore_cleanup_errors=True
        )
        self._log = Path(self._folder.name, "log").open("wb")
        self._process: subprocess.Popen[str] | None = None
        self._asked = False
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._log.close()
        self._folder.cleanup()

    def ask(
        self,
        what: str,
        arrays: dict[str, np.ndarray],
        values: dict[str, Any],
        progress: Progress = silent,
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Have the program do something with arrays and values; return its arrays and facts.

        The first request starts it. After an error that it has told it can be asked again.

        Raises
        ------
        UserError : when it is not installed, does not start, has ended, or tells an error.
        Cancelled : when `progress` raises it.
        """
        home = Path(self._folder.name)
        with tempfile.TemporaryDirectory(dir=home, ignore_cleanup_errors=True) as name:
            folder = Path(name)
            for part in ("in", "out"):
                (folder / part).mkdir()
            for key, array in arrays.items():
                np.save(folder / "in" / f"{key}.npy", array, allow_pickle=False)
            request = {"do": what, "folder": str(folder), "values": values}
            running = self._running()
            try:
                assert running.stdin is not None
                running.stdin.write(json.dumps(request) + "\n")
                running.stdin.flush()
            except OSError:  # it has ended; what it said about that is read below
                pass
            self._asked = True
            try:
                facts = self._answer(progress)
            finally:
                if self._asked:  # what it would still say belongs to no other request
                    self._stop()
            found = {
                path.stem: self._array(path) for path in sorted((folder / "out").glob("*.npy"))
            }
        return found, facts

    def _stop(self) -> None:
        running, self._process = self._process, None
        if running is None:
            return
        process.end(running)
        for stream in (running.stdin, running.stdout):
            with suppress(OSError):
                assert stream is not None
                stream.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._lines: queue.Queue[str | None] = queue.Queue()
            self._process = process.start(
                [self.command, str(self.program.runner), "serve"],
                self.program.name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=self._folder.name,
                encoding="utf-8",
                errors="replace",
            )
            reader = threading.Thread(
                target=_read, args=(self._process.stdout, self._lines), daemon=True
            )
            reader.start()
        return self._process

    def _answer(self, progress: Progress) -> dict[str, Any]:
        """Wait for the end of a request; pass on progress, notes and warnings."""
        stage = (f"loading {self.program.name}", 0, 1)
        while True:
            progress(*stage)
            try:
                line = self._lines.get(timeout=_TURN)
            except queue.Empty:
                continue
            if line is _ENDED:
                raise self._ended()
            key, value = self._message(line)
            if key == "ready":
                self.version = str(value)
                if self._check is not None:
                    self._check(self.version)
            elif key == "progress":
                stage = (str(value[0]), int(value[1]), max(int(value[2]), 1))
            elif key == "note":
                note(progress, str(value))
            elif key == "warning":
                warn(f"{self.program.name}: {value}")
            elif key == "error":
                self._asked = False
                raise self._error(value)
            elif key == "done":
                self._asked = False
                return dict(value)

    def _message(self, line: str) -> tuple[str, Any]:
        try:
            ((key, value),) = json.loads(line).items()
        except (ValueError, AttributeError) as error:
            raise UserError(
                f"{self.program.name} does not keep to the exchange: it said {line[:80]!r}",
                path=self.command,
            ) from error
        return key, value

    def _error(self, told: dict[str, Any]) -> UserError:
        problem, remedy = str(told.get("problem")), told.get("remedy")
        if process.lacks_memory(problem):
            return NotEnoughMemory(
                f"{self.program.name} ran out of memory: {problem}",
                remedy="Take smaller images, or smaller tiles in the engine's settings.",
            )
        if process.lacks_network(problem):
            return UserError(
                f"{self.program.name} wanted to download something and could not: {problem}",
                remedy="Download the weights beforehand, and name their file as the model.",
            )
        return UserError(f"{self.program.name}: {problem}", remedy=remedy)

    def _ended(self) -> UserError:
        """Return the error of a program that has ended without an answer."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        running = self._process
        said = Path(self._folder.name, "log").read_text(encoding="utf-8", errors="replace")
        if error := process.killed(self.program.name, running.returncode or 0, self.command):
            return error
        if not said.strip():
            return UserError(f"{self.program.name} has ended without a word", path=self.command)
        if process.lacks_memory(optional.cause(said)):
            return NotEnoughMemory(f"{self.program.name} ran out of memory", path=self.command)
        return self.program.failure(said, self.command)

    def _array(self, path: Path) -> np.ndarray:
        try:
            return np.load(path, allow_pickle=False)
        except ValueError as error:
            raise UserError(
                f"{self.program.name} gave back {path.name}, which is no array ({error})",
                path=self.command,
            ) from error


def _read(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    with suppress(OSError, ValueError):  # it is closed when the session ends
        for line in stream:
            lines.put(line)
    lines.put(_ENDED)
