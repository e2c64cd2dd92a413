"""`imagej-dl labels`: one image, a project, folders; what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, progress, project, rois
from imagej_dl.commands.labels import Labels
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.rois import Roi


def run(**values: object) -> None:
    Labels.declare(values).run(progress.silent)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A folder with a 16-bit image and its RoiSet of two overlapping squares."""
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 900
    image = images.make(pixels, pixel_width=0.5, unit="µm")
    images.write(image, tmp_path / "cell.tif")
    some = [Roi("rectangle", "one", box=(0, 0, 5, 5)), Roi("rectangle", "two", box=(4, 4, 3, 3))]
    rois.write(some, tmp_path / "cell.zip")
    return tmp_path


def test_one_image(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(image=drawn / "cell.tif", roiset=drawn / "cell.zip", out=drawn / "l.tif")
    labels = images.read(drawn / "l.tif")
    expected = np.zeros((8, 8), np.uint16)
    expected[:5, :5], expected[4:7, 4:7] = 1, 2
    np.testing.assert_array_equal(labels, expected)
    assert images.calibration(labels).pixel_width == 0.5
    assert rois.read_names(drawn / "l.csv") == {1: "one", 2: "two"}
    assert capsys.readouterr().out == (
        f"{drawn / 'l.tif'}: 2 of 2 ROIs, 1 contested pixels (last wins)\n"
    )


def test_overlap_and_overwrite(drawn: Path) -> None:
    values = {"image": drawn / "cell.tif", "roiset": drawn / "cell.zip", "out": drawn / "l.tif"}
    run(**values)
    with pytest.raises(UserError, match=r"l\.tif: is already there"):
        run(**values)
    run(**values, overwrite=True, overlap="first")
    assert images.read(drawn / "l.tif")[4, 4] == 1
    with pytest.raises(UserError, match=r"cell\.zip: the ROIs 'one' and 'two' overlap"):
        run(**values, overwrite=True, overlap="error")
    assert images.read(drawn / "l.tif")[4, 4] == 1


def test_warnings_name_the_roiset(drawn: Path) -> None:
    some = [Roi("rectangle", "one", box=(0, 0, 5, 5)), Roi("rectangle", "far", box=(40, 4, 3, 3))]
    rois.write(some, drawn / "far.zip")
    with pytest.warns(DataWarning, match=r"far\.zip: 1 ROI left out: lies outside the image far"):
        run(image=drawn / "cell.tif", roiset=drawn / "far.zip", out=drawn / "l.tif")


def test_project(tmp_path: Path) -> None:
    """Labeling/NAME becomes a pair of files of this name in Processed; 16-bit stays."""
    project.create(tmp_path / "p")
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    for name in ("a", "b"):
        folder = tmp_path / "p" / "Labeling" / name
        (folder / "images").mkdir(parents=True)
        images.write(images.make(pixels), folder / "images" / f"{name}.tif")
        rois.write([Roi("oval", name, box=(1, 1, 5, 5))], folder / "RoiSet.zip")
    run(image=tmp_path / "p")
    pairs = project.pairs(tmp_path / "p")
    assert [pair.name for pair in pairs] == ["a", "b"]
    for pair in pairs:
        np.testing.assert_array_equal(images.read(pair.image), pixels)
        assert images.read(pair.image).dtype == np.uint16
        assert int((images.read(pair.labels) == 1).sum()) == 21
        assert rois.read_names(rois.table_path(pair.labels)) == {1: pair.name}
    before = pairs[0].labels.read_bytes()
    with pytest.raises(UserError, match="already there"):
        run(image=tmp_path / "p")
    assert pairs[0].labels.read_bytes() == before


def test_nothing_is_written_when_one_file_is_there(drawn: Path) -> None:
    """The last file of a folder is looked at before the first is written."""
    for suffix in ("tif", "zip"):
        (drawn / f"other.{suffix}").write_bytes((drawn / f"cell.{suffix}").read_bytes())
    (drawn / "out" / "masks").mkdir(parents=True)
    (drawn / "out" / "masks" / "other.csv").write_text("mine")
    with pytest.raises(UserError, match=r"other\.csv: is already there"):
        run(image=drawn, out=drawn / "out")
    assert [p.name for p in (drawn / "out").rglob("*") if p.is_file()] == ["other.csv"]


def test_real_folders(shared_data: Path, tmp_path: Path) -> None:
    run(image=shared_data / "nuclei" / "test", out=tmp_path)
    pairs = project.pairs(tmp_path)
    assert len(pairs) == 12
    for pair in pairs:
        truth = images.read(shared_data / "nuclei" / "test" / pair.name / "labels.tif")
        np.testing.assert_array_equal(images.read(pair.labels), truth)


def test_what_is_missing(drawn: Path) -> None:
    with pytest.raises(UserError, match="its ROIs are needed too"):
        run(image=drawn / "cell.tif")
    with pytest.raises(UserError, match="--out"):
        run(image=drawn / "cell.tif", roiset=drawn / "cell.zip")
    with pytest.raises(UserError, match="is a folder"):
        run(image=drawn, roiset=drawn / "cell.zip")
    with pytest.raises(UserError, match=r"none\.tif: there is no such file"):
        run(image=drawn / "none.tif", roiset=drawn / "cell.zip", out=drawn / "l.tif")
    with pytest.raises(UserError, match="overlap"):
        run(image=drawn, overlap="middle")
