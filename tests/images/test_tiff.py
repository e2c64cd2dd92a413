"""Image files keep pixels, axes and calibration, there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from imagej_dl import UserError, images

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "uint32"])
@pytest.mark.parametrize("dims", ["YX", "TYX", "CYX", "ZYX", "TCYX", "TZYX", "TCZYX"])
def test_round_trip(tmp_path: Path, dtype: str, dims: str) -> None:
    shape = [2 + i for i in range(len(dims) - 2)] + [7, 9]
    array = (RNG.random(shape) * 200).astype(dtype)
    attrs = {
        "pixel_width": 0.65,
        "pixel_height": 0.5,
        "pixel_depth": 2.0,
        "unit": "µm",
        "frame_interval": 300.0,
    }
    images.write(images.make(array, dims, **attrs), tmp_path / "a.tif")
    back = images.read(tmp_path / "a.tif")
    assert back.dims == tuple(dims)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)
    assert back.attrs["unit"] == "µm"
    assert back.attrs["title"] == "a.tif"
    for key in ("pixel_width", "pixel_height", "pixel_depth", "frame_interval"):
        assert back.attrs[key] == pytest.approx(attrs[key], rel=1e-6)


def test_um_stays_um(tmp_path: Path) -> None:
    image = images.make(np.zeros((4, 4), np.uint8), unit="um", pixel_width=0.1)
    images.write(image, tmp_path / "a.tif")
    assert images.read(tmp_path / "a.tif").attrs["unit"] == "um"


def test_shared_movie(shared_data: Path) -> None:
    movie = images.read(shared_data / "movie" / "movie.tif")
    assert movie.dims == ("T", "Y", "X")
    assert movie.attrs["pixel_width"] == pytest.approx(0.65, rel=1e-5)
    assert movie.attrs["frame_interval"] == 300
    assert movie.attrs["unit"] == "um"


def test_ids_above_16_bits_are_kept(tmp_path: Path) -> None:
    labels = images.as_labels(np.array([[0, 70_000], [1, 2]]))
    assert labels.dtype == np.uint32
    images.write(images.make(labels), tmp_path / "a.tif")
    assert int(images.read(tmp_path / "a.tif").max()) == 70_000


def test_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = images.make(np.zeros((4, 4), np.uint8))
    images.write(image, path)
    before = path.read_bytes()
    with pytest.raises(UserError, match="already there"):
        images.write(image + 1, path)
    assert path.read_bytes() == before


def test_plain_stack_is_z_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((6, 8, 9), np.uint8), photometric="minisblack", metadata=None)
    assert images.read(path).dims == ("Z", "Y", "X")
    assert images.read(path, axes="tyx").dims == ("T", "Y", "X")
    with pytest.raises(UserError, match="do not fit"):
        images.read(path, axes="YX")


def test_big_endian_becomes_native(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((3, 4), 258, ">u2"), byteorder=">")
    back = images.read(tmp_path / "a.tif")
    assert back.dtype.isnative
    assert int(back[0, 0]) == 258


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"not an image at all", b"II*\0\x08\0\0\0\xff\xff"]
)
def test_what_is_not_an_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tif"):
        images.read(path)


def test_ome_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "TCYX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm"}
    metadata |= {"PhysicalSizeY": 0.3, "TimeIncrement": 2.0, "TimeIncrementUnit": "min"}
    tifffile.imwrite(path, np.zeros((2, 3, 5, 6), np.uint16), ome=True, metadata=metadata)
    image = images.read(path)
    assert image.dims == ("T", "C", "Y", "X")
    assert image.attrs["pixel_width"] == 0.2
    assert image.attrs["pixel_height"] == 0.3
    assert image.attrs["frame_interval"] == 120


def test_colour_png_has_channels(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(RNG.integers(0, 255, (5, 6, 3), np.uint8)).save(tmp_path / "a.png")
    assert images.read(tmp_path / "a.png").dims == ("C", "Y", "X")
