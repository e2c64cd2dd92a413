"""The values given in ImageJ's dialogs, kept beside the preferences from one start to the next."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagej_dl import preferences
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic, load_json

_PARTS = ("asked", "given")


def path() -> Path:
    """Return the file that they are kept in."""
    return preferences.path().with_name("dialogs.json")


def read() -> dict[str, Any]:
    """Return {"asked": {command: {key: text}}, "given": {"project", "model": path}}.

    A file that is damaged, or of another version, counts as none: these are conveniences.
    """
    try:
        stored = load_json(path()) if path().is_file() else {}
    except UserError:
        return {}
    if not isinstance(stored, dict) or not all(isinstance(stored.get(k), dict) for k in _PARTS):
        return {}
    asked = {
        name: {key: text for key, text in values.items() if isinstance(text, str)}
        for name, values in stored["asked"].items()
        if isinstance(values, dict)
    }
    given = {key: text for key, text in stored["given"].items() if isinstance(text, str)}
    return {"asked": asked, "given": given}


def write(values: dict[str, Any]) -> None:
    """Keep them; where the folder cannot be written to they are forgotten with this ImageJ."""
    with suppress(OSError, UserError), atomic(path()) as new:
        new.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
