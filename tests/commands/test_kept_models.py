"""Models beside the settings: those used last stay, and those that dialogs name."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from imagej_dl.commands import kept_models
from imagej_dl.worker import dialog_values

DAY = 24 * 3600


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Fourteen models, the first of which is the oldest, and a folder behind a link."""
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path / "home"))
    found = []
    for number in range(14):
        folder = kept_models.home(f"movie é{number}", {"seed": number})
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "config.json").write_text("{}")
        then = time.time() - (20 - number) * DAY
        os.utime(folder, (then, then))
        found.append(folder)
    (tmp_path / "elsewhere").mkdir()
    os.utime(tmp_path / "elsewhere", (0, 0))
    (kept_models.root() / "link").symlink_to(tmp_path / "elsewhere")
    return found


def test_the_oldest_go(made: list[Path]) -> None:
    assert kept_models.tidy() == made[3::-1]
    assert [folder for folder in made if folder.exists()] == made[4:]
    assert (kept_models.root() / "link").is_dir()
    assert kept_models.tidy() == []


def test_those_that_are_used_or_named_stay(made: list[Path]) -> None:
    kept_models.used(made[0] / "model")
    kept_models.used(made[0].parent)
    kept_models.used(Path("elsewhere"))
    asked = {"predict": {"model": f"{made[2] / 'model'}/"}}
    dialog_values.write({"asked": asked, "given": {}})
    assert kept_models.tidy() == [made[4], made[3], made[1]]
    assert made[0].exists()
    assert made[2].exists()


def test_what_was_used_within_a_day_stays(made: list[Path]) -> None:
    for folder in made:
        os.utime(folder)
    assert kept_models.tidy() == []


def test_without_any_there_is_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path / "none"))
    assert kept_models.tidy() == []
