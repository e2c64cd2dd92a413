"""Files of every layout: each a name and what writes it, for tests against ImageJ's reader.

The pixels of a file depend on its name alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

HEIGHT, WIDTH = 12, 19


@dataclass(frozen=True)
class Layout:
    """A file to be made: its name, what writes it at a path, and the planes that are in it.

    Of pixels with several samples each sample has planes of its own.
    """

    name: str
    write: Callable[[Path], None]
    truth: Callable[[], np.ndarray] | None = None


def pixels(name: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return pixels that a reader which mistakes bytes, rows, planes or signs gets wrong."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return random.random(shape) < 0.4
    if kind.kind == "c":
        return (random.random(shape) + 1j * random.random(shape)).astype(kind)
    if kind.kind == "f":
        return (random.random(shape) * 200 - 50).astype(kind)
    limits = np.iinfo(kind)
    reach = min(limits.max, 2**20)
    made = random.integers(max(limits.min, -(2**20)), reach, shape, endpoint=True).astype(kind)
    made.flat[:3] = limits.min, limits.max, 1
    return made


def tiff(
    name: str, dtype: str = "uint8", shape: tuple[int, ...] = (HEIGHT, WIDTH), **how: Any
) -> Layout:
    """Return a TIFF that tifffile writes, without a description unless it is given."""
    file = f"{name}.tif"
    if not (how.get("imagej") or how.get("ome")):
        how.setdefault("metadata", None)
    how.setdefault("photometric", "minisblack")

    def write(path: Path) -> None:
        tifffile.imwrite(path, pixels(file, shape, dtype), **how)

    def truth() -> np.ndarray:
        array = pixels(file, shape, dtype)
        chunky = how["photometric"] == "rgb" or how.get("planarconfig") == "contig"
        if chunky and how.get("planarconfig") != "separate":
            array = np.moveaxis(array, -1, 0)
        array = array.reshape(-1, *array.shape[-2:])
        return array.astype(np.uint8) * 255 if dtype == "bool" else array

    lossy = how.get("compression") == "jpeg" or how["photometric"] == "separated"
    return Layout(file, write, None if lossy else truth)


TYPES = (
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float16", "float32", "float64", "complex64"),
)
ORDERS = {"little": "<", "big": ">"}
COMPRESSIONS = ("lzw", "zlib", "packbits", "zstd", "lzma")


def types() -> Iterator[Layout]:
    for dtype, (word, order) in product(TYPES, ORDERS.items()):
        yield tiff(f"type_{dtype}_{word}", dtype, byteorder=order)


def compressions() -> Iterator[Layout]:
    for dtype, compression in product(("uint8", "uint16", "int16", "float32"), COMPRESSIONS):
        for word, order in ORDERS.items():
            name = f"{compression}_{dtype}_{word}"
            yield tiff(name, dtype, compression=compression, byteorder=order, rowsperstrip=5)
    for compression, dtype in product(("lzw", "zlib"), ("uint8", "uint16", "int16", "float32")):
        predictor = 3 if dtype == "float32" else 2
        how: dict = {"compression": compression, "predictor": predictor, "rowsperstrip": 4}
        yield tiff(f"{compression}_{dtype}_predictor", dtype, **how)
    yield tiff("jpeg_uint8", compression="jpeg")
    yield tiff("jpeg_rgb", shape=(HEIGHT, WIDTH, 3), photometric="rgb", compression="jpeg")
    yield tiff("jpeg_ycbcr", shape=(16, 32, 3), photometric="ycbcr", compression="jpeg")
    yield tiff("packbits_bool", "bool", compression="packbits")


def parts() -> Iterator[Layout]:
    for dtype, rows in product(("uint8", "uint16", "int16", "float32"), (1, 5)):
        yield tiff(f"strips{rows}_{dtype}", dtype, rowsperstrip=rows)
    for dtype, compression in product(("uint8", "uint16", "float32"), (None, "zlib")):
        name = f"tiles_{dtype}_{compression or 'plain'}"
        yield tiff(name, dtype, (24, 40), tile=(16, 16), compression=compression)
    yield tiff("tiles_rgb", shape=(24, 40, 3), tile=(16, 16), photometric="rgb")
    yield tiff("tiles_planar", shape=(3, 24, 40), tile=(16, 16), photometric="rgb",
               planarconfig="separate")  # fmt: skip
    for dtype in ("uint8", "uint16"):
        yield tiff(f"bigtiff_{dtype}", dtype, bigtiff=True)


def colours() -> Iterator[Layout]:
    contig, planar = (HEIGHT, WIDTH, 3), (3, HEIGHT, WIDTH)
    for dtype, compression in product(("uint8", "uint16"), (None, "lzw", "zlib", "packbits")):
        for word, order in ORDERS.items() if dtype == "uint16" else (("", "<"),):
            name = f"_{dtype}{word}_{compression or 'plain'}"
            how: dict = {"photometric": "rgb", "compression": compression, "byteorder": order}
            yield tiff("chunky" + name, dtype, contig, planarconfig="contig", **how)
            yield tiff("planar" + name, dtype, planar, planarconfig="separate", **how)
    yield tiff("chunky_float32", "float32", contig, photometric="rgb")
    yield tiff("chunky_strips", shape=contig, photometric="rgb", rowsperstrip=4)
    yield tiff("chunky_predictor", shape=contig, photometric="rgb", compression="lzw", predictor=2)
    yield tiff("chunky_grey", shape=contig, planarconfig="contig")
    for count, extra in product((2, 4), ("unspecified", "unassalpha", "assocalpha")):
        for dtype in ("uint8", "uint16"):
            photometric = "rgb" if count == 4 else "minisblack"
            how = {"photometric": photometric, "extrasamples": [extra]}
            shape = (HEIGHT, WIDTH, count)
            name = f"samples{count}_{extra}_{dtype}"
            yield tiff(name, dtype, shape, planarconfig="contig", **how)
    for dtype in ("uint8", "uint16"):
        yield tiff(f"samples4_planar_{dtype}", dtype, (4, HEIGHT, WIDTH), photometric="rgb",
                   planarconfig="separate", extrasamples=["unspecified"])  # fmt: skip
        yield tiff(f"samples4_grey_{dtype}", dtype, (HEIGHT, WIDTH, 4), planarconfig="contig",
                   extrasamples=["unspecified"] * 3)  # fmt: skip
        yield tiff(f"samples5_{dtype}", dtype, (HEIGHT, WIDTH, 5), planarconfig="contig",
                   photometric="rgb", extrasamples=["unspecified"] * 2)  # fmt: skip
        yield tiff(f"cmyk_{dtype}", dtype, (HEIGHT, WIDTH, 4), photometric="separated",
                   planarconfig="contig")  # fmt: skip
        yield tiff(f"samples2_planar_{dtype}", dtype, (2, HEIGHT, WIDTH), planarconfig="separate",
                   extrasamples=["unspecified"])  # fmt: skip
    yield tiff("movie_rgb", shape=(4, *contig), photometric="rgb")
    yield tiff("movie_rgb16", "uint16", shape=(4, *contig), photometric="rgb")
    yield tiff("movie_planar", shape=(4, *planar), photometric="rgb", planarconfig="separate")
    yield tiff("movie_rgba", shape=(4, HEIGHT, WIDTH, 4), photometric="rgb",
               extrasamples=["unspecified"])  # fmt: skip


def stacks() -> Iterator[Layout]:
    for dtype in ("bool", "uint8", "uint16", "int16", "uint32", "int32", "float32"):
        yield tiff(f"pages_{dtype}", dtype, (5, HEIGHT, WIDTH))
    for dtype in ("uint8", "uint16", "float32"):
        yield tiff(f"pages_zlib_{dtype}", dtype, (5, HEIGHT, WIDTH), compression="zlib")
    sizes = {"T": 2, "Z": 3, "C": 4}
    for axes in ("T", "Z", "C", "TZ", "TC", "ZC", "TZC"):
        for dtype in ("uint8", "uint16", "float32"):
            shape = (*(sizes[axis] for axis in axes), HEIGHT, WIDTH)
            metadata = {"axes": f"{axes}YX"}
            yield tiff(f"hyper_{axes}_{dtype}", dtype, shape, imagej=True, metadata=metadata)
        if axes != "C":
            shape = (*(sizes[axis] for axis in axes), HEIGHT, WIDTH, 3)
            metadata = {"axes": f"{axes}YXS"}
            yield tiff(f"hyper_{axes}_rgb", "uint8", shape, imagej=True, metadata=metadata,
                       photometric="rgb")  # fmt: skip
    for axes in ("TZ", "TC"):
        shape = (*(sizes[axis] for axis in axes), HEIGHT, WIDTH)
        metadata = {"axes": f"{axes}YX"}
        yield tiff(f"hyper_{axes}_zlib", "uint16", shape, imagej=True, metadata=metadata,
                   compression="zlib")  # fmt: skip
        yield tiff(f"hyper_{axes}_big", "uint16", shape, imagej=True, metadata=metadata,
                   byteorder=">")  # fmt: skip
        yield tiff(f"hyper_{axes}_shaped", "uint16", shape, metadata={"axes": f"{axes}YX"})
    yield tiff("hyper_one", "uint16", (1, HEIGHT, WIDTH), imagej=True, metadata={"axes": "TYX"})


def layouts() -> list[Layout]:
    """Return the layouts of pixels in TIFFs."""
    groups = (types, compressions, parts, colours, stacks)
    return [layout for group in groups for layout in group()]
