"""The front's compiled classes: those of former versions are removed, none that may be in use."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import hosted
import pytest

from imagej_dl.fiji import kept, menu

pytestmark = pytest.mark.jvm


def _places(cache: str) -> list[str]:
    """Return where the front's classes came from, and where its script is taken from next time."""
    front = hosted.start(display=False, XDG_CACHE_HOME=cache)
    made = [front, kept.start(menu.HOME)]
    places = [one.getClass().getProtectionDomain().getCodeSource() for one in made]
    return [str(place.getLocation().getPath()) for place in places]


def test_classes_unused_for_long_are_removed(own_process: Any, tmp_path: Path) -> None:
    days, now = 24 * 3600, time.time()
    folder, own = tmp_path / "imagej-dl", Path.home() / ".cache" / "imagej-dl"
    ages = {"front-former": 31, "making-left": 31, "front-other": 29, "making-now": 0, "else": 99}
    for name in ages:
        (folder / name / "imagejdl").mkdir(parents=True)
        (folder / name / "imagejdl" / "Front.class").write_bytes(b"no class")
    for known in own.glob("front-*"):  # so that it need not be compiled again
        shutil.copytree(known, folder / known.name)
        ages[known.name] = 31
    for name, age in ages.items():
        os.utime(folder / name, (now - age * days,) * 2)
    places = own_process(_places, str(tmp_path))
    left = {path.name: path.stat().st_mtime for path in folder.iterdir()}
    assert left.keys() >= {"front-other", "making-now", "else"}
    # Besides these only the own one is there, which was just as old, and is now in use.
    (used,) = left.keys() - {"front-other", "making-now", "else"}
    assert left[used] >= now - 1
    assert (folder / used / "imagejdl" / "Front.class").stat().st_size > 1000
    assert places == [f"{folder / used}/"] * 2
