import numpy as np
import pytest
from star_shapes import ellipses

from imagej_dl.methods.shared.objects_apart import ObjectsApart
from imagej_dl.methods.shared.star_distances import star_distances


def test_objects_are_whole_and_have_background_all_around_them():
    labels = ellipses(0)
    apart = ObjectsApart.of(labels)
    assert set(apart.ids) == set(np.unique(labels)) - {0}
    origins, inside = apart.origins[apart.mask > 0], apart.mask > 0
    assert sorted(origins) == sorted(np.flatnonzero(labels))
    numbers = np.zeros(apart.shape, int)
    numbers[inside] = labels.ravel()[origins]
    line = numbers.ravel()  # as rays go: what lies beyond a row's end begins the next
    for step in (1, apart.shape[1] - 1, apart.shape[1], apart.shape[1] + 1):
        one, other = line[step:], line[:-step]
        assert np.all((one == other) | (one == 0) | (other == 0))
    assert not line[apart.shape[1] - 1 :: apart.shape[1]].any()
    assert not numbers[-1].any()


def test_what_lies_in_the_margin_alone_is_left_out():
    labels = np.zeros((20, 20), np.uint16)
    labels[:4, :4], labels[2:8, 10:12], labels[15, 15] = 1, 2, 70
    assert ObjectsApart.of(labels, 5).ids == [2]
    assert ObjectsApart.of(labels, 4).ids == [2, 70]
    assert ObjectsApart.of(np.zeros((20, 20), np.uint8)).shape == (0, 0)


@pytest.mark.parametrize("number", [1, 300, 2**31])
def test_long_objects_beside_each_other_are_measured_where_they_lie(number):
    diagonal = np.subtract.outer(np.arange(60), np.arange(60))
    labels = np.where(diagonal % 4 > 0, diagonal // 4 + 20 + number, 0).astype(np.uint32)
    apart = ObjectsApart.of(labels)
    assert apart.mask_size > 2 * labels.size
    each = sum(star_distances(np.where(labels == id, labels, 0), 12) for id in apart.ids)
    np.testing.assert_array_equal(star_distances(labels, 12), each)
    np.testing.assert_array_equal(star_distances(labels, 12, 7), each[7:-7, 7:-7])
