"""Run a library in a Python of its own; arrays are exchanged as files.

The libraries require versions that exclude each other (btrack 0.6 requires pydantic 1, Trackastra
PyTorch), and some cannot be stopped while they compute. So each runs in a process of its own, by
the Python of the environment it is installed in. That Python needs NumPy and the library.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl import optional
from imagej_dl.errors import UserError
from imagej_dl.filesystem import temporaries
from imagej_dl.progress import Progress, silent

_ENVIRONMENT = (
    "an environment of its own (python -m venv, pip install {name}), whose Python is named by"
    " {variable} or --engine-python"
)
# On Windows no console that the user could close; elsewhere nothing.
_HIDDEN = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_VERSION_TIMEOUT = 180  # seconds; PyTorch is slow to load


@dataclass(frozen=True)
class Program:
    """A library in a Python of its own.

    Parameters
    ----------
    name : of its Python package.
    install : how to install it, as a sentence; `{environment}` stands for how to install it into
        an environment of its own.
    runner : the script that its Python runs.
    """

    name: str
    install: str
    runner: Path

    @property
    def variable(self) -> str:
        """The environment variable that names its Python."""
        return f"IMAGEJ_DL_{self.name.upper()}_PYTHON"

    @property
    def environment(self) -> str:
        """Install hint, for an environment of its own."""
        return _ENVIRONMENT.format(name=self.name, variable=self.variable)

    @property
    def hint(self) -> str:
        """Install hint."""
        return self.install.format(environment=self.environment)

    def find(self, python: str | Path | None = None) -> str:
        """Return its Python: the one passed, the one its variable names, or this one.

        Raises
        ------
        UserError : when there is no such program, and when this Python lacks the library.
        """
        named = python or os.environ.get(self.variable)
        if not named:
            if not optional.there(self.name):
                raise UserError(f"{self.name} is not installed", remedy=self.hint)
            return sys.executable
        # Not resolved: a Python knows its environment by the place of the link.
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise UserError("there is no such Python", path=path, remedy=self.hint)
        return str(path)

    def version(self, python: str | Path | None = None) -> str:
        """Load it once, and return its version; raise UserError where it does not load."""
        command = self.find(python)
        try:
            done = subprocess.run(
                [command, str(self.runner)],
                stdin=subprocess.DEVNULL,  # ours may be the pipe of a worker's commands
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_VERSION_TIMEOUT,
                creationflags=_HIDDEN,
                env=_environment(command),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"{self.name} does not start: {error}", path=command) from error
        lines = done.stdout.strip().splitlines()
        if done.returncode or not lines:
            raise self.failure(done.stderr, command)
        return lines[-1]

    def run(
        self,
        arrays: dict[str, np.ndarray],
        settings: dict[str, Any],
        python: str | Path | None = None,
        progress: Progress = silent,
    ) -> dict[str, np.ndarray]:
        """Run it on arrays and settings; return its arrays.

        Raises
        ------
        UserError : when it is not installed or fails, with the last line of its output.
        Cancelled : when `progress` raises it; the process is ended.
        """
        command = self.find(python)
        # On Windows a file may stay open a moment after its process was ended.
        with tempfile.TemporaryDirectory(
            prefix=temporaries.prefix(self.name), ignore_cleanup_errors=True
        ) as folder:
            inputs, outputs, log = (Path(folder) / name for name in ("in.npz", "out.npz", "log"))
            np.savez(inputs, **{"settings": np.array(json.dumps(settings)), **arrays})  # type: ignore[arg-type]
            with log.open("w") as output:
                try:
                    process = subprocess.Popen(
                        [command, str(self.runner), str(inputs), str(outputs)],
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        cwd=folder,
                        creationflags=_HIDDEN,
                        env=_environment(command),
                    )
                except OSError as error:
                    raise UserError(f"{self.name} does not start: {error}", path=command) from error
                try:
                    _wait(process, self.name, progress)
                except BaseException:
                    process.kill()
                    process.wait()
                    raise
            if process.returncode < 0:  # its output does not mention this
                number = -process.returncode
                raise UserError(
                    f"{self.name} was ended by signal {number}"
                    + (", out of memory?" if number == 9 else ""),
                    path=command,
                )
            if process.returncode or not outputs.is_file():
                raise self.failure(log.read_text(encoding="utf-8", errors="replace"), command)
            with np.load(outputs) as file:
                return dict(file)

    def failure(self, output: str, command: str) -> UserError:
        """Return the error for the output of a run that failed, with its cause and a remedy."""
        cause = optional.cause(output)
        if re.search(rf"No module named '{self.name}'", cause):
            return UserError(f"{self.name} is not installed", path=command, remedy=self.hint)
        if "ImportError" in output or "OSError" in output or cause != _last_line(output):
            return UserError(
                f"{self.name} is installed, but does not load: {cause}",
                path=command,
                remedy="Install the missing library in that environment, or use "
                f"{self.environment}.",
            )
        return UserError(f"{self.name} failed: {cause}", path=command)


def _wait(process: subprocess.Popen, name: str, progress: Progress) -> None:
    while True:
        progress(name, 0, 1)
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        progress(name, 1, 1)
        return


def _environment(command: str) -> dict[str, str]:
    """Return the environment variables for another Python, without those that name our packages.

    PYTHONSAFEPATH would hide the module beside the runner.
    """
    left_out = {"PYTHONSAFEPATH"}
    if command != sys.executable:
        left_out |= {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"}
    return {key: value for key, value in os.environ.items() if key not in left_out}


def _last_line(output: str) -> str:
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
