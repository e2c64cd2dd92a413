"""Running another program's library in a Python of its own, arrays going to and fro as files.

The libraries ask for versions that exclude each other (btrack 0.6 for pydantic 1, Trackastra for
PyTorch), and some cannot be stopped while they compute: each works in a process of its own, by
the Python of whichever environment it is installed in. That Python needs NumPy and the library.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl import optional
from imagej_dl.errors import UserError
from imagej_dl.filesystem import temporaries
from imagej_dl.progress import Progress, silent

_OWN = "an environment of its own (python -m venv, pip install {0}), whose Python is named by {1}"
_HOW = {
    "motile": "pip install imagej-dl[motile]",
    "btrack": f"Install it, or make {_OWN}.",
    "trackastra": f"Make {_OWN}; the weights are a folder that MODEL in its settings names.",
}
_RUNNERS = Path(__file__).with_name("runners")
# On Windows no console that the user could close; elsewhere nothing.
_HIDDEN = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_PATIENCE = 180  # seconds to say a version in; PyTorch is slow to load


def variable(name: str) -> str:
    """The environment variable that names an engine's Python."""
    return f"IMAGEJ_DL_{name.upper()}_PYTHON"


def how(name: str) -> str:
    """How an engine is got."""
    return _HOW[name].format(name, f"{variable(name)} or --engine-python")


def find(name: str, python: str | Path | None = None) -> str:
    """Return the Python that has an engine: that given, that of its variable, or this one.

    Raises
    ------
    UserError : when there is no such program, and when this Python has not the library.
    """
    named = python or os.environ.get(variable(name))
    if not named:
        if not optional.there(name):
            raise UserError(f"{name} is not installed", remedy=how(name))
        return sys.executable
    # A link stays one: it is by its place that a Python knows its environment.
    path = Path(named).expanduser().absolute()
    if not path.is_file():
        raise UserError("there is no such Python", path=path, remedy=how(name))
    return str(path)


def version(name: str, python: str | Path | None = None) -> str:
    """Return an engine's version, after it has been loaded once; UserError if it is not there."""
    command = find(name, python)
    try:
        said = subprocess.run(
            [command, str(_runner(name))],
            stdin=subprocess.DEVNULL,  # ours may be a pipe by which we are told what to do
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE,
            creationflags=_HIDDEN,
            env=_environment(command),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{name} does not start: {error}", path=command) from error
    lines = said.stdout.strip().splitlines()
    if said.returncode or not lines:
        raise _failed(name, said.stderr, command)
    return lines[-1]


def run(
    name: str,
    arrays: dict[str, np.ndarray],
    settings: dict[str, Any],
    python: str | Path | None = None,
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """Let an engine work: arrays and settings to arrays.

    Raises
    ------
    UserError : when the engine is not there or fails, with its last words.
    Cancelled : when `progress` raises it; the process is ended.
    """
    command = find(name, python)
    # On Windows a file may stay open a moment after its process was ended.
    with tempfile.TemporaryDirectory(
        prefix=temporaries.prefix(name), ignore_cleanup_errors=True
    ) as folder:
        given, found, log = (Path(folder) / part for part in ("given.npz", "found.npz", "log"))
        np.savez(given, **{"settings": np.array(json.dumps(settings)), **arrays})  # type: ignore[arg-type]
        with log.open("w") as words:
            try:
                process = subprocess.Popen(
                    [command, str(_runner(name)), str(given), str(found)],
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    cwd=folder,
                    creationflags=_HIDDEN,
                    env=_environment(command),
                )
            except OSError as error:
                raise UserError(f"{name} does not start: {error}", path=command) from error
            try:
                _wait(process, name, progress)
            except BaseException:
                process.kill()
                process.wait()
                raise
        if process.returncode < 0:  # its last words would be of something else
            number = -process.returncode
            raise UserError(
                f"{name} was ended by signal {number}"
                + (", out of memory?" if number == 9 else ""),
                path=command,
            )
        if process.returncode or not found.is_file():
            said = log.read_text(encoding="utf-8", errors="replace")
            raise _failed(name, said, command)
        with np.load(found) as file:
            return dict(file)


def _wait(process: subprocess.Popen, name: str, progress: Progress) -> None:
    while True:
        progress(name, 0, 1)
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        progress(name, 1, 1)
        return


def _runner(name: str) -> Path:
    return _RUNNERS / f"run_{name}.py"


def _environment(command: str) -> dict[str, str]:
    """The environment of another Python: without what names this one's packages.

    Nor what keeps it from finding the module beside the runner.
    """
    left_out = {"PYTHONSAFEPATH"}
    if command != sys.executable:
        left_out |= {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"}
    return {key: value for key, value in os.environ.items() if key not in left_out}


def _failed(name: str, said: str, command: str) -> UserError:
    """Return the error of an engine that failed: with the cause, and what mends it."""
    why = optional.cause(said)
    if re.search(rf"No module named '{name}'", why):
        return UserError(f"{name} is not installed", path=command, remedy=how(name))
    if "ImportError" in said or "OSError" in said or why != _last(said):
        return UserError(
            f"{name} is installed, but does not load: {why}",
            path=command,
            remedy="Install what it names into that environment, or make "
            f"{_OWN.format(name, f'{variable(name)} or --engine-python')}.",
        )
    return UserError(f"{name} failed: {why}", path=command)


def _last(said: str) -> str:
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
