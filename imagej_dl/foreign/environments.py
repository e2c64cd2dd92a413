"""Environments of other programs: those made for them, and Pythons that the user named.

Each program has a folder in :func:`home`, with the environment, if it was made here, and the record
`python.json`, which is written last: a folder without it is what a killed installation left.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from imagej_dl import preferences
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks, temporaries
from imagej_dl.filesystem.atomic import atomic, discard, load_json
from imagej_dl.foreign import process
from imagej_dl.progress import Progress, note

_RECORD = "python.json"
_STEPS = ("Collecting", "Downloading", "Installing", "Resolved", "Prepared", "Installed")
"""The first words of lines of pip and uv that tell how far an installation is."""


@dataclass(frozen=True)
class Environment:
    """A Python for a program.

    python : its path; made : whether the environment was made here, and may be removed;
    requirements : what was installed into it, for pip.
    """

    python: str
    made: bool
    requirements: tuple[str, ...] = ()


def home() -> Path:
    """Return the folder of the environments; the variable IMAGEJ_DL_ENGINES names another one."""
    if named := os.environ.get("IMAGEJ_DL_ENGINES"):
        return Path(named)
    return preferences.path().with_name("engines")


def folder_of(name: str) -> Path:
    """Return the folder of a program's environment."""
    return home() / name


def recorded(name: str) -> Environment | None:
    """Return the Python that was made or named for a program; UserError for a damaged record."""
    path = folder_of(name) / _RECORD
    if not path.is_file():
        return None
    try:
        values = load_json(path)
        return Environment(values["python"], bool(values["made"]), tuple(values["requirements"]))
    except (KeyError, TypeError) as error:
        raise UserError("is no record of a Python", path=path, remedy="Delete it.") from error


def name_python(name: str, python: Path) -> Environment:
    """Record a Python that the user has; it must be there."""
    path = python.expanduser().absolute()
    if not path.is_file():
        raise UserError("there is no such Python", path=path)
    return _record(name, Environment(str(path), made=False))


def make(name: str, requirements: Sequence[str], progress: Progress) -> Environment:
    """Make an environment for a program with uv, or else venv and pip, and install into it.

    Parameters
    ----------
    requirements : as pip takes them.
    progress : the stage "installing NAME"; what pip says is noted. It may raise Cancelled.

    Raises
    ------
    UserError : when there is an environment already, the disk is full, the network is not there,
        or the installation fails. Nothing is left then.
    """
    folder, stage = folder_of(name), f"installing {name}"
    with locks.held(folder, "an installation"):
        if recorded(name) is not None:
            raise UserError(f"{name} has a Python already", path=folder, remedy="Remove it first.")
        discard(folder)  # what a killed installation left
        try:
            progress(stage, 0, 3)
            python = _python_of(folder)
            for done, command in enumerate(_commands(folder, python, requirements)):
                _run(command, name, stage, done, progress)
            progress(stage, 2, 3)
            made = Environment(str(python), made=True, requirements=tuple(requirements))
            return _record(name, made)
        except BaseException:
            discard(folder)
            raise


def remove(name: str) -> Environment:
    """Remove what was recorded of a program: an environment made here; never a user's own Python.

    Raises
    ------
    UserError : when there is none.
    """
    folder = folder_of(name)
    with locks.held(folder, "an installation"):
        found = recorded(name)
        if found is None:
            raise UserError(f"there is no environment of {name}", path=folder)
        discard(folder)
    return found


def nbytes(folder: Path) -> int:
    """Return the size of a folder on disk."""
    total = 0
    for base, _, files in os.walk(folder):
        total += sum(os.lstat(os.path.join(base, file)).st_size for file in files)
    return total


def free() -> int:
    """Return the free bytes of the disk that environments lie on."""
    there = next(place for place in (home(), *home().absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _commands(folder: Path, python: Path, requirements: Sequence[str]) -> Iterator[list[str]]:
    uv = shutil.which("uv")
    if uv is not None:
        yield [uv, "venv", "--python", sys.executable, str(folder)]
        yield [uv, "pip", "install", "--python", str(python), *requirements]
        return
    yield [sys.executable, "-m", "venv", str(folder)]
    pip = ["-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    yield [str(python), *pip, *requirements]


def _run(command: list[str], name: str, stage: str, done: int, progress: Progress) -> None:
    """Run a step of an installation; tell what it says, and raise UserError where it fails."""
    with tempfile.TemporaryFile(prefix=temporaries.prefix(name)) as log:
        running = process.start(command, name, stdout=log, stderr=subprocess.STDOUT)
        told = 0
        try:
            while True:
                try:
                    running.wait(0.2)
                except subprocess.TimeoutExpired:
                    progress(stage, done, 3)
                    told = _tell(log, told, progress)
                    continue
                break
        finally:
            process.end(running)
        if running.returncode:
            raise _failure(name, _said(log))


def _said(log: IO[bytes], start: int = 0) -> str:
    # By its position: the file's own is the one that the process writes at.
    size = os.fstat(log.fileno()).st_size
    if os.name == "nt":
        log.seek(start)
        return log.read().decode(errors="replace")
    return os.pread(log.fileno(), size - start, start).decode(errors="replace")


def _tell(log: IO[bytes], told: int, progress: Progress) -> int:
    """Note the new whole lines about a step; return how many bytes are told."""
    whole = _said(log, told).rpartition("\n")
    for line in whole[0].splitlines():
        if line.strip().startswith(_STEPS):
            note(progress, line.strip()[:100])
    return told + len((whole[0] + whole[1]).encode())


def _failure(name: str, said: str) -> UserError:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if line.lower().startswith("error")]
    last = (told or lines or ["no message"])[-1][:400]
    if process.lacks_network(said):
        return UserError(
            f"{name} cannot be downloaded: there is no connection to the package index",
            remedy="Connect, or set a proxy as pip takes it (HTTPS_PROXY); or name a Python that "
            "has it with --python.",
        )
    if "No space left" in said:
        return UserError(f"{name} cannot be installed: the disk is full", path=home())
    return UserError(
        f"{name} cannot be installed: {last}",
        remedy="Install it into an environment by its own instructions, and name its Python with "
        "--python.",
    )


def _record(name: str, environment: Environment) -> Environment:
    path = folder_of(name) / _RECORD
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        text = json.dumps(asdict(environment), indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")
    return environment
