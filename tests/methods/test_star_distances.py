import numpy as np
import pytest
from star_shapes import ellipses

from imagej_dl.methods.shared.star_distances import depths, directions, star_distances

geometry = pytest.importorskip("stardist.geometry")
utils = pytest.importorskip("stardist.utils")


@pytest.mark.parametrize("rays", [3, 8, 12, 32, 33])
@pytest.mark.parametrize("seed", [0, 1])
def test_distances_are_those_of_stardist(rays, seed):
    labels = ellipses(seed, (96, 117))
    np.testing.assert_array_equal(
        star_distances(labels, rays), geometry.star_dist(labels, n_rays=rays)
    )


def test_with_many_rays_they_differ_by_the_last_digit_at_most():
    labels = ellipses(2)
    np.testing.assert_allclose(
        star_distances(labels, 128), geometry.star_dist(labels, n_rays=128), rtol=1e-6
    )


def test_long_objects_are_measured_to_their_end():
    labels = np.zeros((12, 700), np.uint16)
    labels[3:9, 5:690] = 1
    np.testing.assert_array_equal(star_distances(labels, 8), geometry.star_dist(labels, n_rays=8))


def test_a_single_pixel_is_half_a_pixel_deep_in_all_directions():
    labels = np.zeros((9, 9), np.uint16)
    labels[4, 4] = 1
    found = star_distances(labels, 8)
    np.testing.assert_allclose(found[4, 4, ::2], 0.5)
    np.testing.assert_allclose(found[4, 4, 1::2], np.sqrt(0.5), rtol=1e-6)
    assert np.count_nonzero(found) == 8


def test_rays_go_clockwise_from_the_right():
    labels = np.zeros((20, 20), np.uint16)
    labels[5:15, 5:15] = 1
    right, down, left, up = star_distances(labels, 4)[7, 8]
    np.testing.assert_allclose((right, down, left, up), (6.5, 7.5, 3.5, 2.5), rtol=1e-6)
    np.testing.assert_allclose(directions(4), [[0, 1, 0, -1], [1, 0, -1, 0]], atol=1e-12)


@pytest.mark.parametrize("margin", [1, 13])
def test_in_the_margin_rays_end_but_none_begins(margin):
    labels = ellipses(3)
    cut = (slice(margin, -margin),) * 2
    for rays in (12, 32):
        np.testing.assert_array_equal(
            star_distances(labels, rays, margin), star_distances(labels, rays)[cut]
        )
    np.testing.assert_array_equal(depths(labels, margin), depths(labels)[cut])


@pytest.mark.parametrize("seed", [0, 1])
def test_depths_are_those_of_stardist(seed):
    labels = ellipses(seed, (96, 117))
    np.testing.assert_array_equal(depths(labels), utils.edt_prob(labels))


@pytest.mark.filterwarnings("ignore:EDT of constant label image")
@pytest.mark.parametrize("value", [0, 1])
def test_a_plane_without_an_outline_is_taken_as_stardist_takes_it(value):
    labels = np.full((20, 30), value, np.uint16)
    np.testing.assert_array_equal(depths(labels), utils.edt_prob(labels))
    np.testing.assert_array_equal(star_distances(labels, 32), geometry.star_dist(labels, n_rays=32))


def test_ids_beyond_16_bits_do_not_wrap():
    small = ellipses(4)
    large = np.where(small > 0, small.astype(np.uint32) * 65536, 0).astype(np.uint32)
    np.testing.assert_array_equal(star_distances(large, 16), star_distances(small, 16))
    np.testing.assert_array_equal(depths(large), depths(small))


def test_more_than_255_objects_are_told_apart():
    blocks = np.arange(1, 401, dtype=np.uint16).reshape(20, 20)
    labels = np.kron(blocks, np.ones((3, 3), np.uint16))
    np.testing.assert_array_equal(star_distances(labels, 8), geometry.star_dist(labels, n_rays=8))
