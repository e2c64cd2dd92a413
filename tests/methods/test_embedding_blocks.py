"""The objects of embeddings found block by block are those of the whole plane."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from embedded import discs, ideal, uncertain

from imagej_dl.errors import DataWarning
from imagej_dl.methods.embeddings import Embeddings
from imagej_dl.methods.shared.embedding_blocks import ClusterBlocks
from imagej_dl.methods.shared.embedding_clusters import UNKNOWN, Clusters, clustered, clusters

LENGTH = 4.0


@pytest.fixture(autouse=True)
def close(monkeypatch):
    """Let windows be as small as they may be, so that some have to be widened."""
    monkeypatch.setattr("imagej_dl.methods.shared.embedding_blocks._MARGIN", 0)


def by_blocks(output, settings, block=40, wide=1024, rows=50):
    made = ClusterBlocks(output.shape[:2], settings, LENGTH, block, wide)
    for low in range(0, len(output), rows):
        made.add(low, output[low : low + rows])
    return made.finish(), made.left_out


@pytest.mark.slow
@pytest.mark.thorough(except_for=["more0"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"seed_threshold": 0.5, "minimum_area": 15, "drop_edge": True},
        {"foreground_threshold": 0.3, "fill_holes": False, "refinement": 1},
        {"refinement": 0, "reach": 1},
    ],
)
def test_the_same_as_of_the_whole_plane(more):
    settings = Clusters(**more)
    output = uncertain(1, (130, 150), scale=3)
    expected, small = clustered(output, settings, LENGTH)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        found, left_out = by_blocks(output, settings)
    assert expected.max() > 100
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert left_out == small


def test_windows_are_smaller_than_the_plane_and_widened_where_needed(monkeypatch):
    seen = []

    def watched(points, settings, state=None):
        seen.append((len(points.place), np.count_nonzero(state == UNKNOWN)))
        return clusters(points, settings, state)

    monkeypatch.setattr("imagej_dl.methods.shared.embedding_blocks.clusters", watched)
    output = uncertain(1, (130, 150), scale=3)
    by_blocks(output, Clusters(refinement=0))
    most = np.count_nonzero(output[..., 4] > Clusters().foreground_threshold)
    assert len(seen) > 4 * 4
    assert min(number for number, _ in seen) < most / 3
    assert all(unknown for number, unknown in seen if number < most)


@pytest.mark.slow
def test_objects_with_far_centres_are_the_same():
    labels = discs(2, (160, 170), 30, (3, 30))
    output = ideal(labels, Embeddings(length=LENGTH))
    expected, _ = clustered(output, Clusters(), LENGTH)
    np.testing.assert_array_equal(by_blocks(output, Clusters(), block=48)[0], expected)


@pytest.mark.slow
def test_seeds_of_the_same_score_are_taken_in_the_same_order():
    output = uncertain(5, (100, 90), scale=3)
    output[..., 4] = np.round(output[..., 4], 1)
    expected, _ = clustered(output, Clusters(), LENGTH)
    np.testing.assert_array_equal(by_blocks(output, Clusters())[0], expected)


@pytest.mark.slow
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_plane_without_seeds_or_of_seeds_alone(value):
    output = np.zeros((50, 60, 5), np.float32)
    output[..., 4] = value
    expected, _ = clustered(output, Clusters(), LENGTH)
    np.testing.assert_array_equal(by_blocks(output, Clusters())[0], expected)


@pytest.mark.slow
def test_what_depends_on_more_than_a_window_is_found_as_it_is_seen():
    # The score falls along the plane, so that each object depends on the one before it.
    output = np.zeros((14, 360, 5), np.float32)
    output[..., 2:4] = np.log(0.4)
    output[..., 4] = np.linspace(0.99, 0.75, 360)
    plain = Clusters(refinement=0, reach=1)
    expected, _ = clustered(output, plain, LENGTH)
    with pytest.warns(DataWarning, match="more than 64 px"):
        found, _ = by_blocks(output, plain, block=80, wide=64)
    assert found.max() == pytest.approx(expected.max(), rel=0.3)
    np.testing.assert_array_equal(by_blocks(output, plain, block=80)[0], expected)
