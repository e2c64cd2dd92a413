"""RoiSets are stored whole, those before are kept, those of other images are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, project, rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.rois import Roi


def roiset(path: Path, *found: Roi) -> Path:
    rois.write(found or [Roi("rectangle", "a", box=(0, 0, 2, 2))], path, overwrite=True)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    project.create(tmp_path / "p")
    movie = images.make(np.zeros((3, 9, 9), np.uint8), "TYX")
    images.write(movie, tmp_path / "p" / "Raw" / "movie.tif")
    return tmp_path / "p"


def test_those_before_are_kept(home: Path, tmp_path: Path) -> None:
    contents = []
    for width in (2, 3, 4):
        given = roiset(tmp_path / "given.zip", Roi("rectangle", "a", box=(0, 0, width, 2), z=0))
        contents.append(given.read_bytes())
        with pytest.warns(DataWarning, match="have no position"):
            saved = project.save_rois(home, "movie", given)
    folder = home / "Labeling" / "movie"
    assert saved == project.Saved(
        folder / "RoiSet.zip", 1, folder / "RoiSet_backups" / "RoiSet_002.zip"
    )
    kept = [p.read_bytes() for p in sorted((folder / "RoiSet_backups").iterdir())]
    assert [*kept, (folder / "RoiSet.zip").read_bytes()] == contents
    with pytest.warns(DataWarning, match="have no position"):
        assert project.save_rois(home, "movie", contents[-1]).backup is None
    # what is kept is no drawing of its own
    (one,) = project.drawn(home)
    (same,) = project.drawn(folder)
    assert one.rois == same.rois == folder / "RoiSet.zip"


def test_a_stop_after_keeping_makes_no_second_copy(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Roi("rectangle", "a", box=(0, 0, 2, 2), position=1)
    first = project.save_rois(home, "movie", roiset(tmp_path / "1.zip", place)).path
    before = first.read_bytes()
    place.position = 2
    given = roiset(tmp_path / "2.zip", place)
    write = Path.write_bytes

    def stop(self: Path, data: bytes) -> int:
        if self.parent == first.parent:
            raise KeyboardInterrupt
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        project.save_rois(home, "movie", given)
    monkeypatch.undo()
    assert first.read_bytes() == before
    saved = project.save_rois(home, "movie", given)
    assert [p.name for p in (first.parent / "RoiSet_backups").iterdir()] == ["RoiSet_001.zip"]
    assert saved.backup.read_bytes() == before  # type: ignore[union-attr]
    assert first.read_bytes() == given.read_bytes()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Roi("rectangle", "late", box=(0, 0, 2, 2), t=4), "late lies on frame 4, here are 3"),
        (Roi("rectangle", "far", box=(20, 0, 2, 2), t=2), "far lies outside the image"),
        (Roi("rectangle", "last", box=(0, 0, 2, 2), position=7), "lies on image 7 of a stack"),
    ],
)
def test_rois_of_another_image_are_refused(
    home: Path, tmp_path: Path, wrong: Roi, words: str
) -> None:
    right = Roi("rectangle", "right", box=(0, 0, 2, 2), t=1)
    given = roiset(tmp_path / "given.zip", right, wrong)
    with pytest.raises(UserError, match=rf"given\.zip: 1 of 2 ROIs do not fit.*movie.*{words}"):
        project.save_rois(home, "movie", given)
    assert list((home / "Labeling").iterdir()) == []


def test_what_is_no_area_is_named_and_kept(home: Path, tmp_path: Path) -> None:
    right = Roi("rectangle", "right", box=(0, 0, 2, 2), t=1)
    point = Roi("point", "mark", points=np.array([[1, 1]], np.int32), t=1)
    given = roiset(tmp_path / "given.zip", right, point)
    with pytest.warns(DataWarning, match="1 ROI left out: is a point"):
        saved = project.save_rois(home, "movie", given)
    assert (saved.count, saved.path.read_bytes()) == (2, given.read_bytes())


def test_a_single_roi(home: Path, tmp_path: Path) -> None:
    one = Roi("rectangle", "one", box=(0, 0, 2, 2), position=2)
    saved = project.save_rois(home, "movie", roiset(tmp_path / "one.roi", one))
    assert saved.path.name == "RoiSet.zip"
    assert rois.read(saved.path) == [one]


def test_what_is_no_roiset(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4 cut short")
    with pytest.raises(UserError, match=r"bad\.zip"):
        project.save_rois(home, "movie", tmp_path / "bad.zip")
    with pytest.raises(UserError, match="no such file"):
        project.save_rois(home, "movie", tmp_path / "none.zip")
    with pytest.raises(UserError, match="no image named other"):
        project.save_rois(home, "other", roiset(tmp_path / "given.zip"))
    assert list((home / "Labeling").iterdir()) == []


def test_backups_of_long_names(tmp_path):
    target = tmp_path / f"{'ü' * 125}.zip"
    for content in (b"a", b"b", b"b"):
        target.write_bytes(content)
        kept = project.backup(target)
    assert kept.name == f"{'ü' * 123}_002.zip"
    assert kept.read_bytes() == b"b"
