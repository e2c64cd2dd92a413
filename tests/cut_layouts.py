"""Stacks in many layouts of TIFF, for tests that cut them short."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from metamorph import write_stk

from imagej_dl import images

SHAPE = (6, 24, 32)
STACK = np.random.default_rng(7).integers(1, 60000, SHAPE).astype(np.uint16)
"""No pixel of it is 0: a plane that is filled in is seen."""


def _ours(path: Path) -> None:
    images.write(images.make(STACK, "TYX", unit="um"), path)


def _as_imagej(path: Path) -> None:
    """As ImageJ writes: one page, big-endian, all pixels behind it."""
    text = "ImageJ=1.54p\nimages=6\nframes=6\nhyperstack=true\n"
    tifffile.imwrite(path, STACK[0], byteorder=">", description=text, metadata=None)
    with path.open("ab") as file:
        file.write(STACK[1:].astype(">u2").tobytes())


def _written(**options: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        tifffile.imwrite(path, STACK, **{"photometric": "minisblack", **options})

    return write


def _paged(bigtiff: bool = False, **options: Any) -> Callable[[Path], None]:
    """Each page with its pixels, as a program writes that records page by page."""

    def write(path: Path) -> None:
        with tifffile.TiffWriter(path, bigtiff=bigtiff) as file:
            for plane in STACK:
                file.write(plane, contiguous=False, metadata=None, **options)

    return write


def _colours(planar: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        axes = "TYXS" if planar == "contig" else "TSYX"
        data = np.repeat(STACK[:, None], 3, 1)
        if planar == "contig":
            data = np.ascontiguousarray(np.moveaxis(data, 1, -1))
        options = {"photometric": "rgb", "planarconfig": planar}
        tifffile.imwrite(path, data, ome=True, metadata={"axes": axes}, **options)

    return write


def _micromanager(path: Path) -> None:
    write_micromanager(path, {(t, 0, 0, 0): plane for t, plane in enumerate(STACK)}, Frames=6)


def write_micromanager(
    path: Path,
    planes: dict[tuple[int, int, int, int], np.ndarray],
    description: str = "",
    **summary: Any,
) -> None:
    """Write a stack as Micro-Manager does: planes by (frame, slice, channel, position)."""
    first = next(iter(planes.values()))
    height, width = first.shape
    stated = {"MicroManagerVersion": "2.0.1", "Channels": 1, "Slices": 1, "Positions": 1}
    stated |= {"Width": width, "Height": height, "PixelSize_um": 0.65, "Prefix": "a", **summary}
    text = json.dumps(stated).encode()
    told = description.encode() + b"\0"
    head = 40 + len(text) + len(told)
    head += head % 2
    body, index = b"", []
    for number, ((t, z, c, r), plane) in enumerate(planes.items()):
        at = head + len(body)
        index.append(struct.pack("<5I", c, z, t, r, at))
        place = {"ChannelIndex": c, "SliceIndex": z, "FrameIndex": t, "PositionIndex": r}
        notes = json.dumps(place).encode().ljust(100, b"\0")
        tags = [
            (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1),
            (262, 3, 1, 1), (273, 4, 1, at + 162), (277, 3, 1, 1), (278, 4, 1, height),
            (279, 4, 1, plane.nbytes), (282, 5, 1, 8), (283, 5, 1, 8), (284, 3, 1, 1),
            (51123, 2, len(notes), at + 162 + plane.nbytes),
        ]  # fmt: skip
        if description and not number:
            tags[4:4] = [(270, 2, len(told), 40 + len(text))]
            tags = [(*tag[:3], tag[3] + 12 * (tag[0] in (273, 51123))) for tag in tags]
        table = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        size = 6 + 12 * len(tags) + plane.nbytes + len(notes)
        after = 0 if number == len(planes) - 1 else at + size
        body += struct.pack("<H", len(tags)) + table + struct.pack("<I", after)
        body += plane.astype("<u2").tobytes() + notes
    end = head + len(body)
    displays = struct.pack("<2I", 347834724, 2) + b"[]"
    comments = struct.pack("<2I", 84720485, 2) + b"{}"
    listed = struct.pack("<2I", 3453623, len(index)) + b"".join(index)
    header = struct.pack("<2sHI", b"II", 42, head)
    header += struct.pack("<2I", 54773648, end)
    header += struct.pack("<2I", 483765892, end + len(listed))
    header += struct.pack("<2I", 99384722, end + len(listed) + len(displays))
    header += struct.pack("<2I", 2355492, len(text)) + text + told
    path.write_bytes(header.ljust(head, b" ") + body + listed + displays + comments)


def _stk(path: Path) -> None:
    write_stk(path, STACK, interval=1000)


LAYOUTS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "ours": ("a.tif", _ours),
    "as ImageJ": ("a.tif", _as_imagej),
    "ImageJ by tifffile": ("a.tif", _written(imagej=True, metadata={"axes": "TYX"})),
    "ImageJ packed": (
        "a.tif",
        _written(imagej=True, metadata={"axes": "TYX"}, compression="zlib"),
    ),
    "shaped": ("a.tif", _written(metadata={"axes": "TYX"})),
    "shaped packed": ("a.tif", _written(metadata={"axes": "TYX"}, compression="zlib")),
    "shaped big": ("a.tif", _written(metadata={"axes": "TYX"}, bigtiff=True)),
    "OME": ("a.ome.tif", _written(ome=True, metadata={"axes": "TYX"})),
    "OME packed": (
        "a.ome.tif",
        _written(ome=True, metadata={"axes": "TYX"}, compression="lzw", rowsperstrip=5),
    ),
    "OME tiled": (
        "a.ome.tif",
        _written(ome=True, metadata={"axes": "TYX"}, compression="zlib", tile=(16, 16)),
    ),
    "OME colours": ("a.ome.tif", _colours("contig")),
    "OME planar": ("a.ome.tif", _colours("separate")),
    "pages": ("a.tif", _paged()),
    "pages in strips": ("a.tif", _paged(rowsperstrip=5)),
    "pages packed": ("a.tif", _paged(compression="packbits", rowsperstrip=7)),
    "pages predicted": ("a.tif", _paged(compression="zlib", predictor=True)),
    "pages tiled": ("a.tif", _paged(tile=(16, 16))),
    "pages big": ("a.tif", _paged(bigtiff=True)),
    "pages zstd": ("a.tif", _paged(compression="zstd")),
    "Micro-Manager": ("a_MMStack_Default.ome.tif", _micromanager),
    "MetaMorph": ("a.stk", _stk),
}
