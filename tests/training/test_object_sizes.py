import numpy as np
import pytest

from imagej_dl.training.object_sizes import diameters, least_area


@pytest.mark.parametrize("side", [4, 9])
def test_diameter_of_a_square(side):
    labels = np.zeros((20, 20), np.uint16)
    labels[2 : 2 + side, 3 : 3 + side] = 7
    assert diameters(labels) == pytest.approx([2 * side / np.sqrt(np.pi)])


def test_the_least_area_of_a_few_objects_is_that_of_the_model_they_are_added_to():
    few, many = np.full(10, 6.0), np.full(5000, 6.0)  # 28 px
    assert least_area(few) == 1
    assert least_area(few, known=20) == 20
    assert least_area(few, known=40) == 1  # the drawn ones are smaller than the model's
    assert least_area(many) == least_area(many, known=20) == least_area(many, known=40) == 27
    assert least_area(few[:0], known=20) == 0
