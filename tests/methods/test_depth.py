"""The depth of regions is the exact Euclidean distance from their outside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.methods.shared import depth as module
from imagej_dl.methods.shared.depth import depth


def blobs(seed, shape=(140, 97), sigma=4.0, share=0.5):
    noise = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return noise > np.quantile(noise, 1 - share)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("shape", [(140, 97), (1, 50), (50, 1)])
def test_the_distance_from_the_outside(monkeypatch, shape, share):
    region = blobs(1, shape, share=share)
    expected = ndi.distance_transform_edt(region)
    np.testing.assert_array_equal(depth(region), expected)
    # Both ways give the same, to the last bit.
    deep = depth(region)
    monkeypatch.setattr(module, "_SHALLOW", 0)
    np.testing.assert_array_equal(depth(region), deep)


@pytest.mark.parametrize("share", [0.3, 0.97])
def test_the_distance_in_scattered_pixels(share):
    region = np.random.default_rng(0).random((40, 61)) < share
    np.testing.assert_array_equal(depth(region), ndi.distance_transform_edt(region))


def test_columns_without_an_outside():
    region = np.ones((40, 90), bool)
    region[:, 80:] = False
    np.testing.assert_array_equal(depth(region)[7, :80], np.arange(80, 0, -1))
    region = np.ones((300, 21), bool)
    region[150, 10] = False
    np.testing.assert_allclose(depth(region), ndi.distance_transform_edt(region))


def test_nothing_and_all_have_no_depth():
    assert not depth(np.zeros((5, 6), bool)).any()
    assert not depth(np.ones((5, 6), bool)).any()
