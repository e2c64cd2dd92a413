"""The user's preferences for all commands on this machine, in one small JSON file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import atomic, load_json

_WAIT = 10.0


class Preferences(BaseModel):
    """device : auto, all or cpu; tile : px, 0 by the free memory; preview, idle : seconds.

    precision : of predictions on the CPU that find objects.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    device: Literal["auto", "all", "cpu"] = "auto"
    engine: Literal["auto", "tensorflow", "openvino"] = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    tile: int = 0
    preview: float = 5.0
    idle: float = 300.0


def path() -> Path:
    """Return where the preferences are kept; the variable IMAGEJ_DL_HOME names another folder."""
    if home := os.environ.get("IMAGEJ_DL_HOME"):
        return Path(home) / "settings.json"
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home())
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "imagej-dl" / "settings.json"


def read() -> Preferences:
    """Return the preferences; defaults where none are kept. UserError for a damaged file."""
    file = path()
    if not file.is_file():
        return Preferences()
    try:
        return Preferences.model_validate(load_json(file))
    except ValidationError as error:
        raise UserError.of_validation(
            error,
            Preferences.model_fields,
            prefix="holds no settings of imagej-dl: ",
            path=file,
            remedy="Delete it.",
        ) from error


def change(**values: Any) -> Preferences:
    """Keep these values beside what is kept already, and return all."""
    with locks.held(path(), "the settings", wait=_WAIT):
        changed = Preferences.model_validate(read().model_dump() | values)
        with atomic(path()) as temporary:
            temporary.write_text(changed.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return changed
