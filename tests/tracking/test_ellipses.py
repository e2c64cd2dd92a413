"""Ellipses fitted to contours: those of TrackMate, and none that is not one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, tracking
from imagej_dl.geometry.contours import Polygons
from imagej_dl.tracking import ellipses, features


def _fit(*contours: list[tuple[float, float]]) -> np.ndarray:
    """Return one row for each contour: x0, y0, long and short half axis, angle."""
    points = np.concatenate([np.array(contour, float) for contour in contours])
    offsets = np.cumsum([0, *map(len, contours)])
    return np.stack(ellipses.fit(Polygons(points, offsets)), axis=1)


def test_three_corners_have_the_smallest_ellipse_through_them() -> None:
    corners = [(0.0, 0.0), (4.0, 0.0), (0.0, 2.0)]
    opened, closed = _fit(corners, [*corners, corners[0]])
    assert opened == pytest.approx(closed)
    x0, y0, major, minor, theta = opened
    assert (x0, y0) == pytest.approx((4 / 3, 2 / 3))
    assert major > minor > 0
    # Steiner's: its area is 4 pi / (3 sqrt 3) times the triangle's.
    assert np.pi * major * minor == pytest.approx(4 * np.pi / 3**1.5 * 4)
    for x, y in corners:
        along = (x - x0) * np.cos(theta) + (y - y0) * np.sin(theta)
        across = (y - y0) * np.cos(theta) - (x - x0) * np.sin(theta)
        assert (along / major) ** 2 + (across / minor) ** 2 == pytest.approx(1)


def test_corners_in_a_row_have_no_ellipse() -> None:
    found = _fit([(0, 0), (1, 1), (2, 2)], [(0, 0), (1, 0)], [(0, 0), (1, 0), (2, 0), (3, 0)])
    assert np.isnan(found).all()


def test_no_axis_is_negative_and_each_line_has_one_angle() -> None:
    rng = np.random.default_rng(7)
    contours = [list(map(tuple, rng.normal(size=(n, 2)))) for n in rng.integers(2, 9, 500)]
    contours = [[(x, y) for x, y in contour] for contour in contours]
    _, _, major, minor, theta = _fit(*contours).T
    known = ~np.isnan(major)
    assert known.mean() > 0.6
    assert (minor[known] > 0).all()
    assert (major[known] >= minor[known]).all()
    assert (np.abs(theta[known]) <= np.pi / 2).all()


@pytest.mark.parametrize("movie", ["movie", "movie-dense"])
def test_the_angle_is_the_line_of_trackmates(shared_data: Path, movie: str) -> None:
    golden = shared_data / "trackmate-8-goldens" / movie / "lap_all.xml"
    if not golden.is_file():
        pytest.skip("needs TrackMate's own results in ../shared/data")
    labels = images.read_labels(shared_data / movie / "detections.tif")
    ours = tracking.track(labels, engine="embedded")
    theirs = tracking.read_trackmate(golden).spots["ellipse_theta"].to_numpy(float)
    angles = features.of_spots(ours)[1]["ELLIPSE_THETA"].to_numpy(float)
    turns = (angles - theirs) / np.pi
    assert len(turns) > 700
    assert np.abs(turns - np.round(turns)).max() < 1e-6
    assert ((angles > -np.pi / 2) & (angles <= np.pi / 2)).all()
