"""The objects of embeddings found block by block are those of the whole plane."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from embedded import discs, ideal, uncertain

from imagej_dl.errors import DataWarning
from imagej_dl.methods.shared.embedding_blocks import ClusterBlocks
from imagej_dl.methods.shared.embedding_clusters import Clusters, clustered

LENGTH = 10.0


def by_blocks(output, settings, block=64, wide=1024, rows=50):
    made = ClusterBlocks(output.shape[:2], settings, LENGTH, block, wide)
    for low in range(0, len(output), rows):
        made.add(low, output[low : low + rows])
    return made.finish(), made.left_out


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"seed_threshold": 0.5, "minimum_area": 30, "drop_edge": True},
        {"foreground_threshold": 0.3, "fill_holes": False, "refinement": 1},
        {"refinement": 0, "reach": 1},
    ],
)
def test_the_same_as_of_the_whole_plane(more):
    settings = Clusters(**more)
    for seed in range(2):
        output = uncertain(seed, (170, 190))
        expected, small = clustered(output, settings, LENGTH)
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataWarning)
            found, left_out = by_blocks(output, settings)
        assert expected.max() > 80
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        assert left_out == small


def test_objects_with_far_centres_are_the_same():
    labels = discs(2, (220, 200), 40, (3, 40))
    output = ideal(labels)
    expected, _ = clustered(output, Clusters(), LENGTH)
    np.testing.assert_array_equal(by_blocks(output, Clusters(), block=48)[0], expected)


def test_seeds_of_the_same_score_are_taken_in_the_same_order():
    output = uncertain(5, (150, 130))
    output[..., 4] = np.round(output[..., 4], 1)
    expected, _ = clustered(output, Clusters(), LENGTH)
    np.testing.assert_array_equal(by_blocks(output, Clusters())[0], expected)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_plane_without_seeds_or_of_seeds_alone(value):
    output = np.zeros((90, 120, 5), np.float32)
    output[..., 4] = value
    expected, _ = clustered(output, Clusters(), LENGTH)
    np.testing.assert_array_equal(by_blocks(output, Clusters())[0], expected)


def test_what_depends_on_more_than_a_window_is_found_as_it_is_seen():
    # The score falls along the plane, so that each object depends on the one before it.
    output = np.zeros((14, 500, 5), np.float32)
    output[..., 2:4] = np.log(0.4)
    output[..., 4] = np.linspace(0.99, 0.75, 500)
    plain = Clusters(refinement=0, reach=1)
    expected, _ = clustered(output, plain, LENGTH)
    with pytest.warns(DataWarning, match="more than 64 px"):
        found, _ = by_blocks(output, plain, block=80, wide=64)
    assert found.max() == pytest.approx(expected.max(), rel=0.3)
    np.testing.assert_array_equal(by_blocks(output, plain, block=80)[0], expected)
