"""Shifts of pairs are measured where they can be, and only spoken of then."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.errors import DataWarning
from imagej_dl.training import registration


def scene(seed=0, side=128, cells=20):
    rng = np.random.default_rng(seed)
    y, x = np.indices((side + 32, side + 32))
    image = np.zeros(y.shape)
    for _ in range(cells):
        cy, cx = rng.uniform(0, side + 32, 2)
        image[(y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(4, 8) ** 2] += rng.uniform(50, 100)
    return ndi.gaussian_filter(image, 1)


def pair(by, noise=20.0, seed=0):
    whole = scene(seed)
    rng = np.random.default_rng(seed + 100)
    inside = (slice(16, -16),) * 2
    moved = ndi.shift(whole, by)[inside]
    return whole[inside] + rng.normal(0, noise, moved.shape), moved


@pytest.mark.parametrize("by", [(0.0, 0.0), (1.4, -3.2), (-7.0, 0.5), (0.0, 12.0)])
def test_a_shift_is_measured_to_half_a_pixel_in_noise(by):
    found = registration.shift(*pair(by))
    assert found is not None
    np.testing.assert_allclose(found, by, atol=0.5)


def test_targets_of_other_intensities_and_integers_are_measured_the_same():
    image, target = pair((0.0, 4.0))
    high = (65535 - 600 * target.clip(0, 100)).astype(np.uint16)
    found = registration.shift(image.clip(0).astype(np.uint8), 65535 - high)
    np.testing.assert_allclose(found, (0, 4), atol=0.5)
    channels = np.stack([image] * 2, axis=-1), np.stack([target] * 2, axis=-1)
    np.testing.assert_allclose(registration.shift(*channels), (0, 4), atol=0.5)


def test_nothing_is_said_where_the_correlation_has_no_clear_peak():
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert registration.shift(rng.normal(size=(64, 64)), rng.normal(size=(64, 64))) is None
    assert registration.shift(*pair((0.0, 4.0), noise=1000)) is None
    assert registration.shift(np.zeros((64, 64)), pair((0, 4))[1][:64, :64]) is None
    assert registration.shift(*(plane[:20, :20] for plane in pair((0, 4)))) is None


def test_a_shift_above_a_pixel_is_warned_of_with_its_direction():
    with pytest.warns(DataWarning, match=r"a\.tif T=2: the target is shifted by 3\.\d px along X"):
        registration.check("a.tif", [(" T=1", *pair((0, 0))), (" T=2", *pair((0, 3.2)))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registration.check("a.tif", [("", *pair((0.4, -0.3)))])
        registration.check("a.tif", [])
