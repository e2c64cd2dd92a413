"""OME-Zarr that is written: pixels, pyramid, metadata; as a whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images.formats.ome_zarr import open_lazily, write_ome_zarr, writer
from imagej_dl.images.ome_zarr import pyramid

pytest.importorskip("zarr", reason="needs zarr")

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid, "CHUNK", 16)
    monkeypatch.setattr(pyramid, "_SMALLEST", 16)
    monkeypatch.setattr(pyramid, "_ACROSS", 2)


def array(path: Path, level: int = 0) -> np.ndarray:
    import zarr

    return np.asarray(zarr.open_array(str(path / str(level)), mode="r")[...])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_image_comes_back_as_it_was(tmp_path: Path, version: str) -> None:
    pixels = RNG.integers(0, 2**16, (2, 2, 2, 20, 37)).astype(np.uint16)
    image = images.make(
        pixels,
        "TCZYX",
        pixel_width=0.65,
        pixel_height=0.5,
        pixel_depth=2.0,
        unit="um",
        frame_interval=90.0,
        channels=["a", "b"],
        title="a.ome.zarr",
    )
    write_ome_zarr(image, tmp_path / "a.ome.zarr", version=version)
    found = images.read(tmp_path / "a.ome.zarr")
    assert found.identical(image.assign_attrs(unit="µm"))
    assert [array(tmp_path / "a.ome.zarr", i).shape[-2:] for i in range(3)] == [
        (20, 37), (10, 19), (5, 10),
    ]  # fmt: skip
    assert not (tmp_path / "a.ome.zarr" / "3").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i2", "f4", "f8"])
def test_levels_are_the_mean_of_what_they_show(tmp_path: Path, dtype: str) -> None:
    pixels = RNG.integers(0, 100, (33, 40)).astype(dtype)
    write_ome_zarr(images.make(pixels), tmp_path / "a.zarr")
    even = np.pad(pixels, ((0, 1), (0, 0)), mode="edge").astype(float)
    mean = even.reshape(17, 2, 20, 2).mean((1, 3))
    expected = mean if dtype[0] == "f" else np.rint(mean)
    np.testing.assert_array_equal(array(tmp_path / "a.zarr", 1), expected.astype(dtype))
    assert array(tmp_path / "a.zarr").dtype == np.dtype(dtype)


def test_levels_of_a_label_map_hold_ids_only(tmp_path: Path) -> None:
    labels = RNG.integers(0, 2**32, (33, 40)).astype(np.uint32)
    images.write_labels(images.make(labels), tmp_path / "a.zarr", source="../b.zarr")
    for level in (0, 1, 2):
        step = 2**level
        np.testing.assert_array_equal(array(tmp_path / "a.zarr", level), labels[::step, ::step])
    stated = json.loads((tmp_path / "a.zarr" / ".zattrs").read_text())
    assert stated["image-label"] == {"version": "0.4", "source": {"image": "../b.zarr"}}


def test_metadata_say_where_the_levels_lie(tmp_path: Path) -> None:
    image = images.make(np.zeros((2, 40, 40), np.uint8), "TYX", pixel_width=0.5, pixel_height=2.0)
    image.attrs |= {"unit": "µm", "frame_interval": 30.0}
    write_ome_zarr(image, tmp_path / "a.zarr", version="0.5")
    content = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    assert content["version"] == "0.5"
    one = content["multiscales"][0]
    assert one["axes"] == [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    assert one["datasets"][1] == {
        "path": "1",
        "coordinateTransformations": [
            {"type": "scale", "scale": [30.0, 4.0, 1.0]},
            {"type": "translation", "translation": [0.0, 1.0, 0.25]},
        ],
    }


@pytest.mark.parametrize("unit", ["µm", "nm", "mm", "inch", "pt", "pixel", "furlong"])
def test_units_come_back(tmp_path: Path, unit: str) -> None:
    size = 1.0 if unit == "pixel" else 0.25
    image = images.make(np.ones((4, 4), np.uint8), pixel_width=size, pixel_height=size, unit=unit)
    write_ome_zarr(image, tmp_path / "a.zarr")
    found = images.calibration(images.read(tmp_path / "a.zarr"))
    if unit == "pt":
        assert found.unit == "µm"
        assert found.pixel_width == pytest.approx(0.25 * 25400 / 72)
    else:
        assert found == images.calibration(image)


def test_blocks_make_it_up(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 2**16, (2, 40, 40)).astype(np.uint16)
    with writer(tmp_path / "a.zarr", {"T": 2, "Y": 40, "X": 40}, np.uint16) as made:
        assert made.chunks == (1, 16, 16)
        for place in pyramid.blocks(made.shape):
            made.write(place, pixels[place])
    np.testing.assert_array_equal(images.read(tmp_path / "a.zarr"), pixels)


def test_ids_never_wrap(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="do not fit in uint16"),
        writer(tmp_path / "a.zarr", {"Y": 4, "X": 4}, np.uint16, labels=True) as made,
    ):
        made.write((slice(0, 4), slice(0, 4)), np.full((4, 4), 70_000, np.uint32))
    with pytest.raises(UserError, match="values go from -1"):
        images.write_labels(images.make(np.full((4, 4), -1)), tmp_path / "a.zarr")
    assert not list(tmp_path.iterdir())


def test_a_block_that_was_not_written_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="3 chunks were not written"),
        writer(tmp_path / "a.zarr", {"Y": 32, "X": 32}, np.uint8) as made,
    ):
        made.write((slice(0, 16), slice(0, 16)), np.zeros((16, 16), np.uint8))
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_replaced_as_a_whole_and_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.zarr"
    images.write(images.make(np.ones((70, 70), np.uint8)), path)
    (path / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="is already there"):
        images.write(images.make(np.ones((4, 4), np.uint8)), path)
    images.write(images.make(np.full((4, 4), 2, np.uint8)), path, overwrite=True)
    assert (images.read(path) == 2).all()
    assert not (path / "1").exists()


@pytest.mark.parametrize("dtype", ["complex64", "bool", "datetime64[s]"])
def test_pixels_that_have_no_place_are_refused(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(UserError, match="cannot hold"):
        images.write(images.make(np.zeros((4, 4), dtype)), tmp_path / "a.zarr")


def test_the_source_is_read_and_written_block_by_block(tmp_path: Path) -> None:
    pixels = RNG.integers(1, 99, (40, 70)).astype(np.uint8)
    write_ome_zarr(images.make(pixels), tmp_path / "a.zarr")
    write_ome_zarr(open_lazily(tmp_path / "a.zarr").image(), tmp_path / "b.zarr")
    np.testing.assert_array_equal(array(tmp_path / "b.zarr"), pixels)
