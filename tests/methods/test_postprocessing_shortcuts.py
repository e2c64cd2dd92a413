"""The quicker ways of the post-processing give what the plain ones give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.methods.shared import postprocessing

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("highest", [0, 1, 30])
def test_first_pixels(highest):
    labels = RNG.integers(0, highest + 1, (20, 31)) * (RNG.random((20, 31)) < 0.1)
    ids, first = postprocessing.first_pixels(labels)
    expected, where = np.unique(labels, return_index=True)
    np.testing.assert_array_equal(ids, expected[expected > 0])
    np.testing.assert_array_equal(first, where[expected > 0])


def test_holes():
    for _ in range(200):
        inside = RNG.random(RNG.integers(1, 7, 2)) < 0.7
        has = (ndi.binary_fill_holes(inside) != inside).any()
        assert postprocessing._has_holes(inside) == has
