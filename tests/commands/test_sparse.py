"""Sparse drawing from RoiSets to the model, by the commands."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import ndimage as ndi

from imagej_dl import cli, images, rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.labels.marks import BACKGROUND, IGNORED
from imagej_dl.rois import Roi
from imagej_dl.training import Settings

TINY = ["--epochs", "1", "--patch", "32", "--batch", "2", "--depth", "1", "--width", "2"]


def box(x: int, y: int, width: int, height: int, name: str, **more: int) -> Roi:
    return Roi("rectangle", name, box=(x, y, width, height), **more)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of five images with nine cells each, of which three are drawn."""
    rng = np.random.default_rng(0)
    for number in range(5):
        cells = np.zeros((60, 60), bool)
        for y in range(5, 60, 20):
            for x in range(5, 60, 20):
                cells[y : y + 8, x : x + 8] = True
        picture = (rng.normal(20, 2, cells.shape) + 60 * cells).astype(np.uint8)
        name = f"n{number}"
        folder = tmp_path / "p" / "Labeling" / name
        images.write(images.make(picture), folder / "images" / f"{name}.tif")
        drawn = [box(5 + 20 * i, 5, 8, 8, f"cell-{i}") for i in range(3)]
        drawn += [box(4, 24, 12, 12, "ignore"), box(0, 0, 60, 4, "background-1")]
        rois.write(drawn, folder / "RoiSet.zip")
    return tmp_path / "p"


def run(*arguments: object) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        found = CliRunner().invoke(cli.cli, [str(argument) for argument in arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def test_labels_keeps_the_marks_beside_the_label_map(project: Path) -> None:
    assert "3 of 5 ROIs, 2 marks (ignored or background)" in run("labels", project)
    place = project / "Processed"
    labels, marks = (images.read(place / kind / "n0.tif") for kind in ("masks", "marks"))
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    assert (marks.values == IGNORED).sum() == 144
    assert (marks.values == BACKGROUND).sum() == 240
    assert (marks.values[:4] == BACKGROUND).all()
    # A file that is lost is made again, and one whose ROIs are gone says nothing.
    (place / "marks" / "n0.tif").unlink()
    run("labels", project)
    np.testing.assert_array_equal(images.read(place / "marks" / "n0.tif"), marks)
    roiset = project / "Labeling" / "n0" / "RoiSet.zip"
    rois.write(rois.read(roiset)[:3], roiset, overwrite=True)
    run("labels", project)
    assert not images.read(place / "marks" / "n0.tif").values.any()
    assert images.read(place / "marks" / "n1.tif").values.any()


@pytest.mark.parametrize("all_alike", [True, False])
def test_marks_by_group_and_colour_stay_when_label_maps_are_refreshed(
    project: Path, all_alike: bool
) -> None:
    from imagej_dl.project.label_maps import refresh

    labeling, hidden = project / "Labeling", project / "n0"
    if not all_alike:
        (labeling / "n0").rename(hidden)
        run("labels", project)
        hidden.rename(labeling / "n0")
    for number in range(5):
        roiset = labeling / f"n{number}" / "RoiSet.zip"
        if all_alike or number == 0:
            more = box(44, 44, 10, 10, "x", group=3)
            rois.write([*rois.read(roiset), more], roiset, overwrite=True)
    run("labels", project, "--ignore", "group:3")
    place = project / "Processed" / "marks" / "n0.tif"
    assert (images.read(place).values[44:54, 44:54] == IGNORED).all()
    roiset = labeling / "n0" / "RoiSet.zip"
    rois.write(rois.read(roiset)[1:], roiset, overwrite=True)
    refresh(project)
    assert (images.read(place).values[44:54, 44:54] == IGNORED).all()
    labels = images.read(project / "Processed" / "masks" / "n0.tif")
    assert len(np.unique(labels)) == 3


def test_one_image_with_its_rois(project: Path, tmp_path: Path) -> None:
    folder = project / "Labeling" / "n0"
    image, roiset, out = folder / "images" / "n0.tif", folder / "RoiSet.zip", tmp_path / "l.tif"
    run("labels", image, roiset, "--out", out)
    marks = images.read(tmp_path / "l_marks.tif")
    assert set(np.unique(marks)) == {0, BACKGROUND, IGNORED}
    run("rois", out, "--out", tmp_path / "again.zip")
    found = rois.labelled(rois.read(tmp_path / "again.zip"), images.read(image))
    np.testing.assert_array_equal(found.marks, marks)
    with pytest.raises(UserError, match="says no group, colour or name"):
        run("labels", image, roiset, "--out", out, "--overwrite", "--background", "blue")
    other = tmp_path / "masks" / "n0.tif"
    run("labels", image, roiset, "--out", other)
    np.testing.assert_array_equal(images.read(tmp_path / "marks" / "n0.tif"), marks)


@pytest.mark.tf
def test_train_learns_from_what_is_drawn(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = Settings.of
    monkeypatch.setattr(Settings, "of", lambda values: of({"steps": 3} | values))
    model = tmp_path / "m"
    run("train", project, "--out", model, "--sparse", *TINY)  # reads the RoiSets themselves
    metrics = json.loads((model / "metrics.json").read_text())
    config = json.loads((model / "config.json").read_text())
    assert config["training"]["sparse"] is True
    assert metrics["known"]["sparse"] is True
    assert metrics["known"]["objects"] in (12, 15)  # without the test image, if there is one
    assert metrics["known"]["pixels"] < metrics["known"]["of_pixels"]
    cells = np.zeros((60, 60), bool)
    cells[5:13, 5:53] = True
    least = 5 * (ndi.binary_dilation(cells, iterations=2).sum() - 2 * 12 * 12)
    assert metrics["known"]["pixels"] > least / 2

    # Without --sparse only what is marked as ignored is left out.
    run("labels", project)
    run("train", project, "--out", tmp_path / "d", *TINY)
    dense = json.loads((tmp_path / "d" / "metrics.json").read_text())["known"]
    assert not dense["sparse"]
    each = dense["of_pixels"] // 3600
    assert dense["of_pixels"] - dense["pixels"] == each * 144
    training = json.loads((tmp_path / "d" / "config.json").read_text())["training"]
    assert "sparse" not in training

    # Marks that the label maps declare must be there.
    shutil.rmtree(project / "Processed" / "marks")
    with pytest.raises(UserError, match=r"is missing: the ROIs of .* mark") as caught:
        run("train", project, "--out", tmp_path / "e", "--no-refresh", *TINY)
    assert caught.value.path == str(project / "Processed" / "marks" / "n0.tif")
    settings = '{"loss": "sparse_cce"}'
    with pytest.raises(UserError, match="the loss sparse_cce counts all pixels"):
        run("train", project, "--out", tmp_path / "e", "--settings", settings, *TINY)


def test_evaluate_heeds_marks_and_what_is_not_drawn(project: Path, tmp_path: Path) -> None:
    run("labels", project)
    truth = project / "Processed" / "masks" / "n0.tif"
    cells = np.zeros((60, 60), np.uint16)
    for number in range(9):
        y, x = 5 + 20 * (number // 3), 5 + 20 * (number % 3)
        cells[y : y + 8, x : x + 8] = number + 1  # all are found, also what is ignored
    cells[0:3, 30:33] = 20  # and one too many, where there is background
    images.write(images.make(cells), tmp_path / "found.tif")

    def counts(*more: str) -> tuple[int, int]:
        path = tmp_path / "scores.json"
        run("evaluate", "--pred", tmp_path / "found.tif", "--truth", truth, "--json", path, *more)
        found = json.loads(path.read_text())["thresholds"][0]
        return found["true_positives"], found["false_positives"]

    assert counts() == (3, 6)
    assert counts("--sparse", "--overwrite") == (3, 1)
