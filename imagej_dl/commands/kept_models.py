"""Models of denoisings that were given no folder: beside the settings, the latest of them stay."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagej_dl import preferences
from imagej_dl.errors import UserError
from imagej_dl.filesystem import names
from imagej_dl.filesystem.atomic import discard

LATEST = 10
"""Models that stay, those that were used last."""
_RECENT = 24 * 3600.0
"""Seconds within which one that was used stays, too: another ImageJ may work with it."""


def root() -> Path:
    """Return the folder that they are in."""
    return preferences.path().parent / "denoise"


def home(name: str, asked: dict[str, Any]) -> Path:
    """Return the folder for the model of an image that was denoised with these settings."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
    return root() / f"{names.cut(plain, 9)}-{digest}"


def used(model: Path) -> None:
    """Note that a model is used now, if it is one of these."""
    kept = os.path.realpath(root())
    place = Path(os.path.realpath(model))
    for folder in (place, *place.parents):
        if os.path.realpath(folder.parent) == kept:
            with suppress(OSError):  # of another user
                os.utime(folder)
            return


def tidy() -> list[Path]:
    """Remove the oldest, and return their folders.

    Those used last stay, and those that dialogs of ImageJ have as their values.
    """
    from imagej_dl.worker import dialog_values

    remembered = json.dumps(dialog_values.read(), ensure_ascii=False)
    limit = time.time() - _RECENT
    with suppress(FileNotFoundError):
        found = [p for p in root().iterdir() if p.is_dir() and not p.is_symlink()]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        old = [path for path in found[LATEST:] if path.stat().st_mtime < limit]
        return [path for path in old if path.name not in remembered and _removed(path)]
    return []


def _removed(folder: Path) -> bool:
    try:
        discard(folder)
    except UserError:
        return False  # what cannot be removed stays: the denoising is done
    return True
