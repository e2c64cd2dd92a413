import numpy as np
import pytest

from imagej_dl.training.object_sizes import diameters


@pytest.mark.parametrize("side", [4, 9])
def test_diameter_of_a_square(side):
    labels = np.zeros((20, 20), np.uint16)
    labels[2 : 2 + side, 3 : 3 + side] = 7
    assert diameters(labels) == pytest.approx([2 * side / np.sqrt(np.pi)])
