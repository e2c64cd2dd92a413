"""`imagej-dl settings`: what is kept can be read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagej_dl import preferences, progress
from imagej_dl.commands.settings import Settings
from imagej_dl.errors import UserError


def test_endless_times_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON has no number for them, and no command could read the settings any more."""
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    Settings.declare({"idle": 20}).run(progress.silent)
    for key in ("idle", "preview"):
        for value in ("inf", "nan"):
            with pytest.raises(UserError, match=f"{key}: .* finite number"):
                Settings.declare({key: value}).run(progress.silent)
    assert preferences.read().idle == 20


def test_a_tile_is_large_enough_or_by_the_free_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    assert preferences.read().tile == 0
    for tile in (64, 0):
        Settings.declare({"tile": tile}).run(progress.silent)
        assert preferences.read().tile == tile
    with pytest.raises(UserError, match=r"tile: .*64 px at least, or 0"):
        Settings.declare({"tile": 63})
