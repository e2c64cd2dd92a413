import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.methods.contour import contour_target
from imagej_dl.methods.shared.neighbours import outlines
from imagej_dl.methods.shared.pixel_weights import contacts, contour_map, unet_map


def cells(shape=(60, 70), count=9, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint16)
    y, x = np.indices(shape)
    for label in range(1, count + 1):
        cy, cx, r = *rng.uniform(0, shape), rng.uniform(3, 8)
        labels[((y - cy) ** 2 + (x - cx) ** 2 < r**2) & (labels == 0)] = label
    return labels


def test_the_unets_map_is_equation_2():
    labels = cells()
    ids = np.unique(labels[labels > 0])
    distances = np.sort([ndi.distance_transform_edt(labels != i) for i in ids], axis=0)
    total = distances[0] + distances[1]
    expected = 1 + np.where(labels == 0, 10 * np.exp(-(total**2) / (2 * 5.0**2)), 0)
    np.testing.assert_allclose(unet_map(labels), expected, atol=10 * np.exp(-12.5) * 1.01)
    assert unet_map(labels).max() > 5


def test_classes_can_be_balanced():
    labels = cells()
    w = unet_map(labels, w0=0, balance=True)
    np.testing.assert_allclose(w[labels > 0].sum(), w[labels == 0].sum(), rtol=1e-5)
    np.testing.assert_allclose(w.mean(), 1, rtol=1e-5)


def test_a_map_without_neighbours_is_flat():
    labels = np.zeros((30, 30), np.uint16)
    assert (unet_map(labels) == 1).all()
    assert (contour_map(labels) == 1).all()
    labels[5:10, 5:10] = 3
    assert (unet_map(labels) == 1).all()


def test_the_contour_map_falls_off_from_the_outline():
    labels = np.zeros((21, 41), np.uint16)
    labels[:, 10:30] = 4
    w = contour_map(labels, w0=10, sigma=2)
    np.testing.assert_allclose(w[7, 10], 11)
    np.testing.assert_allclose(w[7, 12], 1 + 10 * np.exp(-0.5), rtol=1e-6)
    np.testing.assert_allclose(w[7, 4], 1 + 10 * np.exp(-36 / 8), rtol=1e-6)


def test_contours_are_the_pixels_of_objects_beside_another_label():
    labels = np.zeros((8, 9), np.uint16)
    labels[2:6, 2:5], labels[2:6, 5:8] = 1, 2
    expected = np.zeros_like(labels)
    expected[2:6, 2:8] = 2
    expected[3:5, 3] = expected[3:5, 6] = 1
    np.testing.assert_array_equal(contour_target(labels), expected)
    whole = np.ones((4, 4), np.uint16)
    assert not outlines(whole).any()  # what lies beyond the image is unknown


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int32", "int64"])
def test_contacts_are_where_two_objects_meet_whatever_the_type(dtype):
    labels = np.zeros((9, 12), dtype)
    labels[2:7, 1:5], labels[2:7, 5:8], labels[8, 11] = 3, 7, 65_535
    expected = np.zeros((9, 12), bool)
    expected[2:7, 4:6] = True
    np.testing.assert_array_equal(contacts(labels, 1), expected)
