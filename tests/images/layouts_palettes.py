"""TIFFs with palettes, inverted ones, and samples that are no whole bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from layouts import HEIGHT, WIDTH, Layout, tiff


def colour_map(name: str, entries: int = 256) -> np.ndarray:
    """Return a palette of TIFF's: (3, entries) uint16."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return (random.integers(0, 256, (3, entries)) * 257).astype(np.uint16)


RAMP = np.stack([np.arange(256), np.zeros(256), np.zeros(256)]).astype(np.uint16) * 257
"""A LUT: red from dark to bright."""


def _packed(name: str, bits: int, extra: tuple = (), photometric: int = 1) -> Layout:
    """Return a TIFF of samples that are no whole bytes, rows padded to bytes."""
    file = f"{name}.tif"

    def truth() -> np.ndarray:
        random = np.random.default_rng(zlib.crc32(name.encode()))
        values = random.integers(0, 2**bits, (1, HEIGHT, WIDTH))
        return values * 255 if bits == 1 else values

    def write(path: Path) -> None:
        [values] = truth()
        places = values[..., None] >> np.arange(bits - 1, -1, -1) & 1
        data = np.packbits(places.reshape(HEIGHT, -1).astype(np.uint8), axis=1)
        write_tiff(path, data.tobytes(), bits=bits, photometric=photometric, extra=extra)

    return Layout(file, write, truth)


def write_tiff(
    path: Path,
    data: bytes,
    *,
    bits: int = 8,
    photometric: int = 1,
    extra: tuple = (),
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> None:
    """Write a TIFF by hand, for what no library writes: extra are (tag, type, values)."""
    height, width = size
    entries = {256: (3, [width]), 257: (3, [height]), 258: (3, [bits]), 259: (3, [1])}
    entries |= {262: (3, [photometric]), 273: (4, [8]), 277: (3, [1]), 278: (3, [height])}
    entries |= {279: (4, [len(data)])} | {tag: (kind, values) for tag, kind, values in extra}
    body = data + b"\0" * (len(data) % 2)
    table = b""
    for tag, (kind, values) in sorted(entries.items()):
        raw = np.asarray(values, {2: "u1", 3: "<u2", 4: "<u4", 5: "<u4"}[kind]).tobytes()
        count = len(values) // (2 if kind == 5 else 1)
        if len(raw) > 4:
            raw, body = (8 + len(body)).to_bytes(4, "little"), body + raw + b"\0" * (len(raw) % 2)
        table += tag.to_bytes(2, "little") + kind.to_bytes(2, "little")
        table += count.to_bytes(4, "little") + raw.ljust(4, b"\0")
    start = (8 + len(body)).to_bytes(4, "little")
    end = len(entries).to_bytes(2, "little") + table + bytes(4)
    path.write_bytes(b"II*\0" + start + body + end)


def palettes() -> Iterator[Layout]:
    for bits in (1, 2, 4, 10, 12):
        yield _packed(f"bits{bits}", bits)
        yield _packed(f"bits{bits}_white", bits, photometric=0)
    for bits in (1, 2, 4):
        extra = ((320, 3, colour_map("p", 2**bits).ravel().tolist()),)
        yield _packed(f"palette{bits}", bits, extra, photometric=3)
    for dtype in ("bool", "uint8", "uint16", "int16", "float32"):
        yield tiff(f"white_{dtype}", dtype, photometric="miniswhite")
        yield tiff(f"white_stack_{dtype}", dtype, (3, HEIGHT, WIDTH), photometric="miniswhite")
    yield tiff("palette8", photometric="palette", colormap=colour_map("a"))
    yield tiff("palette8_ramp", photometric="palette", colormap=RAMP)
    yield tiff("palette8_lzw", photometric="palette", colormap=RAMP, compression="lzw")
    yield tiff("palette8_stack", shape=(4, HEIGHT, WIDTH), photometric="palette", colormap=RAMP)
    yield tiff("palette16", "uint16", photometric="palette", colormap=colour_map("b", 65536))
    yield tiff("grey_with_map", extratags=[(320, 3, 768, RAMP.ravel(), True)])


def layouts() -> list[Layout]:
    """Return the layouts of palettes."""
    return list(palettes())
