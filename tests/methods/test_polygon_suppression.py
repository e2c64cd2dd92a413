import numpy as np
import pytest
from star_shapes import one_thread, smooth

from imagej_dl.methods.shared import polygon_overlap
from imagej_dl.methods.shared.polygon_overlap import Suppressor, areas, vertices
from imagej_dl.methods.shared.polygon_suppression import survivors

nms = pytest.importorskip("stardist.nms")


def candidates(output, threshold=0.55):
    inside = np.zeros(output.shape[:2], bool)
    inside[2:-2, 2:-2] = True
    inside &= output[..., 0] > threshold
    found = output[inside]
    return np.argwhere(inside), np.maximum(found[:, 1:], np.float32(1e-3)), found[:, 0]


def of_stardist(points, distances, probabilities, threshold):
    order = np.argsort(probabilities, kind="stable")[::-1]
    given = distances[order], points[order], probabilities[order]
    with one_thread():
        stays = nms.non_maximum_suppression_inds(*given, thresh=threshold, verbose=0)
    return order[stays]


@pytest.mark.slow
@pytest.mark.parametrize("rays", [3, 8, 32])
@pytest.mark.parametrize(("radius", "rough"), [(2, 2), (8, 1.5), (9, 4)])
def test_the_same_stay_as_in_stardist(rays, radius, rough):
    output = smooth(rays, (36, 40), rays, radius, rough)
    given = candidates(output)
    for threshold in (0.0, 0.4):
        expected = of_stardist(*given, threshold)
        np.testing.assert_array_equal(survivors(*given, threshold), expected)
        assert 0 < len(expected) < len(given[0])


def test_a_huge_polygon_among_small_ones_makes_no_difference():
    points, distances, probabilities = candidates(smooth(1, (44, 48), radius=4))
    distances[len(points) // 2] = 300
    given = points, distances, probabilities
    np.testing.assert_array_equal(survivors(*given, 0.4), of_stardist(*given, 0.4))


def test_all_that_has_no_area_stays():
    output = smooth(2, (30, 30), radius=0, rough=0)
    given = candidates(output)
    expected = of_stardist(*given, 0.4)
    np.testing.assert_array_equal(survivors(*given, 0.4), expected)
    assert len(expected) == len(given[0])


def test_of_the_same_probability_the_later_comes_first():
    points = np.array([[10, 10], [10, 12], [40, 40], [40, 41]])
    distances = np.full((4, 32), 6, np.float32)
    assert survivors(points, distances, np.full(4, 0.5, np.float32), 0.4).tolist() == [3, 1]


def test_nothing_is_left_of_nothing():
    none = survivors(np.zeros((0, 2), int), np.zeros((0, 32), np.float32), np.zeros(0), 0.4)
    assert none.size == 0


@pytest.mark.parametrize("rays", [5, 16, 32, 64])
def test_estimates_are_never_far_from_what_clipper_says(rays):
    """Clipper is asked where they are within 0.6 · sides + 1 of the threshold."""
    rng = np.random.default_rng(rays)
    for radius, stretch in ((2, 1), (5, 3), (15, 1), (15, 5)):
        angles = np.arange(rays) * 2 * np.pi / rays - rng.uniform(0, np.pi, (60, 1))
        shape = 1 / np.hypot(np.cos(angles) / stretch, np.sin(angles))
        distances = (radius * shape * rng.uniform(0.8, 1.2, shape.shape)).astype(np.float32)
        points = rng.integers(100, 100 + 2 * radius, (60, 2))
        polygons = vertices(points, distances)
        sizes = areas(polygons)
        for number in range(0, 60, 15):
            one = Suppressor(polygons[number], sizes[number])
            estimated = one._estimated(polygons)
            clipped = np.array([one._clipped(other) for other in polygons])
            sides = np.ptp(polygons, axis=1).sum(axis=1)
            most = 0.4 * np.minimum(sides, sides[number]) + 0.5
            assert np.all(np.abs(estimated - clipped) <= most)


def test_polygons_too_large_for_a_table_are_all_given_to_clipper(monkeypatch):
    given = candidates(smooth(3, (40, 40), radius=9))
    usual = survivors(*given, 0.4)
    monkeypatch.setattr(polygon_overlap, "_LARGEST", 20)
    np.testing.assert_array_equal(survivors(*given, 0.4), usual)
