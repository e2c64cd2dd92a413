import numpy as np
import pytest

from imagej_dl.training.object_sizes import diameters, least_area


@pytest.mark.parametrize("side", [4, 9])
def test_diameter_of_a_square(side):
    labels = np.zeros((20, 20), np.uint16)
    labels[2 : 2 + side, 3 : 3 + side] = 7
    assert diameters(labels) == pytest.approx([2 * side / np.sqrt(np.pi)])


def test_objects_at_an_edge_may_be_cut():
    labels = np.zeros((20, 30), np.uint16)
    for number, (y, x) in enumerate([(0, 5), (18, 12), (8, 0), (9, 28), (8, 12)], 1):
        labels[y : y + 2, x : x + 2] = number
    labels[3, 20:24] = 9
    assert len(diameters(labels)) == 6
    assert diameters(labels, uncut=True) == pytest.approx(2 * [4 / np.sqrt(np.pi)])
    assert diameters(labels * 0, uncut=True).size == 0


def test_the_least_area_of_a_few_objects_is_that_of_the_model_they_are_added_to():
    few, many = np.full(10, 6.0), np.full(5000, 6.0)  # 28 px
    assert (least_area(few), least_area(many)) == (1, 27)
    assert least_area(few, known=20) == least_area(many, known=20) == 20
    assert least_area(few, known=40) == 1  # all are smaller than the model's
    assert (least_area(few[:0]), least_area(few[:0], known=20)) == (0, 20)


@pytest.mark.parametrize(("count", "by_chance"), [(1, 0), (3, 1), (10, 1), (100, 4), (5000, 67)])
def test_a_few_smaller_objects_are_chance(count, by_chance):
    sizes = np.full(count, 6.0)
    sizes[:by_chance] = 3.0  # 7 px
    assert least_area(sizes, known=20) == 20
    sizes[: by_chance + 1] = 3.0
    assert least_area(sizes, known=20) == least_area(sizes) < 20
