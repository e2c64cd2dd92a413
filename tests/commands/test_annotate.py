"""`imagej-dl annotate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, progress, project, rois
from imagej_dl.commands.annotate import Annotate
from imagej_dl.errors import UserError


def run(**values: object) -> None:
    Annotate.declare(values).run(progress.silent)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    project.create(tmp_path / "p")
    for name in "ab":
        image = images.make(np.zeros((4, 4), np.uint8))
        images.write(image, tmp_path / "p" / "Raw" / f"{name}.tif")
    rois.write([rois.Roi("rectangle", "one", box=(0, 0, 2, 2))], tmp_path / "given.zip")
    return tmp_path / "p"


def test_image_by_image(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(project=home)
    image, roiset = (home / "Labeling" / "a" / part for part in ("images/a.tif", "RoiSet.zip"))
    assert image.is_file()
    assert capsys.readouterr().out == (
        f"a: open {image} and save its ROIs as {roiset}; 0 of 2 images are drawn, 2 left\n"
    )
    run(project=home)  # nothing was drawn: the same
    assert capsys.readouterr().out.startswith("a: open")
    run(project=home, name="a", rois=tmp_path / "given.zip")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{roiset}: 1 ROIs"
    assert said[1].startswith("b: open")
    assert said[1].endswith("1 of 2 images are drawn, 1 left")
    run(project=home, name="b", rois=tmp_path / "given.zip")
    assert "drawn on all images" in capsys.readouterr().out
    run(project=home, name="a")
    assert capsys.readouterr().out.startswith("a: open")


def test_rois_need_a_name(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no image is named"):
        run(project=home, rois=tmp_path / "given.zip")


def test_keys_never_change() -> None:
    assert list(Annotate.model_fields) == ["project", "name", "rois"]
