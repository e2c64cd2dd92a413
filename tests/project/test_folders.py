"""Project folders, and which files in them belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, project, rois
from imagej_dl.errors import DataWarning, UserError


def draw(image: Path | None, roiset: Path | None) -> None:
    """Make an image file and a RoiSet beside or below it."""
    if image is not None:
        image.parent.mkdir(parents=True, exist_ok=True)
        images.write(images.make(np.zeros((4, 4), np.uint8)), image)
    if roiset is not None:
        roiset.parent.mkdir(parents=True, exist_ok=True)
        rois.write([rois.Roi("rectangle", "a", box=(0, 0, 2, 2))], roiset)


def test_create(tmp_path: Path) -> None:
    project.create(tmp_path / "p")
    made = {str(p.relative_to(tmp_path / "p")) for p in (tmp_path / "p").rglob("*")}
    assert made == {"Raw", "Labeling", "Processed", "Processed/images", "Processed/masks"}
    with pytest.raises(UserError, match="already there"):
        project.create(tmp_path / "p")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="already there"):
        project.create(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    project.create(tmp_path / "empty")
    assert (tmp_path / "empty" / "Raw").is_dir()


def test_fluffy_project(tmp_path: Path) -> None:
    project.create(tmp_path / "p")
    labeling = tmp_path / "p" / "Labeling"
    for name in ("b", "a"):
        draw(labeling / name / "images" / f"{name}.tif", labeling / name / "RoiSet.zip")
    draw(labeling / "undrawn" / "images" / "undrawn.tif", None)
    draw(None, labeling / "lost" / "RoiSet.zip")
    with pytest.warns(DataWarning) as caught:
        found = project.drawn(tmp_path / "p")
    words = " ".join(str(w.message) for w in caught)
    assert "undrawn: has no RoiSet.zip yet" in words
    assert "RoiSet.zip: has no image beside it" in words
    assert [item.name for item in found] == ["a", "b"]
    assert found[0].image == labeling / "a" / "images" / "a.tif"
    assert found[0].rois == labeling / "a" / "RoiSet.zip"


def test_folders_of_image_and_roiset(shared_data: Path) -> None:
    found = project.drawn(shared_data / "nuclei" / "train")
    assert len(found) == 36
    assert {item.image.name for item in found} == {"image.tif"}
    (one,) = project.drawn(found[3].image.parent)
    assert one == found[3]


def test_images_with_a_roiset_beside_each(tmp_path: Path) -> None:
    draw(tmp_path / "a.tif", tmp_path / "a.zip")
    draw(tmp_path / "b.tif", tmp_path / "b_RoiSet.zip")
    draw(tmp_path / "c.tif", tmp_path / "RoiSet_c.zip")
    draw(tmp_path / "d.tif", None)
    assert [item.name for item in project.drawn(tmp_path)] == ["a", "b", "c"]


def test_hidden_files_are_no_data(tmp_path: Path) -> None:
    """macOS leaves `._a.tif` and `._a.zip` beside files on disks that are not its own."""
    for folder in (tmp_path / "beside", tmp_path / "single"):
        draw(folder / "a.tif", folder / ("a.zip" if folder.name == "beside" else "RoiSet.zip"))
        for name in ("._a.tif", "._a.zip", "._RoiSet.zip", ".hidden.png"):
            (folder / name).write_bytes(b"\x00\x05\x16\x07")
        (found,) = project.drawn(folder)
        assert found.image == folder / "a.tif"
        assert found.rois.name[0] != "."
    (tmp_path / "beside" / "folder.tif").mkdir()
    assert [p.name for p in project.visible(tmp_path / "beside")] == ["a.tif"]
    assert project.visible(tmp_path / "none") == []


@pytest.mark.parametrize("given", [".", "../cell", "inner/.."])
def test_a_drawn_folder_is_named_also_from_within(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    draw(tmp_path / "cell" / "images" / "cell.tif", tmp_path / "cell" / "RoiSet.zip")
    (tmp_path / "cell" / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "cell")
    (found,) = project.drawn(given)
    assert found.name == "cell"
    assert found.image.samefile(tmp_path / "cell" / "images" / "cell.tif")


def test_processed_is_no_drawing(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    draw(tmp_path / "a.tif", tmp_path / "a.zip")
    draw(tmp_path / "Processed" / "images" / "a.tif", None)
    draw(tmp_path / "Processed" / "masks" / "a.tif", None)
    assert [item.name for item in project.drawn(tmp_path)] == ["a"]
    assert not recwarn.list


def test_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        project.drawn(tmp_path / "none")
    with pytest.raises(UserError, match="holds no image with ROIs"):
        project.drawn(tmp_path)
    with pytest.raises(UserError, match="Run `imagej-dl labels`"):
        project.pairs(tmp_path)


def test_pairs(tmp_path: Path) -> None:
    project.create(tmp_path / "p")
    processed = project.processed(tmp_path / "p")
    for name in ("b", "a"):
        draw(processed / "images" / f"{name}.tif", None)
        draw(processed / "masks" / f"{name}.tif", None)
    (processed / "masks" / "a.csv").write_text("label\n")
    for folder in (tmp_path / "p", processed):
        found = project.pairs(folder)
        assert [pair.name for pair in found] == ["a", "b"]
        assert found[0].labels == processed / "masks" / "a.tif"
    draw(processed / "images" / "alone.tif", None)
    with pytest.raises(UserError, match="the image alone has no label map"):
        project.pairs(processed)


def test_two_images_of_one_name_are_no_pair(tmp_path: Path) -> None:
    for name in ("images/a.tif", "images/a.tiff", "masks/a.tif"):
        draw(tmp_path / name, None)
    with pytest.raises(UserError, match=r"two images named a \(a\.tif, a\.tiff\)"):
        project.pairs(tmp_path)


def test_marks_beside_a_label_map_are_no_image(tmp_path: Path) -> None:
    """But an image may have that name."""
    image = images.make(np.zeros((4, 5), np.uint8))
    for name in ("image.tif", "labels.tif", "marks.tif"):
        images.write(image, tmp_path / "n1" / name)
    rois.write([rois.Roi("rectangle", box=(0, 0, 2, 2))], tmp_path / "n1" / "RoiSet.zip")
    images.write(image, tmp_path / "marks" / "images" / "marks.tif")
    rois.write([rois.Roi("rectangle", box=(0, 0, 2, 2))], tmp_path / "marks" / "RoiSet.zip")
    found = project.drawn(tmp_path)
    assert [item.image.name for item in found] == ["marks.tif", "image.tif"]
