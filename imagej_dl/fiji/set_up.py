"""The Python environments that Fiji's window of the first use made, as Python finds them.

Where they lie, how they are recorded and what may be set is the front's own: `Environment`,
`EnvironmentRecord`, `EnvironmentSettings` and `Platform` in `front/imagejdl`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagej_dl import preferences
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.foreign import process

OURS = "imagej-dl-python"
"""The folder that is made within a folder that was named."""
RECORD, SETTINGS, SHARED = "ready.json", "environment.json", "config/imagej-dl.json"
_ENVIRONMENT = re.compile(r"env-[0-9a-f]+")
_SECONDS = 60


@dataclass(frozen=True)
class SetUp:
    """An environment that the window made, or has begun.

    folder : that the window names; the environment is a folder in it.
    python : its Python; None where no environment is recorded as ready.
    version, processor : of imagej-dl, and "cpu" or "cuda"; as they are recorded.
    """

    folder: Path
    python: Path | None = None
    version: str = ""
    processor: str = ""

    @property
    def begun(self) -> bool:
        """True if an installation has left something there."""
        left = ("env-*", "downloads", "set-up.log", RECORD)
        return any(next(self.folder.glob(name), None) for name in left)


def own_folder() -> Path:
    """Return where a user's own environment is made."""
    if home := os.environ.get("IMAGEJ_DL_HOME"):
        return Path(home) / "python"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        base = Path(local) if local else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "imagej-dl" / "python"


def settings(fiji: Path | None = None) -> dict[str, str]:
    """Return what is set about the Python of commands: the user's own before a Fiji's.

    Raises
    ------
    UserError : for a file that holds no settings.
    """
    return ({} if fiji is None else _values(fiji / SHARED)) | _values(_own_settings())


def folders(fiji: Path | None = None) -> list[Path]:
    """Return where a Fiji's commands look for an environment, in this order.

    Raises
    ------
    UserError : for settings that cannot be read.
    """
    shared = None if fiji is None else _values(fiji / SHARED).get("folder")
    named = [Path(folder) / OURS for folder in (settings(fiji).get("folder"), shared) if folder]
    return list(dict.fromkeys([*named, own_folder()]))


def read(folder: Path) -> SetUp:
    """Return what is in a folder of the window; without a Python where nothing is recorded."""
    try:
        found = load_json(folder / RECORD)
        values = [found[key] for key in ("environment", "version", "processor")]
    except (UserError, KeyError, TypeError):
        return SetUp(folder)
    name, version, processor = values
    sound = all(isinstance(value, str) for value in values)
    if not sound or not _ENVIRONMENT.fullmatch(name):
        return SetUp(folder)
    inside = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return SetUp(folder, folder / name / inside, version, processor)


def around(python: str | os.PathLike[str]) -> SetUp | None:
    """Return the environment of the window that a Python is in; None for any other Python."""
    for folder in Path(python).absolute().parents:
        if _ENVIRONMENT.fullmatch(folder.name) and (folder.parent / RECORD).is_file():
            return read(folder.parent)
    return None


def version_in(python: Path) -> str | None:
    """Ask a Python for its version of imagej-dl; None where it has none, or does not start."""
    try:
        asked = subprocess.run(
            [str(python), "-m", "imagej_dl", "--version"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            cwd=python.parent,  # what lies in the present folder would be imported
            stdin=subprocess.DEVNULL,
            env=process.environment(str(python)),
            creationflags=process.HIDDEN,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    found = re.search(r"\d+(\.\w+)+\S*\s*$", asked.stdout)
    return found[0].strip() if found else None


def _own_settings() -> Path:
    return preferences.path().with_name(SETTINGS)


def _values(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    found: Any = load_json(path)
    if not isinstance(found, dict):
        raise UserError("holds no settings of a Python environment", path=path, remedy="Delete it.")
    return {str(key): str(value) for key, value in found.items() if value}
