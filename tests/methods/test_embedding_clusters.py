"""Pixels that point to the same place become objects."""

from __future__ import annotations

import numpy as np
import pytest
from embedded import discs, ideal, uncertain
from scipy import ndimage as ndi

from imagej_dl.methods.shared.embedding_clusters import Clusters, clustered

LENGTH = 10.0
PLAIN = Clusters(fill_holes=False, refinement=0, reach=1)


def defined(output, settings, length=LENGTH):
    """The clustering with all pixels at a time: for PLAIN as Neven et al. and Lalit et al. say."""
    score = output[..., 4]
    grid = np.stack(np.indices(score.shape), -1)
    embedding = grid + length * output[..., :2].astype(np.float64)
    sigma = length * np.exp(output[..., 2:4].astype(np.float64))
    takes_part = score > np.float32(settings.foreground_threshold)
    free = takes_part.copy()
    labels = np.zeros(score.shape, int)
    gaussians = []

    def gaussian(centre, wide):
        return np.exp(-np.square((embedding - centre) / wide).sum(-1) / 2)

    while free.any():
        seed = np.unravel_index(np.argmax(np.where(free, score, -1)), score.shape)
        if score[seed] < np.float32(settings.seed_threshold):
            break
        free[seed] = False
        centre, wide = embedding[seed], sigma[seed]
        proposal = takes_part & (gaussian(centre, wide) > 0.5)
        half = np.sqrt(2 * np.log(2)) * wide
        for _ in range(settings.refinement):
            mean = embedding[proposal].mean(0)
            centre = np.clip(mean, embedding[seed] - half, embedding[seed] + half)
            wide = np.exp(np.log(sigma[proposal]).mean(0))
            proposal = takes_part & (gaussian(centre, wide) > 0.5)
        new = proposal & (labels == 0) & (free | (grid == seed).all(-1))
        if new.sum() > proposal.sum() / 2:
            gaussians.append((centre, wide))
            labels[new] = len(gaussians)
        free &= ~proposal
    left = takes_part & (labels == 0)
    if gaussians and settings.reach > 1:
        all_of_them = np.stack([gaussian(*one) for one in gaussians])
        near = all_of_them.max(0) > 0.5 ** (settings.reach**2)
        labels = np.where(left & near, 1 + all_of_them.argmax(0), labels)
    return labels


def tidied(labels, minimum_area=0):
    """Keep the largest 4-connected piece of each object; number them by their first pixels."""
    names, first = np.unique(labels, return_index=True)
    result, number = np.zeros(labels.shape, int), 0
    for name in names[np.argsort(first)]:
        pieces, count = ndi.label(labels == name)
        if name == 0 or not count:
            continue
        piece = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
        if piece.sum() >= minimum_area:
            number += 1
            result[piece] = number
    return result


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"seed_threshold": 0.9},
        {"seed_threshold": 0.3, "foreground_threshold": 0.4},
        {"foreground_threshold": 0.7},
        {"minimum_area": 12},
    ],
)
def test_the_same_as_defined(more):
    settings = PLAIN.model_copy(update=more)
    for seed in range(2):
        output = uncertain(seed, (80, 90))
        found, small = clustered(output, settings, LENGTH)
        proposed = defined(output, settings)
        expected = tidied(proposed, settings.minimum_area)
        np.testing.assert_array_equal(found, expected)
        assert expected.max() > 15
        assert small == tidied(proposed).max() - expected.max()


@pytest.mark.parametrize("more", [{"refinement": 1}, {"reach": 2}, {"refinement": 4, "reach": 1.5}])
def test_the_same_as_defined_beyond_the_papers(more):
    settings = PLAIN.model_copy(update=more)
    for seed in range(2):
        output = uncertain(seed, (70, 80))
        found, _ = clustered(output, settings, LENGTH)
        expected = tidied(defined(output, settings))
        np.testing.assert_array_equal(found, expected)
        assert expected.max() > 10


def test_seeds_of_the_same_score_are_taken_row_by_row():
    output = uncertain(3, (60, 60))
    output[..., 4] = np.round(output[..., 4], 1)
    found, _ = clustered(output, PLAIN, LENGTH)
    np.testing.assert_array_equal(found, tidied(defined(output, PLAIN)))


def test_objects_that_touch_at_the_border_and_of_one_pixel_are_found():
    labels = discs(1, count=12)
    labels[60:, 60:] = 0
    labels[62, 62] = 30
    labels[0, 0] = 31
    found, small = clustered(ideal(labels), Clusters(fill_holes=False), LENGTH)
    np.testing.assert_array_equal(found, tidied(labels))
    assert small == 0


def test_an_object_within_another_stays_one():
    labels = np.zeros((40, 40), np.uint16)
    y, x = np.indices(labels.shape)
    away = np.hypot(y - 20, x - 20)
    labels[away < 15] = 1
    labels[away < 8] = 0
    labels[away < 5] = 2
    kept, _ = clustered(ideal(labels), Clusters(fill_holes=False), LENGTH)
    np.testing.assert_array_equal(kept, labels)
    filled, _ = clustered(ideal(labels), Clusters(), LENGTH)
    np.testing.assert_array_equal(filled > 0, away < 15)
    np.testing.assert_array_equal(filled == 2, labels == 2)


def test_small_objects_and_those_at_the_edge_are_dropped():
    labels = np.zeros((30, 30), np.uint16)
    labels[0:6, 3:9], labels[12:20, 12:20], labels[25, 25] = 1, 2, 3
    settings = Clusters(minimum_area=2, drop_edge=True)
    found, small = clustered(ideal(labels), settings, LENGTH)
    np.testing.assert_array_equal(found, labels == 2)
    assert small == 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_plane_without_seeds_or_of_seeds_alone(value):
    output = np.zeros((20, 30, 5), np.float32)
    output[..., 4] = value
    found, small = clustered(output, PLAIN, LENGTH)
    assert found.shape == (20, 30)
    assert found.dtype == np.uint16
    assert (found.max() > 0) == bool(value)
    assert small == 0
    np.testing.assert_array_equal(found, tidied(defined(output, PLAIN)))


def test_offsets_and_sigmas_beyond_all_measure_are_limited():
    output = np.zeros((12, 12, 5), np.float32)
    output[..., :4] = [1e30, -np.inf, 1e30, -1e30]
    output[..., 4] = 1
    found, _ = clustered(output, PLAIN, LENGTH)
    # Each row points to one place, whatever the row: sigma is large along y and small along x.
    assert found.max() == 12
    assert (found == found[0]).all()
