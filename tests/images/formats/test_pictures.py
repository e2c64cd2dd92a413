"""PNG and JPEG: their numbers, and a word where some are left out."""

from __future__ import annotations

import builtins
import struct
import warnings
from pathlib import Path

import layouts_pictures as made
import numpy as np
import pytest
import xarray as xr
from layouts import Layout
from PIL import Image

from imagej_dl import images
from imagej_dl.errors import DataWarning


def read(folder: Path, layout: Layout) -> xr.DataArray:
    layout.write(folder / layout.name)
    return images.read(folder / layout.name)


@pytest.mark.parametrize("name", ["nuclei_redlut.png", "nuclei_redlut.tif", "ij_mask_inv.png"])
def test_indexed_grey_images(shared_data: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = images.read(shared_data / "faults" / "labels" / name)
    assert (image.dims, image.dtype) == (("Y", "X"), np.uint8)
    [lut] = image.attrs["luts"]
    assert np.ptp(lut, axis=0).max() == 255
    if "redlut" in name:
        assert not lut[:, 1:].any()


def test_indexed_colours_that_are_no_lut_are_said(shared_data: Path) -> None:
    with pytest.warns(DataWarning, match=r"palette\.png: is a picture in 8 indexed colours"):
        image = images.read(shared_data / "faults" / "labels" / "palette.png")
    assert sorted(set(np.ravel(image))) == list(range(8))


@pytest.mark.parametrize(("kind", "samples"), [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("interlaced", [False, True])
def test_16_bit_colours_are_whole(
    tmp_path: Path, kind: int, samples: int, interlaced: bool
) -> None:
    random = np.random.default_rng(kind)
    values = random.integers(0, 65536, (9, 11, samples))
    if samples in (2, 4):
        values[..., -1] = 65535
    made.write_png(tmp_path / "a.png", values, 16, kind, interlaced)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = images.read(tmp_path / "a.png")
    assert image.dtype == np.uint16
    kept = values[..., 0] if samples < 3 else values[..., :3].transpose(2, 0, 1)
    np.testing.assert_array_equal(image, kept)


def test_16_bit_colours_are_said_to_be_cut_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = builtins.__import__

    def without(name: str, *more: object, **options: object) -> object:
        if name == "imagecodecs":
            raise ImportError
        return whole(name, *more, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.warns(DataWarning, match=r"a\.png: of its 16-bit colours .* 8 bits"):
        assert read(tmp_path, made.png("a", 16, made.RGB)).dtype == np.uint8


@pytest.mark.parametrize("kind", [made.GREY_ALPHA, made.RGB_ALPHA])
@pytest.mark.parametrize("bits", [8, 16])
def test_transparency_is_said(tmp_path: Path, kind: int, bits: int) -> None:
    with pytest.warns(DataWarning, match=r"a\.png: its transparency is left out"):
        image = read(tmp_path, made.png("a", bits, kind))
    assert image.dims == (("Y", "X") if kind == made.GREY_ALPHA else ("C", "Y", "X"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(tmp_path, made.png("b", bits, kind, alpha=2**bits - 1))


@pytest.mark.parametrize("kind", ["grey8", "grey16", "rgb8", "rgb16", "palette8"])
def test_transparent_colours_are_said(tmp_path: Path, kind: str) -> None:
    bits = 16 if "16" in kind else 8
    pixels = np.full((4, 5, 3 if "rgb" in kind else 1), 7)
    number = {"grey": made.GREY, "rgb": made.RGB, "palette": made.PALETTE}[kind.rstrip("0168")]
    for there in (True, False):
        key = 7 if there else 9
        data = struct.pack(">H", key) * pixels.shape[-1]
        chunks: tuple = ((b"tRNS", data),)
        if "palette" in kind:
            chunks = (made.ramp(1), (b"tRNS", b"\xff" * key + b"\0"))
        made.write_png(tmp_path / "a.png", pixels, bits, number, chunks=chunks)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            images.read(tmp_path / "a.png")
        assert [("transparency is left out" in str(w.message)) for w in caught] == [True] * there


def test_jpeg_in_grey_colours_is_grey(tmp_path: Path) -> None:
    grey = np.tile(np.arange(0, 240, 8, dtype=np.uint8), (20, 1))
    Image.fromarray(np.stack([grey] * 3, -1)).save(tmp_path / "a.jpg", quality=100)
    with pytest.warns(DataWarning, match="red, green and blue are the same"):
        assert images.read(tmp_path / "a.jpg").dims == ("Y", "X")


def test_inks_become_colours(tmp_path: Path) -> None:
    cyan = np.zeros((16, 16, 4), np.uint8)
    cyan[..., 0] = 255
    Image.fromarray(cyan, "CMYK").save(tmp_path / "a.jpg", quality=100)
    with pytest.warns(DataWarning, match="inks"):
        image = images.read(tmp_path / "a.jpg")
    np.testing.assert_allclose(image[:, 8, 8], [0, 255, 255], atol=3)
