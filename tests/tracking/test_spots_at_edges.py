"""Spots of thin objects, and of objects at the edges of the image, are those of TrackMate.

The values of simplified contours were computed by TrackMate's `MaskUtils.simplify` (version 8) with
ImageJ 1.54p, and its `SpotRoi`. At the top and left edge they may be 1 px off: see
:mod:`imagej_dl.geometry.simplify`.
"""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import DataWarning
from imagej_dl.tracking import spots

SIDE = 9


def places(height: int, width: int) -> dict[str, tuple[int, int]]:
    """The first row and column of an object in the middle, and at each edge."""
    row, column = (SIDE - height) // 2, (SIDE - width) // 2
    return {
        "middle": (row, column),
        "top": (0, column),
        "left": (row, 0),
        "bottom": (SIDE - height, column),
        "right": (row, SIDE - width),
    }


def frame(size: tuple[int, int], place: str) -> np.ndarray:
    (height, width), (row, column) = size, places(*size)[place]
    array = np.zeros((1, SIDE, SIDE), np.uint16)
    array[0, row : row + height, column : column + width] = 1
    return array


OF_TRACKMATE = {
    # size: quality in px, and x and y of the spot less the first column and row of the object
    (1, 5): (2, {"middle": (2.5, 0), "top": (2.5, -1)}),
    (5, 1): (3, {"middle": (1 / 18, 53 / 18), "left": (-17 / 18, 53 / 18)}),
    (3, 3): (6, {"middle": (1 + 11 / 78, 1 + 17 / 78)}),
    (6, 6): (36, {"middle": (2.5, 2.5), "left": (1.5, 2.5)}),
}


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (3, 3), (6, 6)])
@pytest.mark.parametrize("place", ["middle", "top", "left", "bottom", "right"])
def test_contours_along_the_pixels_are_exact(size: tuple[int, int], place: str) -> None:
    found, contours = spots.find(images.make(frame(size, place), "TYX"), simple=False)
    (height, width), (row, column) = size, places(*size)[place]
    assert found[["x", "y", "area", "quality"]].to_numpy().tolist() == [
        pytest.approx([column + (width - 1) / 2, row + (height - 1) / 2, *[height * width] * 2])
    ]
    assert np.ptp(contours[0], axis=0).tolist() == [width, height]


@pytest.mark.parametrize("size", OF_TRACKMATE)
@pytest.mark.parametrize("place", ["middle", "top", "left", "bottom", "right"])
def test_simplified_contours_are_those_of_trackmate(size: tuple[int, int], place: str) -> None:
    quality, known = OF_TRACKMATE[size]
    row, column = places(*size)[place]
    x, y = known.get(place, known["middle"])
    found, _ = spots.find(images.make(frame(size, place), "TYX"))
    expected = pytest.approx([column + x, row + y, quality])
    assert found[["x", "y", "quality"]].to_numpy().tolist() == [expected]


@pytest.mark.parametrize("place", ["middle", "top", "left", "bottom", "right"])
def test_one_pixel_has_no_simplified_contour(place: str) -> None:
    with pytest.warns(DataWarning, match="1 objects are too small for a contour"):
        found, _ = tracking.find_spots(images.make(frame((1, 1), place), "TYX"))
    assert not len(found)
