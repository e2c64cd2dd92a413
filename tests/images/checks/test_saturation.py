import numpy as np
import pytest

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.checks import saturation


def camera(top, seed=0):
    values = np.random.default_rng(seed).normal(1000, 200, (100, 100))
    return np.clip(values, 0, top).round().astype(np.uint16)


def test_what_heaps_at_the_top_is_saturated_wherever_the_top_is():
    cut = camera(1400)
    assert saturation.share(cut) == np.mean(cut == 1400) > 0.01
    assert saturation.share(cut.astype(np.float32) / 7) == saturation.share(cut)
    assert saturation.share(camera(65535)) <= 1e-3
    assert saturation.share(np.full((4, 4), 65535, np.uint16)) == 0
    with pytest.warns(DataWarning, match=r"a\.tif: 2\.\d% of the pixels"):
        saturation.tell("a.tif", [0, saturation.share(cut)])


def test_what_does_not_is_not_said(recwarn):
    saturation.tell("a.tif", [0.0, 0.0005])
    saturation.tell("a.tif", [])
    assert not recwarn.list


def test_images_of_one_value_are_refused():
    constant = np.full((4, 4), 3, np.uint8)
    saturation.refuse_constant([constant, np.eye(4)])
    with pytest.raises(UserError, match="same value"):
        saturation.refuse_constant([constant, constant])
