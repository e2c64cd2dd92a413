"""The map between the intensities of pairs is found whatever their noise, for all together."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.errors import DataWarning
from imagej_dl.images.intensities.joint_moments import Moments, least_squares


def signal(seed=0, side=128):
    rng = np.random.default_rng(seed)
    rough = ndi.gaussian_filter(rng.normal(size=(side, side)), 4)
    return 100 * (rough - rough.min()) / np.ptp(rough)


def test_the_map_of_a_clean_target_is_that_of_its_exposure():
    clean, rng = signal(), np.random.default_rng(1)
    image = 0.02 * (500 + 40 * clean) + 7 + rng.normal(0, 5, clean.shape)
    factor, offset = least_squares(Moments.of(image, (500 + 40 * clean).astype(np.uint16)))
    assert factor == pytest.approx(0.02, rel=0.02)
    assert offset == pytest.approx(7, abs=1)


def test_noise_of_the_target_takes_no_contrast():
    # As much noise as signal in both: plain least squares would halve the slope.
    rng = np.random.default_rng(2)
    planes = []
    for seed in range(4):
        clean = signal(seed)
        noisy = [clean + rng.normal(0, clean.std(), clean.shape) for _ in range(2)]
        planes.append(Moments.of(noisy[0], 3 * noisy[1] + 20))
    whole = reduce(add, planes)
    factor, offset = least_squares(whole)
    assert factor == pytest.approx(1 / 3, rel=0.05)
    assert offset == pytest.approx(-20 / 3, abs=4)
    plain = whole.products[0, 0, 1] / whole.products[0, 1, 1]
    assert plain < 0.6 / 3


def test_sums_of_planes_are_those_of_all_their_pixels():
    one, two = (Moments.of(signal(seed), signal(seed) ** 2) for seed in (0, 1))
    image = np.concatenate([signal(0).ravel(), signal(1).ravel()])
    target = image**2
    joined = one + two
    np.testing.assert_allclose(joined.mean[0, :2], [image.mean(), target.mean()])
    np.testing.assert_allclose(
        joined.products[0, :2, :2], np.cov(image, target, ddof=0) * image.size, rtol=1e-9
    )


def test_each_channel_has_a_map_of_its_own_and_integers_do_not_overflow():
    clean = signal()
    image = np.stack([clean, 250 - 2 * clean], axis=-1).astype(np.uint8)
    target = np.stack([600 * clean, 65535 - 600 * clean], axis=-1).astype(np.uint16)
    factor, _ = least_squares(Moments.of(image, target))
    np.testing.assert_allclose(factor, [1 / 600, 2 / 600], rtol=0.02)


@pytest.mark.parametrize("image", [-1.0, 0.0])
def test_targets_that_do_not_follow_their_images_are_said(image):
    rng = np.random.default_rng(3)
    given = 50 + image * signal() + rng.normal(0, 10, (128, 128))
    with pytest.warns(DataWarning, match="do not follow"):
        factor, offset = least_squares(Moments.of(given, signal(9)))
    assert factor > 0
    mapped = factor * signal(9) + offset
    np.testing.assert_allclose(
        (mapped.mean(), mapped.std()), (given.mean(), given.std()), rtol=0.01
    )
