"""The LUT of label maps."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl import images


def test_the_colours_are_the_same_as_ever_and_differ() -> None:
    lut = images.golden_angle_lut()
    assert lut.shape == (256, 3)
    assert lut.dtype == np.uint8
    assert lut[:3].tolist() == [[0, 0, 0], [244, 145, 123], [12, 36, 223]]
    assert len(np.unique(lut, axis=0)) == 256


def test_the_former_name_warns() -> None:
    with pytest.warns(DeprecationWarning, match="golden_angle_lut"):
        lut = images.glasbey(8)
    np.testing.assert_array_equal(lut, images.golden_angle_lut(8))
