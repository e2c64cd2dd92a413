import numpy as np

from imagej_dl.methods.shared.class_method import binary_target


def test_binary_target_does_not_hand_on_ids():
    labels = np.array([[0, 1], [300, 65_535]], np.uint16)
    np.testing.assert_array_equal(binary_target(labels), [[0, 1], [1, 1]])
