"""Two runs of a command do not write into one folder at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagej_dl import images, project, rois
from imagej_dl.commands import load
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.progress import silent
from imagej_dl.rois import Roi


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A drawn project p and a label movie."""
    project.create(tmp_path / "p")
    folder = tmp_path / "p" / "Labeling" / "a"
    images.write(images.make(np.ones((9, 9), np.uint8)), folder / "images" / "a.tif")
    rois.write([Roi("oval", "x", box=(1, 1, 5, 5))], folder / "RoiSet.zip")
    movie = np.zeros((2, 9, 9), np.uint16)
    movie[:, 2:5, 2:5] = 1
    images.write(images.make(movie, "TYX"), tmp_path / "movie.tif")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "values", "into"),
    [
        ("labels", {"source": "p"}, "p/Processed"),
        ("labels", {"source": "p", "out": "o"}, "o"),
        ("track", {"labels": "movie.tif", "out": "t", "engine": "embedded"}, "t"),
        ("search", {"project": "p", "out": "s"}, "s"),
        ("corrections", {"tracks": "none.xml", "out": "c"}, "c"),
    ],
)
def test_the_second_is_refused_and_nothing_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: str, values: dict[str, Any], into: str
) -> None:
    monkeypatch.chdir(home)
    before = sorted(home.rglob("*"))
    with locks.held(home / into, "the first"):
        with pytest.raises(UserError, match=r"another imagej-dl is writing .*the first, process"):
            load(command).declare(values).run(silent)
        assert sorted(p for p in home.rglob("*") if p.suffix != ".lock") == before
    assert sorted(home.rglob("*")) == before


def test_a_refused_run_can_be_repeated(home: Path) -> None:
    with locks.held(home / "p" / "Processed", "the first"), pytest.raises(UserError):
        load("labels").declare({"source": home / "p"}).run(silent)
    load("labels").declare({"source": home / "p"}).run(silent)
    assert (home / "p" / "Processed" / "masks" / "a.tif").is_file()
