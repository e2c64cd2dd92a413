"""PNG and JPEG of every layout, MetaMorph stacks, and TIFFs that were cut short."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from layouts import HEIGHT, WIDTH, Layout, pixels
from metamorph import write_stk
from PIL import Image

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
# Adam7: first row and column, steps of rows and columns.
_PASSES = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
    (1, 0, 2, 1),
)  # fmt: skip


def write_png(
    path: Path,
    values: np.ndarray,
    bits: int,
    kind: int,
    interlaced: bool = False,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Write a PNG of any kind; values are (height, width, samples)."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    def lines(part: np.ndarray) -> bytes:
        rows = part.reshape(len(part), -1)
        places = rows[..., None] >> np.arange(bits - 1, -1, -1) & 1
        packed = np.packbits(places.reshape(len(rows), -1).astype(np.uint8), axis=1)
        return b"".join(b"\0" + row.tobytes() for row in packed)

    parts = [(0, 0, 1, 1)] if not interlaced else _PASSES
    found = [values[top::down, left::right] for top, left, down, right in parts]
    data = b"".join(lines(part) for part in found if part.size)
    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced))
    pieces = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*piece) for piece in pieces))


def png(
    name: str,
    bits: int,
    kind: int,
    *,
    interlaced: bool = False,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
    alpha: int | None = None,
    equal: bool = False,
    entries: int | None = None,
) -> Layout:
    """Return a PNG; alpha: of all pixels; equal: colours are grey; entries: of the palette."""
    file = f"{name}.png"

    def write(path: Path) -> None:
        random = np.random.default_rng(zlib.crc32(file.encode()))
        top = entries or 2**bits
        values = random.integers(0, top, (HEIGHT, WIDTH, _SAMPLES[kind]))
        if equal:
            values[..., :3] = values[..., :1]
        if alpha is not None:
            values[..., -1] = alpha
        write_png(path, values, bits, kind, interlaced, chunks)

    return Layout(file, write)


def palette(name: str, entries: int) -> tuple[bytes, bytes]:
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return b"PLTE", random.integers(0, 256, 3 * entries, np.uint8).tobytes()


def ramp(step: int) -> tuple[bytes, bytes]:
    """Return the palette of a LUT: red, from dark to bright (step 1) or from bright to dark."""
    reds = np.arange(256, dtype=np.uint8)[::step]
    return b"PLTE", np.stack([reds, reds * 0, reds * 0], 1).tobytes()


def pngs() -> Iterator[Layout]:
    for bits, interlaced in product((1, 2, 4, 8, 16), (False, True)):
        word = "_interlaced" if interlaced else ""
        yield png(f"grey{bits}{word}", bits, GREY, interlaced=interlaced)
        if bits < 16:
            chunks = (palette("p", 2**bits),)
            yield png(f"palette{bits}{word}", bits, PALETTE, interlaced=interlaced, chunks=chunks)
        if bits >= 8:
            yield png(f"rgb{bits}{word}", bits, RGB, interlaced=interlaced)
            yield png(f"greya{bits}{word}", bits, GREY_ALPHA, interlaced=interlaced)
            yield png(f"rgba{bits}{word}", bits, RGB_ALPHA, interlaced=interlaced)
    for bits in (8, 16):
        full = 2**bits - 1
        yield png(f"greya{bits}_opaque", bits, GREY_ALPHA, alpha=full)
        yield png(f"rgba{bits}_opaque", bits, RGB_ALPHA, alpha=full)
        yield png(f"rgb{bits}_equal", bits, RGB, equal=True)
        yield png(f"rgba{bits}_equal", bits, RGB_ALPHA, equal=True, alpha=full)
        yield png(f"grey{bits}_key", bits, GREY, chunks=((b"tRNS", struct.pack(">H", 3)),))
        yield png(f"rgb{bits}_key", bits, RGB, chunks=((b"tRNS", struct.pack(">HHH", 1, 2, 3)),))
    yield png("palette8_short", 8, PALETTE, chunks=(palette("q", 17),), entries=17)
    yield png("palette8_ramp", 8, PALETTE, chunks=(ramp(1),))
    yield png("palette8_inverted", 8, PALETTE, chunks=(ramp(-1),))
    yield png("palette8_key", 8, PALETTE, chunks=(palette("q", 256), (b"tRNS", b"\0\x80")))
    yield png("palette4_key", 4, PALETTE, chunks=(palette("q", 16), (b"tRNS", b"\0")))
    yield png("palette1_mask", 1, PALETTE, chunks=((b"PLTE", b"\0\0\0\xff\xff\xff"),))
    yield png("palette1_inverted", 1, PALETTE, chunks=((b"PLTE", b"\xff\xff\xff\0\0\0"),))
    density = ((b"pHYs", struct.pack(">IIB", 1538461, 1538461, 1)),)
    for bits in (8, 16):
        yield png(f"grey{bits}_density", bits, GREY, chunks=density)
        yield png(f"grey{bits}_gamma", bits, GREY, chunks=((b"gAMA", struct.pack(">I", 45455)),))
    yield png("rgb8_density", 8, RGB, chunks=density)
    yield png("grey8_aspect", 8, GREY, chunks=((b"pHYs", struct.pack(">IIB", 2, 1, 0)),))


def _picture(file: str, mode: str, **how: Any) -> Layout:
    def write(path: Path) -> None:
        samples = {"L": (), "RGB": (3,), "CMYK": (4,), "P": ()}[mode]
        # Smooth, that the decoders' rounding is small.
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        values = np.stack([60 + 5 * y + 3 * x, 200 - 6 * x, 40 + 9 * y, 7 * x], -1)
        array = np.ascontiguousarray(values[..., : samples[0]] if samples else values[..., 0])
        if how.get("equal"):
            array[..., 1:] = array[..., :1]
        image = Image.fromarray(array.astype(np.uint8), mode)
        options = {key: value for key, value in how.items() if key != "equal"}
        if (turn := options.pop("turn", None)) is not None:
            exif = Image.Exif()
            exif[0x0112] = turn
            options["exif"] = exif
        image.save(path, **options)

    return Layout(file, write)


def pictures() -> Iterator[Layout]:
    best = {"quality": 100, "subsampling": 0}
    yield _picture("jpeg_grey.jpg", "L", quality=100)
    yield _picture("jpeg_rgb.jpg", "RGB", **best)
    yield _picture("jpeg_equal.jpg", "RGB", equal=True, **best)
    yield _picture("jpeg_progressive.jpg", "L", quality=100, progressive=True)
    yield _picture("jpeg_cmyk.jpg", "CMYK", quality=100)
    yield _picture("jpeg_density.jpeg", "L", quality=100, dpi=(300, 300))
    for turn in (3, 6, 8):
        yield _picture(f"jpeg_turned{turn}.jpg", "L", quality=100, turn=turn)
    for suffix in ("bmp", "gif", "pgm"):
        yield _picture(f"picture_grey.{suffix}", "L")
    yield _picture("picture_rgb.bmp", "RGB")
    yield _picture("picture_rgb.ppm", "RGB")


def metamorph() -> Iterator[Layout]:
    cases = {"slices": {"apart": 2.0, "pixel": 0.5}, "frames": {"interval": 500}, "plain": {}}
    for name, how in cases.items():

        def write(path: Path, how: dict = how) -> None:
            write_stk(path, pixels(path.name, (4, HEIGHT, WIDTH), "uint16"), **how)

        yield Layout(f"metamorph_{name}.stk", write)


def _cut(file: str, part: float, **how: Any) -> Layout:
    def write(path: Path) -> None:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, whole(), **how)
        data = buffer.getvalue()
        path.write_bytes(data[: round(len(data) * part)])

    def whole() -> np.ndarray:
        return pixels("cut", (6, HEIGHT, WIDTH), "uint16")

    return Layout(file, write, whole)


def cuts() -> Iterator[Layout]:
    """Movies that were cut short by a copy, at 20 places each."""
    movie = {"imagej": True, "metadata": {"axes": "TYX"}}
    pages = {"photometric": "minisblack", "metadata": None, "compression": "zlib"}
    for place in range(20):
        part = (place + 0.5) / 20
        yield _cut(f"cut_movie_{place:02}.tif", part, **movie)
        yield _cut(f"cut_pages_{place:02}.tif", part, **pages)


def layouts() -> list[Layout]:
    """Return the layouts of pictures, stacks of microscopes and files that were cut."""
    return [layout for group in (pngs, pictures, metamorph, cuts) for layout in group()]
