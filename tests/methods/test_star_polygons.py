import numpy as np
import pytest
from star_shapes import ellipses, one_thread, smooth

from imagej_dl.images import memory_maps
from imagej_dl.methods.shared.star_distances import depths, star_distances
from imagej_dl.methods.shared.star_polygons import StarObjects, StarPolygons

geometry = pytest.importorskip("stardist.geometry")
nms = pytest.importorskip("stardist.nms")


def label_map(output, settings=None, rows=None, large=False):
    made = StarPolygons(output.shape[:2], output.shape[-1] - 1, settings or StarObjects(), 1, large)
    for low in range(0, len(output), rows or len(output)):
        made.add(low, output[low : low + (rows or len(output))])
    return made.finish(), made.left_out


def of_stardist(output, settings=None):
    settings = settings or StarObjects()
    with one_thread():
        points, probabilities, distances = nms.non_maximum_suppression(
            np.maximum(1e-3, output[..., 1:]),
            output[..., 0],
            prob_thresh=settings.probability_threshold,
            nms_thresh=settings.overlap_threshold,
        )
    return geometry.polygons_to_label(distances, points, output.shape[:2], prob=probabilities)


def ideal(labels, rays=32, seed=0):
    """The targets, with a little noise: a tie of probabilities is no rule to test."""
    rng = np.random.default_rng(seed)
    probability = depths(labels)
    probability = probability * rng.uniform(0.95, 1, labels.shape).astype(np.float32)
    return np.concatenate([probability[..., None], star_distances(labels, rays)], axis=-1)


@pytest.mark.parametrize("rays", [8, 32])
@pytest.mark.parametrize("seed", [0, 1])
def test_ideal_output_gives_the_label_map_of_stardist(rays, seed):
    labels = ellipses(seed)
    output = ideal(labels, rays)
    found, _ = label_map(output)
    np.testing.assert_array_equal(found, of_stardist(output))
    # Those that the edge leaves 2 px of, and parts that overlap, may be lost.
    assert len(np.unique(labels)) - 6 <= len(np.unique(found)) <= len(np.unique(labels)) + 6
    assert found[61, 61] > 0  # the single pixel
    assert np.count_nonzero(found == found[61, 61]) <= 5
    assert found[24, 24] != found[24, 12]  # one within another


@pytest.mark.parametrize("rays", [5, 32])
@pytest.mark.parametrize(("radius", "rough"), [(3, 1), (7, 1.5), (8, 4)])
def test_any_output_gives_the_label_map_of_stardist(rays, radius, rough):
    output = smooth(7, (52, 60), rays, radius, rough)
    settings = StarObjects(probability_threshold=0.55, overlap_threshold=0.3)
    found, _ = label_map(output, settings)
    expected = of_stardist(output, settings)
    kept, numbered = np.unique(expected, return_inverse=True)
    # A polygon that more probable ones cover has no pixel; ids here have no gaps.
    np.testing.assert_array_equal(found, numbered.reshape(found.shape))
    assert len(kept) > 5


def test_nothing_probable_is_nothing_found():
    output = smooth(0, (20, 20))
    output[..., 0] *= 0.4
    for large in (False, True):
        found, left_out = label_map(output, large=large)
        assert found.shape == (20, 20)
        assert not found.any()
        assert left_out == 0
    assert not label_map(smooth(0, (4, 9)))[0].any()  # all of it is edge


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 3, 17, 64])
def test_a_plane_in_parts_gives_the_same(rows, monkeypatch):
    output = smooth(5, (64, 50), radius=6)
    whole, _ = label_map(output)
    monkeypatch.setattr(memory_maps, "_AT_ONCE", 50 * 9 * 4)  # bytes: nine rows of ids
    parts, _ = label_map(output, rows=rows, large=True)
    np.testing.assert_array_equal(parts, whole)
    assert parts.dtype == whole.dtype == np.uint16


def test_small_objects_and_those_at_the_edge_are_left_out():
    output = ideal(ellipses(1))
    every, _ = label_map(output)
    sizes = np.bincount(every.ravel())[1:]
    found, left_out = label_map(output, StarObjects(minimum_area=60))
    assert left_out == np.count_nonzero(sizes < 60) > 0
    np.testing.assert_array_equal(found > 0, np.isin(every, 1 + np.flatnonzero(sizes >= 60)))
    assert np.unique(found).tolist() == list(range(np.count_nonzero(sizes >= 60) + 1))
    edge = np.unique(np.concatenate([every[0], every[-1], every[:, 0], every[:, -1]]))
    found, left_out = label_map(output, StarObjects(drop_edge=True))
    np.testing.assert_array_equal(found > 0, (every > 0) & ~np.isin(every, edge))
    assert left_out == 0
    assert len(edge) > 1


def test_output_that_is_no_number_is_no_object():
    output = ideal(ellipses(0))
    expected, _ = label_map(np.where(np.arange(96)[:, None, None] < 40, 0, output))
    for wrong in (np.nan, np.inf, 1e30):
        broken = output.copy()
        broken[:40, :, 1:] = wrong
        np.testing.assert_array_equal(label_map(broken)[0], expected)
    broken = output.copy()
    broken[:40, :, 0] = np.nan
    np.testing.assert_array_equal(label_map(broken)[0], expected)
