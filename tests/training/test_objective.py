import numpy as np
import pytest

from imagej_dl.methods.registry import METHODS
from imagej_dl.methods.shared.losses import whole
from imagej_dl.training.objective import Validator

pytestmark = pytest.mark.tf


def loss(kind, dice=0.0):
    return METHODS[kind]().loss("cross_entropy", dice=dice, total=whole)


def hot(classes):
    return np.eye(3, dtype=np.float32)[np.asarray(classes)][None]


def test_cross_entropy_by_hand():
    p = np.array([[[[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]]], np.float32)
    assert float(loss("border")(hot([[1, 2]]), p)) == pytest.approx(
        -(np.log(0.25) + np.log(0.6)) / 2, rel=1e-5
    )


def test_weights_are_those_of_a_mean():
    p = np.array([[[[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]]], np.float32)
    weights = np.array([[[1, 3]]], np.float32)
    expected = -(np.log(0.25) + 3 * np.log(0.6)) / 4
    assert float(loss("border")(hot([[1, 2]]), p, weights)) == pytest.approx(expected, rel=1e-5)


def test_binary_cross_entropy_and_dice_by_hand():
    y = np.array([1, 0], np.float32).reshape(1, 1, 2, 1)
    p = np.array([0.8, 0.4], np.float32).reshape(1, 1, 2, 1)
    entropy = -(np.log(0.8) + np.log(0.6)) / 2
    assert float(loss("binary")(y, p)) == pytest.approx(entropy, rel=1e-5)
    dice = (2 * 0.8 + 1) / (1 + 1.2 + 1)
    assert float(loss("binary", 0.5)(y, p)) == pytest.approx(entropy + 0.5 * (1 - dice), rel=1e-5)


def test_a_probability_that_is_no_number_is_not_hidden():
    assert np.isnan(float(loss("border")(hot([[1]]), np.full((1, 1, 1, 3), np.nan, np.float32))))


def test_certainty_is_finite():
    assert np.isfinite(float(loss("border", 1.0)(hot([[0, 1]]), hot([[1, 0]]))))


def test_validation_counts_pixels_of_the_object_class():
    targets = hot([[1, 1, 1, 2, 0]])
    said = hot([[1, 1, 0, 1, 0]])
    # The network says what its image holds: the answer is fixed.
    found = Validator(METHODS["border"](), loss("border"), [(said, targets, None)])(
        lambda x, training: x
    )
    assert found["jaccard"] == pytest.approx(2 / 4)
    assert found["dice"] == pytest.approx(4 / 6)


def test_validation_without_objects_is_perfect():
    found = Validator(METHODS["border"](), loss("border"), [(hot([[0]]), hot([[0]]), None)])(
        lambda x, training: x
    )
    assert (found["jaccard"], found["dice"]) == (1, 1)
    assert found["loss"] == pytest.approx(0, abs=1e-6)


def test_accuracy_is_the_share_of_pixels_whose_class_is_right():
    targets = hot([[0, 1], [2, 1]])
    said = hot([[0, 1], [1, 1]])
    validator = Validator(METHODS["border"](), loss("border"), [(said, targets, None)])
    assert validator(lambda x, training: x)["accuracy"] == 0.75
    np.testing.assert_array_equal(validator.seen[1], said)
