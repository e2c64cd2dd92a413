"""The .roi format, read and written; bytes that are none of it."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagej_dl import rois
from imagej_dl.errors import UserError
from imagej_dl.rois import Looks, Roi
from imagej_dl.rois.masks import fill

SQUARE = np.array([(2, 3), (7, 3), (7, 9), (2, 9)], np.int32)
PATH = np.array([0, 1, 1, 1, 9, 1, 1, 9, 9, 1, 1, 9, 4, 0, 3, 3, 2, 5, 3, 5, 5, 4], np.float32)
EVERY = [
    Roi("rectangle", "r", box=(1, 2, 3, 4)),
    Roi("rectangle", "round", box=(-4, 2, 30, 40), corner=9, stroke_width=2.5),
    Roi("rectangle", "fine", box=(1.5, 2.25, 3.5, 4.125), subpixel=True),
    Roi("oval", "o", box=(10, 20, 31, 17), channel=2, z=3, t=4),
    Roi("oval", "fine oval", box=(0.5, -2.5, 3, 4), subpixel=True, position=7),
    Roi("polygon", "p", points=SQUARE),
    Roi("freehand", "f", points=SQUARE.astype(np.float32) + 0.25, subpixel=True),
    Roi("traced", "Zelle µ 細胞", points=SQUARE, properties="a: 1\nb: two\n", group=5),
    Roi("polygon", "curve", points=SQUARE, spline=True),
    Roi("ellipse", "e", params=(1.0, 2.0, 30.0, 12.5, 0.5)),
    Roi("rotated rectangle", "rr", params=(1.0, 2.0, 30.0, 12.5, 8.0)),
    Roi("composite", "c", path=PATH),
    Roi("line", "l", params=(1.5, 2.0, 30.0, 12.5), stroke_width=3.0),
    Roi("arrow", "a", params=(1.5, 2.0, 30.0, 12.5), looks=Looks(style=0x0203)),
    Roi("polyline", "pl", points=SQUARE, stroke_width=4.0),
    Roi("freeline", "fl", points=SQUARE),
    Roi("angle", "an", points=SQUARE[:3]),
    Roi(
        "point",
        "pt",
        points=SQUARE.astype(np.float32),
        subpixel=True,
        looks=Looks(counters=bytes(16), stroke_color=0xFF00FF00),
    ),
    Roi("rectangle", "looks", box=(1, 2, 3, 4), looks=Looks(0xFF112233, 0x80445566, 8 | 64, 0, 9)),
]
_FINE = rois.encode(EVERY[4])
INFINITE = _FINE[:18] + struct.pack(">f", np.inf) + _FINE[22:]


def ids(values: list[Roi]) -> list[str]:
    return [f"{roi.kind} {roi.name}" for roi in values]


@pytest.mark.parametrize("roi", EVERY, ids=ids(EVERY))
def test_every_type_comes_back(roi: Roi) -> None:
    assert rois.decode(rois.encode(roi)) == roi


def test_real_files_of_every_type(shared_data: Path) -> None:
    kinds = {}
    for path in sorted((shared_data / "roisets" / "every-type").glob("*.roi")):
        (roi,) = rois.read(path)
        kinds[path.stem] = roi.kind
        assert rois.decode(rois.encode(roi)) == roi
    assert len(kinds) == 23
    assert kinds["composite-two-ovals"] == "composite"
    assert kinds["ellipse-left"] == "ellipse"
    assert kinds["multipoint"] == "point"
    assert kinds["freeline"] == "freeline"


def test_points_are_those_in_the_file(shared_data: Path) -> None:
    """The numbers behind the whole offsets, as the format has them, and no others."""
    path = shared_data / "roisets" / "bacteria" / "RoiSet.zip"
    ours = rois.read(path)
    with zipfile.ZipFile(path) as archive:
        files = [archive.read(name) for name in archive.namelist()]
    assert len(ours) == len(files) == 1747
    for roi, data in zip(ours, files, strict=True):
        (count,) = struct.unpack_from(">H", data, 16)
        assert roi.kind == "freehand"
        assert roi.points is not None
        if roi.subpixel:
            exact = np.frombuffer(data, ">f4", 2 * count, 64 + 4 * count).reshape(2, count).T
            np.testing.assert_array_equal(roi.points, exact)
        assert roi.position == struct.unpack_from(">i", data, 56)[0]


def test_coordinates_that_16_bits_cannot_hold() -> None:
    for shift in (-30000, 61000, 100000):
        points = SQUARE + shift
        back = rois.decode(rois.encode(Roi("traced", "far", points=points)))
        np.testing.assert_array_equal(back.points, points)
        assert rois.mask(back)[0].sum() == 5 * 6
        box = Roi("rectangle", "far", box=(shift, shift, 3, 2))
        back = rois.decode(rois.encode(box))
        assert rois.mask(back)[1:] == (shift, shift)


def test_more_points_than_the_format_counts() -> None:
    n = 40000  # a comb with 2 n + 2 corners
    x = np.repeat(np.arange(n + 1), 2)
    y = np.tile((0, 1, 1, 0), n // 2 + 1)[: 2 * n + 2] + 5
    points = np.append(np.stack((x, y), axis=1), [(n, 0), (0, 0)], axis=0).astype(np.int32)
    comb = Roi("traced", "comb", points=points)
    back = rois.decode(rois.encode(comb))
    assert back.kind == "composite"
    for mine, other in zip(rois.mask(back), rois.mask(comb), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_name_falls_back_to_the_file() -> None:
    data = rois.encode(Roi("rectangle", "", box=(0, 0, 1, 1)))
    assert rois.decode(data, "0007-0093.roi").name == "0007-0093"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an ImageJ ROI"),
        (b"GIF89a" + bytes(100), "not an ImageJ ROI"),
        (b"Iout" + bytes(20), "truncated"),
        (rois.encode(EVERY[5])[:70], "truncated"),
        (rois.encode(EVERY[11])[:100], "truncated"),
        (b"Iout\0\xe4\x0c" + bytes(100), "unknown type"),
        (INFINITE, "impossible coordinates"),
    ],
)
def test_broken_bytes_are_named(data: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        rois.decode(data, path="set.zip/a.roi")
    assert str(caught.value).startswith("set.zip/a.roi: ")
    assert caught.value.remedy


def test_composite_without_a_start() -> None:
    with pytest.raises(UserError, match="path has no start"):
        rois.mask(Roi("composite", path=np.array([1, 2, 3], np.float32)))


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(
    which=st.integers(0, len(EVERY) - 1),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    end=st.integers(0, 500),
)
def test_damaged_bytes_are_an_error_or_a_roi(
    which: int, changes: list[tuple[int, int]], end: int
) -> None:
    """Whatever the bytes: a UserError, or a ROI that can be filled on an image and encoded."""
    data = bytearray(rois.encode(EVERY[which]))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        roi = rois.decode(bytes(data[: end if end < 250 else None]))
        if roi.points is not None and not len(roi.points):
            return
        runs = fill([roi], 512, lines_as_areas=True)
        rois.encode(roi)
    except UserError:
        return
    assert (runs.y >= 0).all()
    assert (runs.y < 512).all()
    assert (runs.x1 < runs.x2).all()
