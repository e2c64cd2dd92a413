"""Small files whose headers declare any size, for tests that they cost nothing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from cut_layouts import write_micromanager
from metamorph import write_stk

SMALL = np.ones((10, 10), np.uint8)
MANY = 10**9


def ome_xml(sizes: dict[str, int], data: str = "<TiffData/>") -> str:
    """Return OME's XML of one image of 8 bits; sizes that are not given are 1, or 10 for Y, X."""
    stated = {"X": 10, "Y": 10, "Z": 1, "C": 1, "T": 1} | sizes
    pixels = " ".join(f'Size{axis}="{n}"' for axis, n in stated.items())
    return (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0" Name="n"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" '
        f"{pixels}>{data}</Pixels></Image></OME>"
    )


def _described(path: Path, text: str, **options: object) -> Path:
    tifffile.imwrite(path, SMALL, description=text, metadata=None, **options)  # type: ignore[arg-type]
    return path


def _tags(path: Path, tags: dict[str, object], **options: object) -> Path:
    tifffile.imwrite(path, SMALL, metadata=None, **options)  # type: ignore[arg-type]
    with tifffile.TiffFile(path, mode="r+") as file:
        for name, value in tags.items():
            file.pages.first.tags[name].overwrite(value)
    return path


def _png(path: Path, width: int, height: int, depth: int = 8) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b""))
    return path


def _jpeg(path: Path) -> Path:
    from PIL import Image

    Image.fromarray(SMALL).save(path, "JPEG")
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 13_000, 13_000)
    path.write_bytes(data)
    return path


def _stk(path: Path) -> Path:
    write_stk(path, np.ones((2, 10, 10), np.uint16))
    data = bytearray(path.read_bytes())
    for place in range(len(data) - 12):
        if data[place : place + 4] == struct.pack("<HH", 33629, 5):
            data[place + 4 : place + 8] = struct.pack("<I", MANY)
    path.write_bytes(data)
    return path


def _chain(path: Path) -> Path:
    """A page that is the next of the 150th after it: who follows never ends."""
    with tifffile.TiffWriter(path) as file:
        for _ in range(151):
            file.write(SMALL, contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as file:
        offsets = [page.offset for page in file.pages]
    data = bytearray(path.read_bytes())
    (tags,) = struct.unpack_from("<H", data, offsets[-1])
    struct.pack_into("<I", data, offsets[-1] + 2 + 12 * tags, offsets[120])
    path.write_bytes(data)
    return path


def write_all(folder: Path) -> list[Path]:
    """Write one of each kind."""
    many = f'<TiffData IFD="0" PlaneCount="{MANY}"/>'
    far = f'<TiffData IFD="0"/><TiffData IFD="0" FirstT="{MANY - 1}"/>'
    ij = "ImageJ=1.54p\n"
    made = [
        *(_described(folder / f"{a}.ome.tif", ome_xml({a: MANY})) for a in "TZCXY"),
        _described(folder / "all.ome.tif", ome_xml(dict.fromkeys("TZC", MANY))),
        _described(folder / "million.ome.tif", ome_xml({"T": 10**6})),
        _described(folder / "planes.ome.tif", ome_xml({"T": MANY}, many)),
        _described(folder / "far.ome.tif", ome_xml({"T": MANY}, far)),
        _described(folder / "images.tif", f"{ij}images={MANY}\n"),
        _described(folder / "frames.tif", f"{ij}images={MANY}\nframes={MANY}\nhyperstack=true\n"),
        _described(
            folder / "hyper.tif", f"{ij}images={MANY}\nframes=1000\nslices=1000\nchannels=1000\n"
        ),
        _described(
            folder / "packed.tif", f"{ij}images={MANY}\nslices={MANY}\n", compression="zlib"
        ),
        _described(folder / "digits.tif", f"{ij}images={'9' * 4000}\nframes={'9' * 4000}\n"),
        _described(folder / "shaped.tif", f'{{"shape": [{MANY}, 10, 10]}}'),
        _tags(folder / "wide.tif", {"ImageWidth": 10**6, "ImageLength": 10**6}),
        _tags(folder / "high.tif", {"ImageLength": 2**31}, compression="zlib"),
        _tags(
            folder / "square.tif",
            {"ImageWidth": 10**5, "ImageLength": 10**5, "RowsPerStrip": 10**5},
            compression="zlib",
        ),
        _tags(
            folder / "tiles.tif",
            {"ImageWidth": 10**6, "ImageLength": 10**6, "TileWidth": 2**20, "TileLength": 2**20},
            tile=(16, 16),
            compression="lzma",
        ),
        _chain(folder / "chain.tif"),
        _stk(folder / "planes.stk"),
        _png(folder / "wide.png", 10**6, 10**6),
        _png(folder / "large.png", 13_000, 13_000),
        _png(folder / "deep.png", 9_000, 9_000, 16),
        _jpeg(folder / "large.jpg"),
    ]
    path = folder / "a_MMStack_Default.ome.tif"
    write_micromanager(path, {(0, 0, 0, 0): SMALL.astype(np.uint16)}, Frames=MANY, Slices=MANY)
    far_path = folder / "b_MMStack_Default.ome.tif"
    plane = SMALL.astype(np.uint16)
    write_micromanager(far_path, {(0, 0, 0, 0): plane, (MANY, 0, 0, 0): plane})
    return [*made, path, far_path]
