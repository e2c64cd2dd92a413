"""Commands take OME-Zarr where they take TIFF, and make the same of it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr_files

from imagej_dl import images, project, rois, tracking
from imagej_dl.commands.evaluate import Evaluate
from imagej_dl.commands.labels import Labels
from imagej_dl.commands.predict import Predict
from imagej_dl.commands.prepare import Prepare
from imagej_dl.commands.track import Track
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.formats import ome_zarr
from imagej_dl.progress import silent
from imagej_dl.training import example_files, find_pairs

pytest.importorskip("zarr", reason="needs zarr")
pytestmark = pytest.mark.tf


def movie() -> np.ndarray:
    array = np.zeros((2, 40, 50), np.uint8)
    for t, plane in enumerate(array):
        plane[4 + t : 14 + t, 5:15], plane[20:32, 24 + t : 38 + t] = 200, 220
    return array


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    return zarr_files.image(
        tmp_path / "cells.ome.zarr",
        movie(),
        "tyx",
        scale=[60, 0.5, 0.5],
        units={"t": "second", "y": "micrometer", "x": "micrometer"},
        empty=True,
    )


def test_training_reads_images_and_label_maps(cells: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(cells, data / "images" / "cells.ome.zarr")
    drawn = images.make(movie().astype(np.uint16), "TYX")  # with the ids 200 and 220
    images.write_labels(drawn, data / "masks" / "cells.ome.zarr")
    ((image, truth),) = find_pairs(data)
    labels, marks = example_files.labels_of(truth, images.read(image))
    assert marks is None
    np.testing.assert_array_equal(labels, movie())


def predict(model: Path, **values: object) -> None:
    Predict.declare({"model": model, "rois": False, **values}).run(silent)


def test_predict_reads_and_writes_it(model: Path, cells: Path, tmp_path: Path) -> None:
    images.write(images.read(cells), tmp_path / "cells.tif")
    predict(model, images=[tmp_path / "cells.tif"], out=tmp_path / "a")
    predict(model, images=[cells], out=tmp_path / "b", format="ome-zarr", probabilities=True)
    assert {p.name for p in (tmp_path / "b").iterdir()} == {
        "cells.ome.zarr",
        "cells_probabilities.ome.zarr",
    }
    expected = images.read_labels(tmp_path / "a" / "cells.tif", as_is=True)
    found = images.read_labels(tmp_path / "b" / "cells.ome.zarr", as_is=True)
    np.testing.assert_array_equal(found, expected)
    assert images.calibration(found) == images.calibration(expected)
    stated = json.loads((tmp_path / "b" / "cells.ome.zarr" / ".zattrs").read_text())
    assert stated["image-label"]["source"] == {"image": "../../cells.ome.zarr"}
    with pytest.raises(UserError, match="is already there"):
        predict(model, images=[cells], out=tmp_path / "b", format="ome-zarr")
    with pytest.raises(UserError, match="is the name of an image"):
        predict(model, images=[cells], out=tmp_path / "c.ome.zarr")


def test_without_zarr_the_extra_is_named_before_the_work(
    model: Path, cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.write(images.read(cells), tmp_path / "cells.tif")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(
        UserError, match=r"zarr.* is not installed\. pip install 'imagej-dl\[zarr\]'"
    ):
        images.read(cells)
    monkeypatch.setattr(Predict, "bundle", None)
    with pytest.raises(UserError, match="is not installed"):
        predict(model, images=[tmp_path / "cells.tif"], out=tmp_path / "b", format="ome-zarr")


def test_predict_of_a_folder_goes_on_with_what_lacks(
    model: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zarr_files.image(tmp_path / "other.zarr", movie()[0], "yx", empty=True)
    given = {"images": [tmp_path], "out": tmp_path / "out", "format": "ome-zarr"}
    predict(model, **given)
    made = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    assert set(made) == {"cells.ome.zarr", "other.ome.zarr"}
    predict(model, **given)
    assert "2 of 2 images have results, which are kept" in capsys.readouterr().out
    zarr_files.array(cells / "0", movie() // 2, overwrite=True)
    with pytest.raises(UserError, match="from another image, or from this one before"):
        predict(model, **given)


def test_predict_reads_a_large_one_as_it_needs_it(
    model: Path, cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(model, images=[cells], out=tmp_path / "a")
    monkeypatch.setattr(ome_zarr, "LAZY_ABOVE", 1)
    whole = ome_zarr.open_lazily(cells).data.nbytes
    read: list[int] = []
    plain = ome_zarr.reading.ChunkedSource.read

    def counted(self: object, where: tuple[slice, ...]) -> np.ndarray:
        pixels = plain(self, where)
        read.append(pixels.nbytes)
        return pixels

    monkeypatch.setattr(ome_zarr.reading.ChunkedSource, "read", counted)
    predict(model, images=[cells], out=tmp_path / "b", tile=32)
    assert max(read) < whole / 2 + 1
    for name in ("a", "b"):
        assert images.read_labels(tmp_path / name / "cells.tif", as_is=True).max() == 2


@pytest.mark.filterwarnings("ignore:.*holds 2 scenes")
def test_the_fields_of_a_plate_are_predicted_and_prepared(model: Path, tmp_path: Path) -> None:
    project.create(tmp_path / "p")
    plate = tmp_path / "p" / "Raw" / "plate.ome.zarr"
    zarr_files.group(plate, "0.5", plate={"wells": [{"path": "A/1"}, {"path": "A/2"}]})
    for t, well in enumerate(("A/1", "A/2")):
        zarr_files.group(plate / well, "0.5", well={"images": [{"path": "0"}]})
        zarr_files.image(plate / well / "0", movie()[t], "yx", "0.5", empty=True)
    predict(model, images=[plate], out=tmp_path / "out", scenes="all")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "plate_A1-0.tif",
        "plate_A2-0.tif",
    ]
    Prepare.declare({"project": tmp_path / "p"}).run(silent)
    for t, name in enumerate(("plate_A1-0", "plate_A2-0")):
        found = images.read(tmp_path / "p" / "Labeling" / name / "images" / f"{name}.tif")
        np.testing.assert_array_equal(found, movie()[t])


def test_labels_makes_one_of_an_image_and_its_rois(cells: Path, tmp_path: Path) -> None:
    square = np.zeros((40, 50), np.uint16)
    square[4:14, 5:15] = 1
    rois.write(rois.trace(images.make(square)), tmp_path / "RoiSet.zip")
    out = tmp_path / "made.ome.zarr"
    Labels.declare({"source": cells, "roiset": tmp_path / "RoiSet.zip", "out": out}).run(silent)
    found = images.read_labels(out, as_is=True)
    assert found.sizes == {"T": 2, "Y": 40, "X": 50}
    np.testing.assert_array_equal(found.isel(T=0) > 0, square > 0)
    assert (tmp_path / "made.ome.csv").is_file()


def test_evaluate_and_track_read_label_movies(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = images.make((movie() == 200) + 2 * (movie() == 220).astype(np.uint16), "TYX")
    images.write_labels(labels, tmp_path / "labels.ome.zarr")
    images.write_labels(labels, tmp_path / "labels.tif")
    pair = {"pred": tmp_path / "labels.ome.zarr", "truth": tmp_path / "labels.tif"}
    Evaluate.declare(pair).run(silent)
    assert "4 (4)" in capsys.readouterr().out
    given = {"labels": tmp_path / "labels.ome.zarr", "image": cells, "out": tmp_path / "out"}
    with pytest.warns(DataWarning, match=r"60 s taken from|not calibrated"):
        Track.declare({"engine": "embedded", **given}).run(silent)
    found = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    assert len(found.edges) == 2
    # TrackMate's window could not open it.
    assert found.image_path is not None
    assert found.image_path.name == "tracked.tif"
