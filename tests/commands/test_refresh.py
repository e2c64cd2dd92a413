"""A training learns what is drawn today: label maps that are due are made before it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from imagej_dl import cli, images, project, rois, training
from imagej_dl.commands.labels import Labels
from imagej_dl.commands.train import Train
from imagej_dl.errors import DataWarning
from imagej_dl.progress import silent
from imagej_dl.rois import Roi
from imagej_dl.training import find_pairs


def draw(home: Path, name: str, width: int = 5) -> Path:
    folder = home / "Labeling" / name
    images.write(
        images.make(np.full((12, 12), 9, np.uint8)),
        folder / "images" / f"{name}.tif",
        overwrite=True,
    )
    roiset = folder / "RoiSet.zip"
    rois.write([Roi("rectangle", name, box=(1, 1, width, 5))], roiset, overwrite=True)
    return roiset


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project with label maps of a and b; then b was drawn anew, and c is new."""
    path = tmp_path / "p"
    project.create(path)
    for name in "ab":
        draw(path, name)
    Labels.declare({"source": path}).run(silent)
    draw(path, "b", width=7)
    draw(path, "c")
    return path


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The area of the labels that a training, which is left out, is given of each image."""
    found: dict[str, int] = {}

    def train(source: Any, out: Path, **given: Any) -> Any:
        found.update({p[0].stem: int((images.read(p[1]) > 0).sum()) for p in find_pairs(source)})
        return SimpleNamespace(folder=None)

    monkeypatch.setattr(training, "train", train)
    return found


def test_missing_and_outdated_label_maps_are_made_and_said(
    home: Path, learnt: dict[str, int]
) -> None:
    run = CliRunner().invoke(cli.cli, ["train", str(home), "--out", str(home / "M")])
    assert run.exit_code == 0, run.output
    assert learnt == {"a": 25, "b": 35, "c": 25}
    masks, labeling = home / "Processed" / "masks", home / "Labeling"
    b, c = labeling / "b" / "RoiSet.zip", labeling / "c" / "RoiSet.zip"
    assert f"{masks / 'b.tif'}: created again, since {b} was changed" in run.output
    assert f"{masks / 'c.tif'}: created from {c}" in run.output
    assert "a.tif" not in run.output


def test_no_refresh_leaves_them(home: Path, learnt: dict[str, int]) -> None:
    arguments = ["train", str(home), "--out", str(home / "M"), "--no-refresh"]
    run = CliRunner().invoke(cli.cli, arguments)
    assert run.exit_code == 0, run.output
    assert learnt == {"a": 25, "b": 25}


def test_what_a_user_has_changed_is_kept_and_said(home: Path, learnt: dict[str, int]) -> None:
    mask = home / "Processed" / "masks" / "b.tif"
    images.write(images.make(np.ones((12, 12), np.uint16)), mask, overwrite=True)
    before = mask.read_bytes()
    Train.declare({"project": home, "out": home / "M"}).run(silent)
    assert mask.read_bytes() == before
    assert learnt == {"a": 25, "b": 144, "c": 25}


def test_what_cannot_be_made_is_said_and_left_out(home: Path, learnt: dict[str, int]) -> None:
    (home / "Labeling" / "c" / "RoiSet.zip").write_bytes(b"PK no zip")
    with pytest.warns(DataWarning, match=r"c.RoiSet\.zip.*its label map is not updated"):
        Train.declare({"project": home, "out": home / "M"}).run(silent)
    assert learnt == {"a": 25, "b": 35}


def test_other_folders_are_left_as_they_are(tmp_path: Path, learnt: dict[str, int]) -> None:
    for name in "ab":
        image = images.make(np.ones((9, 9), np.uint16))
        images.write(image, tmp_path / "d" / "images" / f"{name}.tif")
        images.write(image, tmp_path / "d" / "masks" / f"{name}.tif")
    Train.declare({"project": tmp_path / "d", "out": tmp_path / "M"}).run(silent)
    assert learnt == {"a": 81, "b": 81}
    assert not list((tmp_path / "d").rglob("*.csv"))


def test_a_project_with_label_maps_from_elsewhere_is_left_as_it_is(
    tmp_path: Path, learnt: dict[str, int], recwarn: pytest.WarningsRecorder
) -> None:
    project.create(tmp_path / "p")
    for name in "ab":
        for part in ("images", "masks"):
            image = images.make(np.ones((9, 9), np.uint16))
            images.write(image, tmp_path / "p" / "Processed" / part / f"{name}.tif")
    Train.declare({"project": tmp_path / "p", "out": tmp_path / "M"}).run(silent)
    assert learnt == {"a": 81, "b": 81}
    assert [str(w.message) for w in recwarn if w.category is DataWarning] == []
