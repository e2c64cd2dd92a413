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
    assert (least_area(few), least_area(many)) == (1, 27)
    assert least_area(few, known=20) == least_area(many, known=20) == 20
    assert least_area(few, known=40) == 1  # all are smaller than the model's
    assert least_area(few[:0], known=20) == 0


@pytest.mark.parametrize(("count", "by_chance"), [(1, 0), (3, 1), (10, 1), (100, 4), (5000, 67)])
def test_a_few_smaller_objects_are_chance(count, by_chance):
    sizes = np.full(count, 6.0)
    sizes[:by_chance] = 3.0  # 7 px
    assert least_area(sizes, known=20) == 20
    sizes[: by_chance + 1] = 3.0
    assert least_area(sizes, known=20) == least_area(sizes) < 20
