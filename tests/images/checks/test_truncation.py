"""Parts of PNG and CZI files that are not as long as they say, and TIFFs whose pages end early."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imagej_dl import UserError, images


def test_png_whose_chunk_is_longer_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((12, 10), np.uint8)).save(path)
    images.read(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT") - 4
    data[at : at + 4] = struct.pack(">I", 2**31 - 1)
    path.write_bytes(data)
    with pytest.raises(UserError, match="truncated or damaged"):
        images.read(path)


def test_czi_whose_block_is_longer_than_the_file(tmp_path: Path) -> None:
    library = pytest.importorskip("pylibCZIrw.czi")
    path = tmp_path / "a.czi"
    with library.create_czi(str(path)) as file:
        file.write(np.ones((8, 8, 1), np.uint8), plane={"T": 0, "C": 0})
    images.read(path)
    good = path.read_bytes()
    at = good.index(b"ZISRAWSUBBLOCK\0") + 32
    for offset, text in ((8, struct.pack("<q", 2**40)), (0, struct.pack("<i", -1))):
        path.write_bytes(good[: at + offset] + text + good[at + offset + len(text) :])
        with pytest.raises(UserError, match="pixels is damaged"):
            images.read(path)
    path.write_bytes(good[:-100])
    with pytest.raises(UserError, match="truncated"):
        images.read(path)


def test_tiff_with_tiles_far_larger_than_its_image(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((24, 20), np.uint16), tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["TileLength"].overwrite(2**28)
    with pytest.raises(UserError):
        images.read(path)
