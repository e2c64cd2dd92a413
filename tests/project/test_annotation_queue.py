"""Which image is drawn on next, and how it is made of a raw one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imagej_dl import images, project, rois
from imagej_dl.errors import DataWarning, UserError

SQUARE = [rois.Roi("rectangle", "a", box=(0, 0, 2, 2))]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project with a raw image `a`, an undrawn `b` and a drawn `c`."""
    path = tmp_path / "p"
    project.create(path)
    images.write(images.make(np.arange(16, dtype=np.uint8).reshape(4, 4)), path / "Raw" / "a.tif")
    for name in "bc":
        image = images.make(np.zeros((4, 4), np.uint8))
        images.write(image, path / "Labeling" / name / "images" / f"{name}.tif")
    rois.write(SQUARE, path / "Labeling" / "c" / "RoiSet.zip")
    return path


def files(path: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_the_first_without_rois_is_next(home: Path) -> None:
    before = files(home)
    found = project.next_to_draw(home)
    labeling = home / "Labeling"
    assert found == project.Next(
        "a",
        labeling / "a" / "images" / "a.tif",
        labeling / "a" / "RoiSet.zip",
        home / "Raw" / "a.tif",
        1,
        3,
    )
    assert files(home) == before
    project.save_rois(home, "a", labeling / "c" / "RoiSet.zip")
    assert project.next_to_draw(home).name == "b"  # type: ignore[union-attr]
    project.save_rois(home, "b", labeling / "c" / "RoiSet.zip")
    assert project.next_to_draw(home) is None
    assert [item.name for item in project.drawn(home)] == ["a", "b", "c"]


def test_one_may_be_named(home: Path) -> None:
    found = project.next_to_draw(home, "c")
    assert (found.name, found.source, found.done) == ("c", None, 1)  # type: ignore[union-attr]
    with pytest.raises(UserError, match=r"no image named x\. Its images are a, b, c"):
        project.next_to_draw(home, "x")


def test_a_tiff_is_copied_as_it_is(home: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 999, (3, 2, 5, 6)).astype(np.uint16)
    movie = images.make(frames, "TCYX", pixel_width=0.3, pixel_height=0.4, unit="µm")
    images.write(movie, home / "Raw" / "movie.tiff", Ranges=(0.0, 500.0, 2.0, 700.0))
    before = files(home)
    path = project.prepare(project.sheet(home, "movie"))
    assert path == home / "Labeling" / "movie" / "images" / "movie.tif"
    assert path.read_bytes() == (home / "Raw" / "movie.tiff").read_bytes()
    made = images.read(path)
    np.testing.assert_array_equal(made, movie)
    assert images.calibration(made) == images.calibration(movie)
    assert {p: b for p, b in files(home).items() if p != path} == before
    again = project.sheet(home, "movie")
    assert (again.source, again.image) == (None, path)


def test_pictures_become_tiffs_of_the_same_values(home: Path) -> None:
    deep = np.array([[0, 1000], [40000, 65535]], np.uint16)
    colour = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    Image.fromarray(deep).save(home / "Raw" / "deep.png")
    Image.fromarray(colour).save(home / "Raw" / "colour.png")
    np.testing.assert_array_equal(images.read(project.prepare(project.sheet(home, "deep"))), deep)
    made = images.read(project.prepare(project.sheet(home, "colour")))
    np.testing.assert_array_equal(made.transpose("Y", "X", "C"), colour)


def test_what_is_no_image_is_named_and_nothing_is_left(home: Path) -> None:
    (home / "Raw" / "bad.tif").write_bytes(b"II*\0nonsense")
    with pytest.raises(UserError, match=r"bad\.tif"):
        project.prepare(project.sheet(home, "bad"))
    assert not (home / "Labeling" / "bad").exists()
    complex_pixels = np.ones((3, 3), np.complex64)
    tifffile.imwrite(home / "Raw" / "z.tif", complex_pixels)
    assert project.sheet(home, "z").drawn is False


def test_two_images_of_one_name(home: Path) -> None:
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(home / "Raw" / "A2.png")
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(home / "Raw" / "a2.jpg")
    with pytest.raises(UserError, match=r"two images named a2 \(A2\.png, a2\.jpg\)"):
        project.sheets(home)


def test_hidden_files_and_other_folders(home: Path) -> None:
    (home / "Raw" / "._a.tif").write_bytes(b"\0")
    (home / "Raw" / "notes.txt").write_text("x")
    (home / "Labeling" / "empty").mkdir()
    assert [item.name for item in project.sheets(home)] == ["a", "b", "c"]


def test_rois_of_an_image_that_is_only_raw(home: Path) -> None:
    rois.write(SQUARE, home / "Labeling" / "a" / "RoiSet.zip")
    with pytest.warns(DataWarning, match="no image beside it"):
        assert [item.name for item in project.drawn(home)] == ["c"]
    found = project.sheet(home, "a")
    assert found.drawn
    project.prepare(found)
    assert [item.name for item in project.drawn(home)] == ["a", "c"]


def test_no_project_and_no_image(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        project.next_to_draw(tmp_path / "none")
    with pytest.raises(UserError, match="is no project"):
        project.next_to_draw(tmp_path)
    project.create(tmp_path / "p")
    with pytest.raises(UserError, match="has no images"):
        project.next_to_draw(tmp_path / "p")
