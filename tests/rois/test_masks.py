"""Masks of each shape, checked by hand against ImageJ's rules, without ImageJ."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl import rois
from imagej_dl.errors import UserError
from imagej_dl.rois import Roi
from imagej_dl.rois.masks import fill


def picture(roi: Roi, **options: bool) -> list[str]:
    mask, _, _ = rois.mask(roi, **options)
    return ["".join("#" if pixel else "." for pixel in row) for row in mask]


def points(*values: tuple[float, float]) -> np.ndarray:
    whole = all(float(v).is_integer() for pair in values for v in pair)
    return np.array(values, np.int32 if whole else np.float32)


def test_rectangle() -> None:
    mask, x, y = rois.mask(Roi("rectangle", box=(-2, 3, 4, 2)))
    assert (mask.shape, mask.all(), x, y) == ((2, 4), True, -2, 3)


def test_subpixel_rectangle_loses_its_fraction() -> None:
    """The corner is cut to whole pixels, the size rounded up; nothing is smaller than a pixel."""
    mask, x, y = rois.mask(Roi("rectangle", box=(1.9, -0.9, 2.1, 0.2), subpixel=True))
    assert (mask.shape, x, y) == ((1, 3), 1, 0)


def test_rounded_rectangle() -> None:
    assert picture(Roi("rectangle", box=(0, 0, 6, 5), corner=4)) == [
        ".####.",
        "######",
        "######",
        "######",
        ".####.",
    ]


def test_oval() -> None:
    assert picture(Roi("oval", box=(5, 5, 5, 4))) == [".###.", "#####", "#####", ".###."]
    assert picture(Roi("oval", box=(0, 0, 1, 1))) == ["#"]
    assert picture(Roi("oval", box=(0, 0, 2, 2))) == ["##", "##"]


def test_polygon_edges_on_pixel_centres() -> None:
    """A pixel is inside when its centre is; on an edge, the right and lower one counts as in."""
    right = [[(0, 0), (4, 0), (0, 4)], [(0, 0), (4, 4), (0, 4)]]
    assert picture(Roi("polygon", points=points(*right[0]))) == ["####", "###.", "##..", "#..."]
    assert picture(Roi("polygon", points=points(*right[1]))) == ["#...", "##..", "###.", "####"]
    left = [(4, 0), (4, 4), (0, 4)]
    assert picture(Roi("polygon", points=points(*left))) == ["..#", ".##", "###"]


def test_traced_outline_with_a_crossing() -> None:
    """Where an outline crosses itself the pixels enclosed twice are outside."""
    star = points((0, 0), (4, 0), (4, 4), (1, 4), (1, 1), (3, 1), (3, 3), (0, 3))
    assert picture(Roi("traced", points=star)) == ["####", "#..#", "#..#", ".###"]


def test_subpixel_polygon() -> None:
    shifted = points((0.5, 0.5), (3.5, 0.5), (3.5, 2.5), (0.5, 2.5))
    mask, x, y = rois.mask(Roi("polygon", points=shifted, subpixel=True))
    # centres on the left edge are out, on the right edge in; the upper is out, the lower in
    assert (mask.shape, x, y) == ((2, 3), 1, 1)
    assert mask.all()


def test_ellipse_and_rotated_rectangle() -> None:
    ellipse = Roi("ellipse", params=(0.0, 2.5, 7.0, 2.5, 0.5))
    assert picture(ellipse) == [".#####.", "#######", ".#####."]
    upright = Roi("rotated rectangle", params=(2.0, 1.0, 2.0, 5.0, 4.0))
    mask, x, y = rois.mask(upright)
    assert (mask.shape, mask.all(), x, y) == ((4, 4), True, 0, 1)


def test_composite_with_a_hole_and_a_second_piece() -> None:
    ring = [0, 0, 0, 1, 4, 0, 1, 4, 4, 1, 0, 4, 4, 0, 1, 1, 1, 3, 1, 1, 3, 3, 1, 1, 3, 4]
    piece = [0, 5, 0, 1, 6, 0, 1, 6, 1, 1, 5, 1, 4]
    roi = Roi("composite", path=np.array(ring + piece, np.float32))
    assert picture(roi) == ["####.#", "#..#..", "#..#..", "####.."]


def test_composite_of_curves() -> None:
    """A circle of four cubic curves holds the pixels whose centres are in the circle."""
    k, r, c = 0.5522847498, 10.0, 12.3
    circle = [0, c + r, c]
    for (ax, ay), (bx, by) in (((1, 0), (0, 1)), ((0, 1), (-1, 0)), ((-1, 0), (0, -1))):
        circle += [3, c + r * (ax + k * bx), c + r * (ay + k * by)]
        circle += [c + r * (bx + k * ax), c + r * (by + k * ay), c + r * bx, c + r * by]
    circle += [3, c + r * k, c - r, c + r, c - r * k, c + r, c, 4]
    mask, x0, y0 = rois.mask(Roi("composite", path=np.array(circle, np.float32)))
    y, x = np.indices(mask.shape)
    distance = np.hypot(x + x0 + 0.5 - c, y + y0 + 0.5 - c)
    assert mask[distance < r - 0.02].all()
    assert not mask[distance > r + 0.02].any()


def test_spline_bulges_beyond_its_polygon() -> None:
    square = points((0, 0), (20, 0), (20, 20), (0, 20))
    plain, _, _ = rois.mask(Roi("polygon", points=square))
    curve, x, y = rois.mask(Roi("polygon", points=square, spline=True))
    assert plain.sum() == 400
    assert curve.sum() > 500
    assert max(x, y) < 0


def test_lines_have_pixels_only_when_asked() -> None:
    line = Roi("line", params=(1.0, 2.0, 6.0, 2.0), stroke_width=2.0)
    assert rois.mask(line)[0].size == 0
    assert picture(line, lines_as_areas=True) == ["#####", "#####"]
    bent = Roi("polyline", points=points((1, 1), (6, 1), (6, 5)), stroke_width=1.0)
    assert picture(bent, lines_as_areas=True) == [
        "######",
        ".....#",
        ".....#",
        ".....#",
        ".....#",
    ]


@pytest.mark.parametrize("kind", ["point", "text", "image"])
def test_kinds_without_pixels(kind: str) -> None:
    roi = Roi(kind, box=(0, 0, 5, 5), points=points((1, 1)) if kind == "point" else None)
    assert rois.mask(roi, lines_as_areas=True)[0].size == 0


def test_degenerate_outlines_are_empty() -> None:
    for shape in (((0, 0),), ((0, 0), (5, 5)), ((0, 0), (5, 0), (2, 0)), ((3, 0), (3, 9))):
        assert not rois.mask(Roi("polygon", points=points(*shape)))[0].any()
    assert not rois.mask(Roi("rotated rectangle", params=(1.0, 1.0, 1.0, 1.0, 5.0)))[0].any()
    assert not rois.mask(Roi("composite", path=np.zeros(0, np.float32)))[0].any()


def test_many_at_once_are_as_one_by_one() -> None:
    """All kinds together, and each alone, give the same pixels; also within an image's lines."""
    random = np.random.default_rng(3)
    some: list[Roi] = []
    for i in range(60):
        corners = random.uniform(-20, 60, (random.integers(3, 30), 2))
        box = (*(float(v) for v in random.integers(-20, 60, 2)), 31.0, 17.0)
        some += [
            Roi("polygon", points=corners.astype(np.float32), subpixel=True),
            Roi("traced", points=corners.astype(np.int32)),
            Roi("oval", box=box),
            Roi("rectangle", box=box, corner=i % 3 * 5),
            Roi("ellipse", params=(*corners[0], *corners[1], 0.4)),
            Roi("composite", path=np.insert(corners, 0, 1, axis=1).ravel().astype(np.float32)),
        ]
        some[-1].path[0] = 0
    for height in (None, 40):
        together = fill(some, height)
        for i, roi in enumerate(some):
            alone, mine = fill([roi], height), together.owner == i
            for name in ("y", "x1", "x2"):
                np.testing.assert_array_equal(getattr(together, name)[mine], getattr(alone, name))
    whole, cut = fill(some), fill(some, 40)
    assert whole.clip(40, 10**6).lengths.sum() == cut.clip(40, 10**6).lengths.sum()


def test_an_outline_made_to_fill_the_memory() -> None:
    zigzag = np.zeros((60000, 2), np.int32)
    zigzag[::2, 1] = 60000
    zigzag[:, 0] = np.arange(60000)
    with pytest.raises(UserError, match="too large to fill"):
        fill([Roi("polygon", points=zigzag)], 50000)
    assert fill([Roi("polygon", points=zigzag)], 10).y.max() < 10
    with pytest.raises(UserError, match="too large"):
        rois.mask(Roi("rectangle", "huge", box=(0, 0, 200_000, 200_000)))
