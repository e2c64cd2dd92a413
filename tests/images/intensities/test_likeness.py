"""An image is far from a training by noise, sharpness, background and size, not by exposure."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.images.intensities.likeness import Likeness, measured

SCALE = 16.0


def plane(seed, *, noise=3.0, blur=1.0, radius=8, slope=0.0, gain=1.0, offset=0.0):
    rng = np.random.default_rng(seed)
    y, x = np.indices((128, 128))
    image = np.zeros((128, 128))
    for cy, cx in rng.uniform(0, 128, (14, 2)):
        image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = 60
    image = ndi.gaussian_filter(image, blur) + slope * y + rng.normal(20, noise, image.shape)
    return gain * image + offset


@pytest.fixture(scope="module")
def trained():
    planes = [measured(plane(seed), SCALE) for seed in range(8)]
    return Likeness.of(planes, [15.0, 16.5], SCALE)


def kinds(likeness, image, diameter=None):
    return {one.name for one in likeness.far([measured(image, SCALE)], diameter)}


def test_noise_is_that_of_the_plane():
    found = measured(plane(0, noise=6), SCALE)[0]["noise"]
    assert found == pytest.approx(6 / 60, rel=0.15)


def test_other_planes_of_the_kind_are_like_it(trained):
    assert not any(kinds(trained, plane(seed), 14.0) for seed in range(50, 70))


def test_gain_and_offset_make_no_difference(trained):
    assert kinds(trained, plane(50, gain=0.1, offset=500)) == set()


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("noise", {"noise": 20}),
        ("sharpness", {"blur": 4}),
        ("background", {"slope": 0.8}),
    ],
)
def test_what_differs_is_named(trained, name, how):
    assert all(name in kinds(trained, plane(seed, **how)) for seed in range(50, 56))


def test_the_size_of_the_objects_is_compared(trained):
    assert kinds(trained, plane(50), 40.0) == {"diameter"}
    (far,) = trained.far([], 40.0)
    assert far.words == "median diameter of the objects in px is 40, 15 to 16 in those"


def test_of_several_planes_the_median_counts(trained):
    some = [measured(plane(50 + i, noise=20 if i == 0 else 3), SCALE) for i in range(3)]
    assert trained.far(some) == []


def test_a_flat_or_tiny_plane_tells_nothing():
    assert measured(np.zeros((64, 64)), SCALE) == [{}]
    assert measured(np.ones((3, 3, 2)), SCALE) == [{}, {}]


def test_what_the_model_to_start_from_knew_is_known(trained):
    noisy = [measured(plane(seed, noise=20), SCALE) for seed in range(4)]
    both = trained + Likeness.of(noisy, [30.0], SCALE)
    assert kinds(both, plane(50, noise=20), 28.0) == set()
    assert (both.planes, both.diameter) == (12, (15.0, 30.0))
