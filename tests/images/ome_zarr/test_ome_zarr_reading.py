"""OME-Zarr as others write it: axes, calibration, pixel types; only what is needed is read."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import zarr_files

from imagej_dl import images
from imagej_dl.errors import DataWarning
from imagej_dl.images.checks.blank_planes import warn_black
from imagej_dl.images.formats import ome_zarr
from imagej_dl.images.formats.ome_zarr import open_lazily

pytest.importorskip("zarr", reason="needs zarr")

SHAPE = (2, 3, 40, 50)


def pixels(dtype: str = "u2", shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 100, shape).astype(dtype)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_axes_and_calibration_are_those_of_the_metadata(tmp_path: Path, version: str) -> None:
    array = pixels()
    units = {"t": "minute", "y": "nanometer", "x": "micrometer"}
    path = zarr_files.image(
        tmp_path / "a.ome.zarr",
        array,
        "tcyx",
        version,
        levels=2,
        scale=[2, 1, 500, 0.25],
        units=units,
    )
    image = images.read(path)
    assert image.dims == ("T", "C", "Y", "X")
    np.testing.assert_array_equal(image, array)
    found = images.calibration(image)
    assert found == images.Calibration(0.25, 0.5, 1.0, "µm", 120.0)
    assert image.attrs["title"] == "a.ome.zarr"


def test_axes_of_length_1_are_dropped_and_the_others_named_by_the_user(tmp_path: Path) -> None:
    array = pixels(shape=(1, 5, 1, 20, 20))
    path = zarr_files.image(tmp_path / "a.ome.zarr", array, "tczyx")
    assert images.read(path).dims == ("C", "Y", "X")
    assert images.read(path, "CTZYX").dims == ("T", "Y", "X")
    assert images.read(path, "TYX").dims == ("T", "Y", "X")


@pytest.mark.parametrize("dtype", ["u1", ">u2", "<u4", ">i2", "u8", "f2", ">f4", "f8", "bool"])
def test_pixels_are_the_numbers_that_are_stored(tmp_path: Path, dtype: str) -> None:
    array = (pixels(shape=(20, 33)) % 2).astype(dtype) if dtype == "bool" else pixels(dtype)[0, 0]
    path = zarr_files.image(tmp_path / "a.zarr", array, "yx")
    image = images.read(path)
    assert image.dtype.isnative
    if dtype == "bool":
        np.testing.assert_array_equal(image, array * np.uint8(255))
    else:
        np.testing.assert_array_equal(image, array)
        assert image.dtype == array.dtype.newbyteorder("=")


def test_shards_are_read(tmp_path: Path) -> None:
    array = pixels(shape=(40, 64))
    path = zarr_files.image(
        tmp_path / "a.zarr", array, "yx", "0.5", chunks=(16, 16), shards=(32, 32)
    )
    np.testing.assert_array_equal(images.read(path), array)
    assert open_lazily(path).data.chunks == (16, 16)


def test_sizes_without_a_unit_are_in_pixels(tmp_path: Path) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", pixels()[0, 0], "yx", scale=[0.5, 0.5])
    with pytest.warns(DataWarning, match=r"pixels of 0\.5 × 0\.5 without a unit"):
        image = images.read(path)
    assert images.calibration(image) == images.Calibration(0.5, 0.5)


def test_opening_reads_no_pixels_and_indexing_only_its_chunks(tmp_path: Path) -> None:
    array = pixels()
    path = zarr_files.image(tmp_path / "a.zarr", array, "tcyx")
    # Chunks that cannot be read: whoever touches one fails.
    for file in (path / "0").glob("[01].*"):
        if not file.name.startswith("1.2."):
            file.write_bytes(b"damaged")
    found = open_lazily(path)
    assert (found.axes, found.data.shape, found.data.dtype) == ("TCYX", SHAPE, np.uint16)
    frame = found.part(T=1, C=2)
    assert (frame.axes, frame.sizes) == ("YX", {"Y": 40, "X": 50})
    np.testing.assert_array_equal(frame.data, array[1, 2])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(frame.data)), array[1, 2])
    image = found.image()
    np.testing.assert_array_equal(image.isel(T=1, C=2), array[1, 2])
    np.testing.assert_array_equal(
        image.transpose("Y", "X", "T", "C").data[3, :, 1, 2], array[1, 2, 3]
    )


def test_a_large_image_is_read_plane_by_plane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = pixels()
    array[1, 2] = 0
    path = zarr_files.image(tmp_path / "a.zarr", array, "tcyx", empty=True)
    monkeypatch.setattr(ome_zarr, "LAZY_ABOVE", 1)
    image = images.read(path, mapped=True)
    assert isinstance(image.data, images.lazy_arrays.LazyArray)
    with pytest.warns(DataWarning, match="1 of its 6 planes is black"):
        warn_black(image, path)
    images.write(image, tmp_path / "a.tif")
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif"), array)
    images.write(image, tmp_path / "b.ome.zarr")
    np.testing.assert_array_equal(images.read(tmp_path / "b.ome.zarr"), array)


def test_label_maps_of_64_bits_are_read_as_ids(tmp_path: Path) -> None:
    labels = np.zeros((20, 20), np.uint64)
    labels[2:5, 2:5], labels[9:12, 9:12] = 7, 70_000
    path = zarr_files.image(tmp_path / "a.zarr", labels, "yx", empty=True)
    found = images.read_labels(path)
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, labels)
