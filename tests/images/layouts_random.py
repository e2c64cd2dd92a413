"""TIFFs whose layout, tags and description are drawn at random, of what both read alike."""

from __future__ import annotations

import random
from typing import Any

from layouts import Layout, tiff

_NUMBERS = ("1", "2", "0.5", "3e-1", "0,3", "two", "1e3", "7", "+4", " 6", "0.25f", ".5", "5.", "",
            "1_000", "1,000.5")  # fmt: skip
_UNITS = ("um", "micron", "microns", "\\u00B5m", "\\u03BCm", "nm", "mm", "cm", "inch", "in", "A",
          "km", "m", "UM", "micrometer")  # fmt: skip
_LINES: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("yunit", _UNITS, 0.15),
    ("zunit", _UNITS, 0.2),
    ("xunit", _UNITS, 0.05),
    ("spacing", (*_NUMBERS, "-0.3", "-5"), 0.5),
    ("finterval", (*_NUMBERS, "0"), 0.5),
    ("fps", (*_NUMBERS, "0", "-1", "NaN"), 0.3),
    ("tunit", ("sec", "ms", "min", "msec", "s", "h", "hours", "", "days"), 0.3),
    ("min", (*_NUMBERS, "-5"), 0.2),
    ("max", (*_NUMBERS, "-5"), 0.2),
    ("loop", ("true", "false"), 0.4),
    ("xorigin", _NUMBERS, 0.1),
    ("cf", ("20", "22", "-1"), 0.1),
    ("c0", ("-32768.0", "0", "10", "-32768,0"), 0.2),
    ("c1", ("1.0", "1", "2", "1,0"), 0.2),
    ("mode", ("composite", "gray", "color"), 0.1),
    ("name", ("other",), 0.03),
    ("inverty", ("true",), 0.03),
    ("8bitcolor", ("true",), 0.05),
)
_RESOLUTIONS = ((1, 1), (3, 7), (2, 2), (2, 4), (72, 72), (96, 96), (300, 300), (15384.6, 15384.6),
                (25000, 20000), (400, 400), (10000, 10000), (10001, 10001), (1e-3, 1e-3),
                (72.0001, 72))  # fmt: skip


def _description(draw: random.Random, planes: int) -> str:
    lines = [f"unit={draw.choice(_UNITS)}"]
    if planes > 1:
        sizes = [f"slices={planes}\n", f"frames={planes}\n", ""]
        if planes % 2 == 0:
            sizes += [f"channels=2\nframes={planes // 2}\nhyperstack=true\n"]
            sizes += [f"slices=2\nframes={planes // 2}\n"]
        lines += [f"images={planes}", *draw.choice(sizes).split()]
    lines += [f"{key}={draw.choice(of)}" for key, of, often in _LINES if draw.random() < often]
    if draw.random() < 0.3:
        draw.shuffle(lines)
    head = draw.choice(("ImageJ=1.54p", "ImageJ=1.11a", "ImageJ="))
    end = draw.choice(("\n", "\n", "\n", "\r\n"))
    return end.join([head, *lines]) + draw.choice((end, ""))


def _layout(name: str, draw: random.Random) -> Layout:
    planes = draw.choice((1, 1, 3, 4, 6))
    dtype = draw.choice(("uint8", "uint16", "int16", "float32"))
    shape: tuple[int, ...] = (9, 11) if planes == 1 else (planes, 9, 11)
    how: dict[str, Any] = {"byteorder": draw.choice("<>")}
    how["photometric"] = draw.choice(("minisblack", "minisblack", "miniswhite", "rgb"))
    if how["photometric"] == "rgb":
        dtype, shape = "uint8", (*shape, 3)
    how["compression"] = draw.choice((None, None, "lzw", "zlib", "packbits"))
    if how["compression"] in ("lzw", "zlib") and dtype != "float32":
        how["predictor"] = draw.choice((None, 2))
    if draw.random() < 0.3:
        how["rowsperstrip"] = draw.choice((1, 3, 20))
    if draw.random() < 0.8:
        how |= {"resolution": draw.choice(_RESOLUTIONS), "resolutionunit": draw.choice((1, 2, 3))}
    described = draw.random()
    if described < 0.8:
        how["description"] = _description(draw, planes)
    elif described < 0.9:
        how["description"] = draw.choice(("unit=um\nspacing=3", "an ImageJ=1.5\nunit=um"))
    return tiff(name, dtype, shape, **how)


def layouts(count: int = 200) -> list[Layout]:
    """Return layouts that are drawn, the same ones each time."""
    return [_layout(f"random_{i:04}", random.Random(i)) for i in range(count)]
