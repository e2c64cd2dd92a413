"""Plates, series and label maps: each is an image of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr_files

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.formats.ome_zarr import add_labels, open_lazily

pytest.importorskip("zarr", reason="needs zarr")


def plane(value: int) -> np.ndarray:
    return np.full((20, 20), value, np.uint8)


@pytest.fixture(params=["0.4", "0.5"])
def plate(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Two wells: A/1 with two fields, B/2 with one; a third is named and is not there."""
    path = tmp_path / "plate.ome.zarr"
    wells = [{"path": one} for one in ("A/1", "B/2", "C/3")]
    zarr_files.group(path, request.param, plate={"wells": wells, "rows": [], "columns": []})
    for value, (well, field) in enumerate([("A/1", "0"), ("A/1", "1"), ("B/2", "0")], 1):
        zarr_files.image(path / well / field, plane(value), "yx", request.param)
    for well, count in (("A/1", 2), ("B/2", 1)):
        fields = [{"path": str(i)} for i in range(count)]
        zarr_files.group(path / well, request.param, well={"images": fields})
    return path


@pytest.mark.filterwarnings("ignore:.*1 of its wells")
def test_the_fields_of_a_plate_are_its_scenes(plate: Path) -> None:
    found = images.scenes_of(plate)
    assert [one.suffix for one in found] == ["_A1-0", "_A1-1", "_B2-0"]
    for one in found:
        assert (images.read(plate, scene=one.number) == one.number).all()
    with pytest.raises(UserError, match="has 3 scenes"):
        images.read(plate, scene=4)
    assert (images.read(plate / "A" / "1" / "1") == 2).all()
    assert [one.name for one in images.scenes_of(plate / "A/1")] == ["0", "1"]


def test_wells_that_are_not_there_are_named(plate: Path) -> None:
    with pytest.warns(DataWarning, match=r"1 of its wells are not there \(C/3\)"):
        images.scenes_of(plate)


def test_series_of_bioformats2raw_are_scenes(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    (path / ".zattrs").write_text('{"bioformats2raw.layout": 3}')
    for value in (1, 2):
        zarr_files.image(path / str(value - 1), plane(value), "yx")
    assert [one.suffix for one in images.scenes_of(path)] == ["_scene1", "_scene2"]
    assert (images.read(path, scene=2) == 2).all()
    zarr_files.group(path / "OME", "0.4", series=["1", "0"])
    assert (images.read(path, scene=1) == 2).all()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_label_maps_are_written_into_their_image_and_read_from_it(
    tmp_path: Path, version: str
) -> None:
    path = tmp_path / "a.ome.zarr"
    stack = np.random.default_rng(0).integers(1, 9, (3, 2, 20, 24)).astype(np.uint8)
    zarr_files.image(
        path, stack, "tcyx", version, scale=[1, 1, 0.5, 0.5], units={a: "micrometer" for a in "yx"}
    )
    labels = images.make(np.arange(3 * 20 * 24).reshape(3, 20, 24) * 200, "TYX")
    with pytest.raises(UserError, match="has channels"):
        images.read_labels(path)
    folder = add_labels(labels, path, "cells")
    assert folder == path / "labels" / "cells"
    found = images.read_labels(path, as_is=True)
    np.testing.assert_array_equal(found, labels)
    assert found.dtype == np.uint32
    assert images.calibration(found).pixel_width == 0.5
    np.testing.assert_array_equal(images.read(path), stack)
    with pytest.raises(UserError, match="is already there"):
        add_labels(labels, path, "cells")
    add_labels(labels, path, "nuclei")
    with pytest.raises(UserError, match=r"has 2 label maps \(cells, nuclei\)"):
        images.read_labels(path)
    assert images.read_labels(folder, as_is=True).equals(found.assign_attrs(title="cells"))
    assert open_lazily(path / "labels", scene=2).path == path / "labels" / "nuclei"
    with pytest.raises(UserError, match="has the sizes"):
        add_labels(labels.isel(T=0), path, "other")


def test_folders_of_images_hold_them_and_a_plate_is_one(plate: Path, tmp_path: Path) -> None:
    images.write(images.make(plane(3)), tmp_path / "b.tif")
    assert images.find([tmp_path]) == [tmp_path / "b.tif", plate]
    assert images.find([plate]) == [plate]
