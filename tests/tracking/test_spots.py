"""Spots are those of TrackMate 8's label image detector."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.geometry import contours as outlines
from imagej_dl.geometry.corners import scan
from imagej_dl.tracking import ellipses

MOVIES = ("movie", "movie-dense")


@pytest.mark.parametrize("movie", MOVIES)
def test_spots_equal_trackmate(shared_data, movie):
    golden = pd.read_csv(shared_data / "trackmate-8-goldens" / movie / "spots.csv")
    spots, contours = tracking.find_spots(images.read(shared_data / movie / "detections.tif"))
    assert len(spots) == len(contours) == len(golden)
    for key, name in {"POSITION_X": "x", "POSITION_Y": "y"}.items():
        np.testing.assert_allclose(spots[name], golden[key], rtol=0, atol=1e-6)
    for key in ("FRAME", "RADIUS", "QUALITY", "AREA", "PERIMETER", "CIRCULARITY"):
        np.testing.assert_allclose(spots[key.lower()], golden[key], rtol=0, atol=1e-6)


@pytest.mark.parametrize("movie", MOVIES)
def test_contours_and_shapes_equal_trackmate(shared_data, movie):
    golden = tracking.read_trackmate(shared_data / "trackmate-8-goldens" / movie / "lap_all.xml")
    labels = images.read(shared_data / movie / "detections.tif")
    # The goldens' intensities were measured on the labels, at ImageJ's pixel size.
    size = 1 / (1 / 0.65)
    labels.attrs |= {"pixel_width": size, "pixel_height": size}
    spots, contours = tracking.find_spots(labels, labels)
    for ours, theirs in zip(contours, golden.contours, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
    shared = set(spots) & set(golden.spots) - {"id", "label", "pixel", "ellipse_theta"}
    assert {"solidity", "ellipse_major", "mean_intensity_ch1", "snr_ch1"} <= shared
    for name in shared - {name for name in shared if name.endswith("_ch1")}:
        np.testing.assert_allclose(spots[name], golden.spots[name], rtol=1e-6, atol=1e-9)
    turned = np.sin(spots["ellipse_theta"] - golden.spots["ellipse_theta"])
    np.testing.assert_allclose(turned, 0, atol=1e-6)
    np.testing.assert_array_equal(spots["median_intensity_ch1"], spots["label"])


def test_measures_the_movie(shared_data):
    labels = images.read(shared_data / "movie" / "detections.tif")
    image = images.read(shared_data / "movie" / "movie.tif")
    spots, _ = tracking.find_spots(labels, image)
    first = spots.iloc[0]
    inside = np.asarray(image)[0][np.asarray(labels)[0] == first["label"]]
    # The contour is the label's but for its simplified border.
    assert first["mean_intensity_ch1"] == pytest.approx(inside.mean(), rel=0.05)
    assert first["max_intensity_ch1"] == inside.max()


def test_square_by_hand():
    frame = np.zeros((1, 20, 20), np.uint16)
    frame[0, 4:12, 6:14] = 3
    labels = images.make(frame, "TYX", pixel_width=0.5, pixel_height=2.0, unit="µm")
    spots, contours = tracking.find_spots(labels)
    assert len(spots) == 1
    spot = spots.iloc[0]
    assert (spot["label"], spot["frame"], spot["quality"]) == (3, 0, 64)
    assert spot["x"] == pytest.approx((6 + 14 - 1) / 2 * 0.5)
    assert spot["y"] == pytest.approx((4 + 12 - 1) / 2 * 2.0)
    assert spot["area"] == pytest.approx(64 * 0.5 * 2.0)
    assert np.ptp(contours[0], axis=0).tolist() == [4.0, 16.0]


def test_the_ellipse_of_four_corners():
    """Many go through them: the smallest, not one as long as a parabola."""
    trapezoid = [[3.9, 0.63], [3.25, -0.67], [-3.25, -0.67], [-3.9, 0.63], [3.9, 0.63]]
    rectangle = [[-2, -1], [2, -1], [2, 1], [-2, 1]]
    polygons = outlines.Polygons(np.array(trapezoid + rectangle), np.array([0, 5, 9]))
    x0, y0, major, minor, theta = ellipses.fit(polygons)
    assert (major[1], minor[1]) == pytest.approx((2 * 2**0.5, 2**0.5), rel=1e-6)
    assert 3.9 < major[0] < 6
    for number, corners in enumerate((trapezoid, rectangle)):
        x, y = (np.array(corners) - [x0[number], y0[number]]).T
        turn = np.exp(-1j * theta[number])
        along = (x + 1j * y) * turn
        on = (along.real / major[number]) ** 2 + (along.imag / minor[number]) ** 2
        assert on == pytest.approx(1, abs=1e-6)


def test_one_label_in_two_pieces_makes_two_spots():
    frame = np.zeros((1, 30, 30), np.uint16)
    frame[0, 2:10, 2:10] = 7
    frame[0, 15:25, 15:25] = 7
    spots, _ = tracking.find_spots(images.make(frame, "TYX"))
    assert spots["label"].tolist() == [7, 7]


def test_specks_make_no_spot_and_are_said():
    frame = np.zeros((1, 30, 30), np.uint16)
    frame[0, 2:10, 2:10] = 1
    frame[0, 20, 20] = 2
    with pytest.warns(DataWarning, match="1 objects are too small"):
        spots, _ = tracking.find_spots(images.make(frame, "TYX"))
    assert spots["label"].tolist() == [1]


def test_no_objects():
    spots, contours = tracking.find_spots(images.make(np.zeros((3, 8, 8), np.uint16), "TYX"))
    assert len(spots) == 0
    assert contours == []
    assert {"id", "frame", "x", "area"} <= set(spots)


@pytest.mark.parametrize(
    ("shape", "axes", "words"),
    [
        ((4, 8, 8), "ZYX", "pass --axes TYX"),
        ((2, 4, 8, 8), "TZYX", "3-D movie"),
        ((2, 3, 8, 8), "TCYX", "3 channels"),
    ],
)
def test_refuses_what_is_no_2d_movie(shape, axes, words):
    with pytest.raises(UserError, match=f"(?i){words}"):
        tracking.find_spots(images.make(np.zeros(shape, np.uint16), axes))


def test_outlines_of_touching_corners():
    # Two squares joined at a corner are one outline; a hole open to a corner is cut off.
    mask = np.zeros((4, 4), bool)
    mask[:2, :2] = mask[2:, 2:] = True
    (joined,) = scan(mask)
    assert len(joined) == 8
    ring = np.ones((5, 5), bool)
    ring[1, 1] = False
    (outer,) = scan(ring)
    assert sorted(outer.tolist()) == [[0, 0], [0, 5], [5, 0], [5, 5]]


@pytest.mark.parametrize("seed", range(5))
def test_both_tracers_agree_where_nothing_touches(seed):
    """The outlines of all objects at once are those of the row by row scan."""
    from scipy import ndimage

    noise = np.random.default_rng(seed).standard_normal((1, 60, 70))
    frame = (ndimage.gaussian_filter(noise, (0, 3, 3)) > 0.02).astype(np.uint16)
    numbered = outlines.components(frame)
    polygons, _, _ = outlines.trace(numbered)
    plain = numbered[0, 1:-1, 1:-1]
    scanned = [one for number in range(plain.max()) for one in scan(plain == number + 1)]
    assert len(polygons) == len(scanned) > 5
    for number, theirs in enumerate(scanned):
        np.testing.assert_array_equal(polygons[number], theirs)
