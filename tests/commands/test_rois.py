"""`imagej-dl rois`: a label map to a RoiSet.zip, and the same label map of it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, progress, rois
from imagej_dl.commands.labels import Labels
from imagej_dl.commands.rois import Rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.rois import Roi


def run(**values: object) -> None:
    Rois.declare(values).run(progress.silent)


def test_there_and_back(shared_data: Path, tmp_path: Path) -> None:
    movie = shared_data / "movie"
    run(labels=movie / "detections.tif", out=tmp_path / "RoiSet.zip")
    Labels.declare(
        {
            "source": movie / "movie.tif",
            "roiset": tmp_path / "RoiSet.zip",
            "out": tmp_path / "l.tif",
        }
    ).run(progress.silent)
    back, truth = images.read(tmp_path / "l.tif"), images.read(movie / "detections.tif")
    assert back.dims == truth.dims
    np.testing.assert_array_equal(back, truth)


def test_names_come_from_the_table(tmp_path: Path) -> None:
    image = images.make(np.zeros((8, 8), np.uint8))
    some = [Roi("rectangle", "mother", box=(0, 0, 3, 3)), Roi("oval", "bud", box=(4, 4, 3, 3))]
    labels, report = rois.label_map(some, image)
    images.write(labels, tmp_path / "l.tif")
    report.write(rois.table_path(tmp_path / "l.tif"))
    run(labels=tmp_path / "l.tif", out=tmp_path / "RoiSet.zip")
    assert [roi.name for roi in rois.read(tmp_path / "RoiSet.zip")] == ["mother", "bud"]


def test_hyperstack(tmp_path: Path) -> None:
    labels = np.zeros((3, 4, 4), np.uint16)
    labels[1, 1:3, 1:3] = 5
    images.write(images.make(labels, "TYX"), tmp_path / "l.tif")
    run(labels=tmp_path / "l.tif", out=tmp_path / "plain.zip")
    run(labels=tmp_path / "l.tif", out=tmp_path / "hyper.zip", hyperstack=True)
    (plain,), (hyper,) = (rois.read(tmp_path / f"{name}.zip") for name in ("plain", "hyper"))
    assert (plain.position, plain.t, hyper.position, hyper.t) == (2, 0, 0, 2)


def test_another_table_beside_the_label_map(tmp_path: Path) -> None:
    """ImageJ's Results saved under the image's name are not the names of its labels."""
    images.write(images.make(np.eye(4, dtype=np.uint16)), tmp_path / "u.tif")
    (tmp_path / "u.csv").write_text(" ,Area,Mean\n1,12,3.5\n")
    with pytest.warns(DataWarning, match=r"u\.csv: is not a table of labels"):
        run(labels=tmp_path / "u.tif", out=tmp_path / "RoiSet.zip")
    assert [roi.name for roi in rois.read(tmp_path / "RoiSet.zip")] == ["label-0001"]


def test_the_label_map_is_never_written_over(tmp_path: Path) -> None:
    images.write(images.make(np.eye(4, dtype=np.uint16)), tmp_path / "l.tif")
    before = (tmp_path / "l.tif").read_bytes()
    for out in ("l.tif", "l.csv", "RoiSet"):
        with pytest.raises(UserError, match=r"is not a valid file name for a RoiSet.*\.zip"):
            run(labels=tmp_path / "l.tif", out=tmp_path / out, overwrite=True)
    (tmp_path / "link.zip").symlink_to(tmp_path / "l.tif")
    with pytest.raises(UserError, match="over the input"):
        run(labels=tmp_path / "l.tif", out=tmp_path / "link.zip", overwrite=True)
    assert (tmp_path / "l.tif").read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"l.tif", "link.zip"}


def test_refusals(tmp_path: Path) -> None:
    images.write(images.make(np.zeros((4, 4), np.uint16)), tmp_path / "empty.tif")
    with pytest.raises(UserError, match=r"empty\.tif: holds no label"):
        run(labels=tmp_path / "empty.tif", out=tmp_path / "RoiSet.zip")
    (tmp_path / "RoiSet.zip").write_bytes(b"mine")
    with pytest.raises(UserError, match="already there"):
        run(labels=tmp_path / "empty.tif", out=tmp_path / "RoiSet.zip")
    assert (tmp_path / "RoiSet.zip").read_bytes() == b"mine"
