"""MetaMorph stacks for tests."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def write_stk(
    path: Path, planes: np.ndarray, *, apart: float = 0.0, interval: int = 0, pixel: float = 0.0
) -> None:
    """Write a MetaMorph stack as MetaMorph does: one page of TIFF, the other planes behind it.

    apart : distance of the slices; interval : between the frames, in ms; pixel : size in um.
    """
    count, height, width = planes.shape
    pixels = planes.astype("<u2").tobytes()
    times = [
        struct.pack("<6I", int(apart * 1000), 1000, 2459000, 1000 + i * interval, 2459000, 0)
        for i in range(count)
    ]
    start = 8 + len(pixels)
    uic2 = b"".join(times)
    text = b"um\0"
    fraction = struct.pack("<2I", int(pixel * 1e6), 10**6)
    extra = start + len(uic2)
    uic1_at = extra + len(text) + 4 + len(fraction)
    entries = [(3, 1 if pixel else 0), (4, extra + len(text) + 4), (5, extra + len(text) + 4)]
    uic1 = b"".join(struct.pack("<2I", *entry) for entry in [*entries, (6, extra)])
    ifd = uic1_at + len(uic1)
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 16),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, width * height * 2),
        (33628, 4, 4, uic1_at),
        (33629, 5, count, start),
    ]
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    header = struct.pack("<2sHI", b"II", 42, ifd)
    named = struct.pack("<I", len(text)) + text
    path.write_bytes(header + pixels + uic2 + named + fraction + uic1 + table + bytes(4))
