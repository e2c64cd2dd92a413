"""Hills by merged basins are those of the h-maxima by morphological reconstruction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from imagej_dl.methods.shared.h_maxima_watershed import h_maxima_watershed


def reconstructed(surface, region, height):
    low = surface.min() - 1
    ground = np.where(region, surface, low)
    lowered = reconstruction(ground - height, ground)
    tops = local_maxima(np.pad(lowered, 1, constant_values=low - height - 1))[1:-1, 1:-1]
    markers, _ = ndi.label(tops.astype(bool) & region, np.ones((3, 3)))
    return watershed(-ground, markers, connectivity=2, mask=region)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("height", [0.05, 0.3, 1.0])
def test_the_same_hills_as_by_reconstruction(seed, height):
    rng = np.random.default_rng(seed)
    surface = ndi.gaussian_filter(rng.normal(size=(90, 120)), 3)
    surface /= surface.std()
    region = surface > np.quantile(surface, 0.2)
    # Hills that stand alone are kept however low they are: only parts of one piece compare.
    pieces, _ = ndi.label(region)
    region = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    expected, found = (
        reconstructed(surface, region, height),
        h_maxima_watershed(surface, region, height),
    )
    pairs, sizes = np.unique(
        np.stack([expected[region], found[region]]), axis=1, return_counts=True
    )
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) > 1
    # One to one but for pixels as far from one as from the other.
    largest = sum(sizes[pairs[0] == label].max() for label in np.unique(pairs[0]))
    assert largest >= 0.97 * region.sum()


def test_a_hill_must_rise_its_height_above_the_pass():
    surface = np.array([[0.0, 5.0, 3.0, 4.0, 1.0, 6.0, 0.0]])
    region = np.ones(surface.shape, bool)
    count = lambda height: len(np.unique(h_maxima_watershed(surface, region, height)))  # noqa: E731
    assert [count(h) for h in (0.5, 1.0, 1.01, 4.0, 4.01)] == [3, 3, 2, 2, 1]


def test_hills_that_meet_where_they_are_joined_are_one():
    surface = np.array([[0.0, 5.0, 3.0, 4.0, 1.0, 6.0, 0.0]])
    region = np.ones(surface.shape, bool)

    def hills(*joined):
        where = np.isin(np.arange(7), joined)[None]
        found = h_maxima_watershed(surface, region, 0.5, where)[0]
        return [found[1] == found[3], found[3] == found[5]]

    assert hills() == [False, False]
    assert hills(2, 3) == [True, False]
    assert hills(2) == [False, False]  # the other side of the pass is not
    assert hills(1, 2, 3, 4, 5) == [True, True]


def test_a_plain_is_one_hill_and_nothing_is_none():
    plain = np.full((5, 9), 0.3)
    assert (h_maxima_watershed(plain, np.ones((5, 9), bool), 1) == 1).all()
    assert (h_maxima_watershed(plain, np.zeros((5, 9), bool), 1) == 0).all()


def test_every_piece_of_the_region_has_a_label():
    rng = np.random.default_rng(0)
    surface = rng.random((50, 60))
    region = rng.random((50, 60)) > 0.6
    found = h_maxima_watershed(surface, region, 10)
    np.testing.assert_array_equal(found > 0, region)
    assert len(np.unique(found)) - 1 == ndi.label(region, np.ones((3, 3)))[1]


def in_order(labels):
    """Return the labels numbered by their first pixels."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].reshape(labels.shape)


@pytest.mark.parametrize("steps", [0, 3, 40, 1000])
@pytest.mark.parametrize("height", [0.0, 0.4])
def test_what_need_not_be_flooded_is_as_if_it_were(monkeypatch, steps, height):
    rng = np.random.default_rng(steps)
    surface = ndi.gaussian_filter(rng.normal(size=(150, 131)), 2)
    surface /= surface.std()
    if steps:  # ties and plains, from everywhere to here and there
        surface = np.round(surface * steps) / steps
    region = surface > -0.3
    joined = surface > 0.9
    found = h_maxima_watershed(surface, region, height, joined)
    monkeypatch.setattr(
        "imagej_dl.methods.shared.h_maxima_watershed._undecided",
        lambda heights, basins, places, width: np.flatnonzero(basins),
    )
    whole = h_maxima_watershed(surface, region, height, joined)
    assert len(np.unique(whole)) > 10
    np.testing.assert_array_equal(in_order(found), in_order(whole))
