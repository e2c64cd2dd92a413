"""`imagej-dl labels`: one image, a project, folders; what is refused."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imagej_dl import images, progress, project, rois
from imagej_dl.commands.labels import Labels
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.imagej_dtypes import storable
from imagej_dl.rois import Roi
from imagej_dl.worker import Session


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
    run(source=drawn / "cell.tif", roiset=drawn / "cell.zip", out=drawn / "l.tif")
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
    values = {"source": drawn / "cell.tif", "roiset": drawn / "cell.zip", "out": drawn / "l.tif"}
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
        run(source=drawn / "cell.tif", roiset=drawn / "far.zip", out=drawn / "l.tif")


def test_project(tmp_path: Path) -> None:
    """Labeling/NAME becomes a pair of files of this name in Processed; 16-bit stays."""
    project.create(tmp_path / "p")
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    for name in ("a", "b"):
        folder = tmp_path / "p" / "Labeling" / name
        (folder / "images").mkdir(parents=True)
        images.write(images.make(pixels), folder / "images" / f"{name}.tif")
        rois.write([Roi("oval", name, box=(1, 1, 5, 5))], folder / "RoiSet.zip")
    run(source=tmp_path / "p")
    pairs = project.pairs(tmp_path / "p")
    assert [pair.name for pair in pairs] == ["a", "b"]
    for pair in pairs:
        np.testing.assert_array_equal(images.read(pair.image), pixels)
        assert images.read(pair.image).dtype == np.uint16
        assert int((images.read(pair.labels) == 1).sum()) == 21
        assert rois.read_names(rois.table_path(pair.labels)) == {1: pair.name}


def test_nothing_is_written_when_one_file_is_there(drawn: Path) -> None:
    """The last file of a folder is looked at before the first is written."""
    for suffix in ("tif", "zip"):
        (drawn / f"other.{suffix}").write_bytes((drawn / f"cell.{suffix}").read_bytes())
    (drawn / "out" / "masks").mkdir(parents=True)
    (drawn / "out" / "masks" / "other.csv").write_text("mine")
    with pytest.raises(UserError, match=r"other\.csv: is already there"):
        run(source=drawn, out=drawn / "out")
    assert [p.name for p in (drawn / "out").rglob("*") if p.is_file()] == ["other.csv"]


@pytest.mark.parametrize("out", ["l.csv", "l.png", "l", "cell.zip"])
def test_a_label_map_is_a_tiff(drawn: Path, out: str) -> None:
    before = {p.name: p.read_bytes() for p in drawn.iterdir()}
    with pytest.raises(UserError, match=r"is not a valid file name for a label map.*\.tif"):
        run(source=drawn / "cell.tif", roiset=drawn / "cell.zip", out=drawn / out, overwrite=True)
    assert {p.name: p.read_bytes() for p in drawn.iterdir()} == before


def test_inputs_are_never_written_over(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(drawn)
    (drawn / "cell.csv").symlink_to(drawn / "cell.zip")
    (drawn / "images").mkdir()
    (drawn / "images" / "cell.tif").symlink_to(drawn / "cell.tif")
    before = {p: p.read_bytes() for p in drawn.rglob("*") if p.is_file()}
    for out in ("cell.tif", drawn / "cell.tif", drawn / "images" / "cell.tif", "cell.tiff"):
        with pytest.raises(UserError, match="over the input"):
            run(source=drawn / "cell.tif", roiset="cell.zip", out=out, overwrite=True)
    with pytest.raises(UserError, match="over the input"):
        run(source=drawn, out=drawn, overwrite=True)
    assert {p: p.read_bytes() for p in drawn.rglob("*") if p.is_file()} == before


def test_what_imagej_may_not_write_is_refused_before_anything_is(drawn: Path) -> None:
    image = images.read(drawn / "cell.tif")
    session = Session(drawn, image, roiset=drawn / "cell.zip", image_path=drawn / "cell.tif")
    before = {p.name: p.read_bytes() for p in drawn.iterdir()}
    for out, words in (
        ("l.png", "is not a valid file name for a label map"),
        ("cell.tif", "over the input"),
    ):
        command = Labels.declare({"out": drawn / out, "overwrite": True})
        with pytest.raises(UserError, match=words):
            command.run_in_imagej(session, progress.silent)
    assert {p.name: p.read_bytes() for p in drawn.iterdir()} == before


def test_new_drawings_are_added(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole pairs are kept, and named where their drawing has changed since."""
    run(source=drawn)
    mask = drawn / "Processed" / "masks" / "cell.tif"
    mask.write_bytes(corrected := mask.read_bytes() + b"corrected by hand")
    for suffix in ("tif", "zip"):
        (drawn / f"other.{suffix}").write_bytes((drawn / f"cell.{suffix}").read_bytes())
    capsys.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(source=drawn)
    assert [pair.name for pair in project.pairs(drawn)] == ["cell", "other"]
    assert mask.read_bytes() == corrected
    assert f"{mask}: exists and is kept (pass --overwrite" in capsys.readouterr().out
    by_hand = images.read_labels(mask)
    by_hand[:2, 6:] = 3
    images.write(images.coloured(by_hand), mask, overwrite=True)
    corrected = mask.read_bytes()
    rois.write([Roi("rectangle", "one", box=(0, 0, 3, 3))], drawn / "cell.zip", overwrite=True)
    later = mask.stat().st_mtime + 10
    os.utime(drawn / "cell.zip", (later, later))
    with pytest.warns(DataWarning, match=r"cell\.zip: is newer than .*cell\.tif, which is kept"):
        run(source=drawn)
    assert mask.read_bytes() == corrected
    run(source=drawn, overwrite=True)
    assert mask.read_bytes() != corrected


def test_a_label_map_follows_its_rois_unless_a_user_has_changed_it(drawn: Path) -> None:
    """What `labels` has made is known again by what it keeps in the file."""
    run(source=drawn)
    mask = drawn / "Processed" / "masks" / "cell.tif"
    rois.write([Roi("rectangle", "other", box=(0, 0, 3, 3))], drawn / "cell.zip", overwrite=True)
    os.utime(drawn / "cell.zip", (1, 1))  # times are not asked
    run(source=drawn)
    assert int((images.read(mask) == 1).sum()) == 9
    assert rois.read_names(rois.table_path(mask)) == {1: "other"}
    by_hand = images.read_labels(mask)
    by_hand[7, 7] = 2
    with tifffile.TiffFile(mask) as file:
        made = file.pages.first.description
    kept = next(line.partition("=")[2] for line in made.splitlines() if "imagej_dl=" in line)
    images.write(images.coloured(by_hand), mask, overwrite=True, imagej_dl=kept)
    corrected = mask.read_bytes()
    rois.write([Roi("rectangle", "third", box=(0, 0, 4, 4))], drawn / "cell.zip", overwrite=True)
    with pytest.warns(DataWarning, match=r"which was changed since it was made and is kept"):
        run(source=drawn)
    assert mask.read_bytes() == corrected


def test_each_label_map_keeps_its_settings_when_its_rois_change(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where others of the folder were made with other ones."""
    run(source=drawn)
    shutil.copy(drawn / "cell.tif", drawn / "late.tif")
    some = [Roi("rectangle", "one", box=(0, 0, 5, 5)), Roi("rectangle", box=(6, 6, 2, 2), group=3)]
    rois.write(some, drawn / "late.zip")
    with pytest.warns(DataWarning, match=r"cell\.tif: was made with other settings"):
        run(source=drawn, ignore="group:3")
    rois.write(some[::-1], drawn / "late.zip", overwrite=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(source=drawn)
    assert "late.tif: 1 of 2 ROIs, 1 marks" in capsys.readouterr().out
    shutil.copy(drawn / "cell.tif", drawn / "new.tif")
    rois.write(some, drawn / "new.zip")
    with pytest.warns(DataWarning, match="made with different settings, and new ones .* none"):
        run(source=drawn)
    with pytest.warns(DataWarning, match=r"late\.tif: was made with ignore group:3, .* without"):
        run(source=drawn, overwrite=True)


def test_declared_marks_that_are_not_there_are_warned_of(drawn: Path) -> None:
    """What was meant by a wrong name or group would be an object without a word."""
    shutil.copy(drawn / "cell.tif", drawn / "other.tif")
    rois.write([Roi("rectangle", "one", box=(0, 0, 5, 5), group=2)], drawn / "other.zip")
    rules = {"ignore": "name:tow, group:2", "background": "colour:red"}
    with pytest.warns(DataWarning) as caught:
        run(source=drawn, **rules)
    assert [str(w.message).partition(".")[0] for w in caught] == [
        "no ROI is marked by name:tow",
        "no ROI is marked by colour:#ff0000",
    ]
    one = {"source": drawn / "cell.tif", "roiset": drawn / "cell.zip"}
    with pytest.warns(DataWarning, match="no ROI is marked by group:2"):
        run(**one, out=drawn / "l.tif", ignore="group:2")


def test_what_is_missing_is_made(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As after Fluffy, which has no tables, or a stop: the rest is made, what is there is kept."""
    run(source=drawn)
    processed = drawn / "Processed"
    whole = {p: p.read_bytes() for p in processed.rglob("*") if p.is_file()}
    for gone in (["masks/cell.csv"], ["images/cell.tif"], ["masks/cell.tif"], ["masks/cell.tif"]):
        for name in gone:
            (processed / name).unlink()
        run(source=drawn)
        assert {p: p.read_bytes() for p in processed.rglob("*") if p.is_file()} == whole
    fluffy = np.asarray(images.read_labels(processed / "masks" / "cell.tif"))
    tifffile.imwrite(processed / "masks" / "cell.tif", fluffy)
    (processed / "masks" / "cell.csv").unlink()
    before = (processed / "masks" / "cell.tif").read_bytes()
    run(source=drawn)
    assert (processed / "masks" / "cell.tif").read_bytes() == before
    assert rois.read_names(processed / "masks" / "cell.csv") == {1: "one", 2: "two"}
    assert f"{processed / 'masks' / 'cell.csv'}: created" in capsys.readouterr().out


def test_label_maps_of_other_rois_are_not_replaced(drawn: Path, tmp_path: Path) -> None:
    run(source=drawn, out=tmp_path / "out")
    other = tmp_path / "b"
    other.mkdir()
    (other / "cell.tif").write_bytes((drawn / "cell.tif").read_bytes())
    rois.write([Roi("oval", "x", box=(0, 0, 3, 3))], other / "cell.zip")
    mask = tmp_path / "out" / "masks" / "cell.tif"
    before = mask.read_bytes()
    with pytest.raises(UserError, match="made from other ROIs"):
        run(source=other, out=tmp_path / "out")
    assert mask.read_bytes() == before


@pytest.mark.parametrize(
    ("pixels", "stored"),
    [
        (np.array([[0, 40000], [65535, 1]], np.int32), "uint16"),
        (np.array([[0, 400], [32767, 1]], np.int16), "uint16"),
        (np.array([[0, -400], [32767, 1]], np.int16), "float32"),
        (np.array([[0, -128], [127, 1]], np.int8), "float32"),
        (np.array([[0, 70000], [1, 2]], np.uint32), "float32"),
        (np.array([[0, 2**24 + 1], [1, 2]], np.uint32), "float32, rounded"),
        (np.array([[0, 1], [2, 65535]], np.float64), "uint16"),
        (np.array([[0, 0.5], [np.nan, 3]], np.float64), "float32"),
        (np.array([[0, 0.1], [2, 3]], np.float64), "float32, rounded"),
    ],
)
def test_other_pixel_types(tmp_path: Path, pixels: np.ndarray, stored: str) -> None:
    """They become a type of ImageJ's with the same values, which a warning says."""
    pixels = np.kron(pixels, np.ones((3, 3), pixels.dtype))
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    rois.write([Roi("rectangle", box=(1, 1, 3, 3))], tmp_path / "a.zip")
    words = rf"a\.tif: its {pixels.dtype} pixels are written as {stored}$"
    with pytest.warns(DataWarning, match=words):
        run(source=tmp_path)
    (pair,) = project.pairs(tmp_path)
    written = images.read(pair.image)
    assert written.dtype == stored.split(",")[0]
    if "rounded" in stored:
        np.testing.assert_allclose(written, pixels, rtol=1e-7)
    else:
        np.testing.assert_array_equal(written, pixels)
    assert int(images.read(pair.labels).sum()) == 9


def test_half_precision_that_is_infinite_stays_so(tmp_path: Path) -> None:
    pixels = np.array([[0, 1], [np.inf, 60000]], np.float16)
    with pytest.warns(DataWarning, match="float16 pixels are written as float32"):
        found = storable(images.make(pixels), tmp_path / "a.tif")
    np.testing.assert_array_equal(found, pixels)


def test_what_fails_leaves_nothing_of_a_pair(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(drawn / "cell.tif", np.full((8, 8), 1e300), photometric="minisblack")
    with pytest.raises(UserError, match=r"cell\.tif: has values that are too large"):
        run(source=drawn)
    tifffile.imwrite(drawn / "cell.tif", np.zeros((8, 8), np.uint8))

    def full(labels: object, path: Path, **more: object) -> None:
        raise UserError("the disk is full", path=path)

    monkeypatch.setattr(images, "write_labels", full)
    with pytest.raises(UserError, match="disk is full"):
        run(source=drawn)
    assert [p for p in (drawn / "Processed").rglob("*") if p.is_file()] == []
    monkeypatch.undo()
    run(source=drawn)
    assert [pair.name for pair in project.pairs(drawn)] == ["cell"]


def test_real_folders(shared_data: Path, tmp_path: Path) -> None:
    run(source=shared_data / "nuclei" / "test", out=tmp_path)
    pairs = project.pairs(tmp_path)
    assert len(pairs) == 12
    for pair in pairs:
        truth = images.read(shared_data / "nuclei" / "test" / pair.name / "labels.tif")
        np.testing.assert_array_equal(images.read(pair.labels), truth)


def test_what_is_missing(drawn: Path) -> None:
    with pytest.raises(UserError, match="its ROIs are needed too"):
        run(source=drawn / "cell.tif")
    with pytest.raises(UserError, match="--out"):
        run(source=drawn / "cell.tif", roiset=drawn / "cell.zip")
    with pytest.raises(UserError, match="is a folder"):
        run(source=drawn, roiset=drawn / "cell.zip")
    with pytest.raises(UserError, match=r"none\.tif: there is no such file"):
        run(source=drawn / "none.tif", roiset=drawn / "cell.zip", out=drawn / "l.tif")
    with pytest.raises(UserError, match="overlap"):
        run(source=drawn, overlap="middle")


def test_a_zip_in_place_of_a_roi_is_newer_not_another(drawn: Path) -> None:
    (drawn / "cell.zip").unlink()
    (drawn / "cell.roi").write_bytes(rois.encode(Roi("rectangle", "a", box=(0, 0, 2, 2))))
    run(source=drawn)
    (drawn / "cell.roi").unlink()
    rois.write([Roi("rectangle", "b", box=(0, 0, 3, 3))], drawn / "cell.zip")
    run(source=drawn)
    assert int((images.read(drawn / "Processed" / "masks" / "cell.tif") == 1).sum()) == 9
