"""A library in a Python of its own: where it is, whether it loads, and one run of it on arrays."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl import optional
from imagej_dl.errors import NotEnoughMemory, UserError
from imagej_dl.filesystem import temporaries
from imagej_dl.foreign import environments, process
from imagej_dl.progress import Progress, silent

_ENVIRONMENT = (
    "an environment of its own (python -m venv, pip install {name}), whose Python is named by"
    " {variable} or --engine-python"
)
_VERSION_TIMEOUT = 180  # seconds; PyTorch is slow to load
FIRST_TIMEOUT = 1800  # seconds; Python compiles all of a new environment, which is slower yet


@dataclass(frozen=True)
class Program:
    """A library in a Python of its own.

    Parameters
    ----------
    name : of the engine, and of its Python package.
    install : how to install it, as a sentence; `{environment}` stands for how to install it into
        an environment of its own.
    runner : the script that its Python runs.
    module : of its Python package, where that has another name than the engine.
    """

    name: str
    install: str
    runner: Path
    module: str = ""

    @property
    def library(self) -> str:
        """The name that it is imported by."""
        return self.module or self.name

    @property
    def variable(self) -> str:
        """The environment variable that names its Python."""
        return f"IMAGEJ_DL_{self.name.upper().replace('-', '_')}_PYTHON"

    @property
    def environment(self) -> str:
        """Install hint, for an environment of its own."""
        return _ENVIRONMENT.format(name=self.library, variable=self.variable)

    @property
    def hint(self) -> str:
        """Install hint."""
        return self.install.format(environment=self.environment)

    def find(self, python: str | Path | None = None) -> str:
        """Return its Python.

        It is the one passed, the one that its variable names, that of the environment that was made
        or named for it, or this one.

        Raises
        ------
        UserError : when there is no such program, and when this Python lacks the library.
        """
        kept = environments.recorded(self.name)
        named = python or os.environ.get(self.variable) or (kept.python if kept else None)
        if not named:
            if not optional.there(self.library):
                raise UserError(f"{self.name} is not installed", remedy=self.hint)
            return sys.executable
        # Not resolved: a Python knows its environment by the place of the link.
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise UserError("there is no such Python", path=path, remedy=self.hint)
        return str(path)

    def version(self, python: str | Path | None = None, timeout: float = _VERSION_TIMEOUT) -> str:
        """Load it once, and return its version.

        Parameters
        ----------
        timeout : seconds that it may take.

        Raises
        ------
        UserError : where it does not load.
        """
        command = self.find(python)
        running = process.start(
            [command, str(self.runner)],
            self.name,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        try:
            said, complained = running.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise UserError(f"{self.name} does not start: {error}", path=command) from error
        finally:
            process.end(running)
            for pipe in (running.stdout, running.stderr):
                if pipe is not None:
                    pipe.close()
        lines = said.strip().splitlines()
        if running.returncode or not lines:
            raise self.failure(complained, command)
        return lines[-1]

    def diagnose(self, check: Callable[[str], None] | None = None) -> tuple[bool, str]:
        """Return whether it loads; and its version and place, or how to install it.

        `check` is given the version, and may raise UserError.
        """
        try:
            python = self.find()
            version = self.version()
            if check is not None:
                check(version)
        except UserError as error:
            return False, str(error)
        return True, f"{version} ({python})"

    def run(
        self,
        arrays: dict[str, np.ndarray],
        settings: dict[str, Any],
        python: str | Path | None = None,
        progress: Progress = silent,
    ) -> dict[str, np.ndarray]:
        """Run it once on arrays and settings; return its arrays.

        Raises
        ------
        UserError : when it is not installed or fails, with the last line of its output.
        Cancelled : when `progress` raises it; the process is ended, with all that it started.
        """
        command = self.find(python)
        # On Windows a file may stay open a moment after its process was ended.
        with tempfile.TemporaryDirectory(
            prefix=temporaries.prefix(self.name), ignore_cleanup_errors=True
        ) as folder:
            inputs, outputs, log = (Path(folder) / name for name in ("in.npz", "out.npz", "log"))
            np.savez(inputs, **{"settings": np.array(json.dumps(settings)), **arrays})  # type: ignore[arg-type]
            with log.open("w") as output:
                running = process.start(
                    [command, str(self.runner), str(inputs), str(outputs)],
                    self.name,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                )
                try:
                    _wait(running, self.name, progress)
                finally:
                    process.end(running)
            if error := process.killed(self.name, running.returncode, command):
                raise error
            if running.returncode or not outputs.is_file():
                raise self.failure(log.read_text(encoding="utf-8", errors="replace"), command)
            with np.load(outputs) as file:
                return dict(file)

    def failure(self, output: str, command: str) -> UserError:
        """Return the error for the output of a run that failed, with its cause and a remedy."""
        cause = optional.cause(output)
        if re.search(rf"No module named '{self.library}'", cause):
            return UserError(f"{self.name} is not installed", path=command, remedy=self.hint)
        if process.lacks_memory(cause):
            return NotEnoughMemory(f"{self.name} ran out of memory: {cause}", path=command)
        if "ImportError" in output or "OSError" in output or cause != _last_line(output):
            return UserError(
                f"{self.name} is installed, but does not load: {cause}",
                path=command,
                remedy="Install the missing library in that environment, or use "
                f"{self.environment}.",
            )
        return UserError(f"{self.name} failed: {cause}", path=command)


def _wait(running: subprocess.Popen, name: str, progress: Progress) -> None:
    while True:
        progress(name, 0, 1)
        try:
            running.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        progress(name, 1, 1)
        return


def _last_line(output: str) -> str:
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
