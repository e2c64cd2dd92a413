"""What methods have of their bases: measures, pictures, words; outputs with several activations."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from imagej_dl.methods.base import Truth
from imagej_dl.methods.binary import Binary
from imagej_dl.methods.border import Border
from imagej_dl.methods.contour import Contour
from imagej_dl.methods.registry import METHODS
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models.networks.unet import UNet


class Image(ImageMethod):
    losses: ClassVar[tuple[str, ...]] = ("mse",)

    @property
    def channels(self):
        return ("intensity",)

    def loss(self, name, **more):
        raise NotImplementedError


def test_batches_of_classes_add_up_to_the_measures_of_all_pixels():
    true = np.eye(3, dtype=np.float32)[np.array([[1, 1, 1, 2], [0, 0, 1, 2]])][:, None]
    said = np.eye(3, dtype=np.float32)[np.array([[1, 1, 0, 1], [0, 1, 1, 2]])][:, None]
    method = Border()
    whole = method.tally(true, said)
    parts = [method.tally(true[i : i + 1], said[i : i + 1]) for i in (0, 1)]
    np.testing.assert_array_equal(np.sum(parts, axis=0), whole)
    assert method.measures(whole) == {
        "jaccard": 3 / 6,
        "dice": 2 * 3 / 9,
        "accuracy": 5 / 8,
    }


def test_pictures_show_the_object_and_the_class():
    outputs = np.array([[[[0.1, 0.7, 0.2], [0.2, 0.1, 0.7]]]], np.float32)
    shown = Border().pictures(outputs)
    np.testing.assert_array_equal(shown["object"][0, 0, :, 0], outputs[0, 0, :, 1])
    np.testing.assert_array_equal(shown["class"][0, 0, :, 0], [0.5, 1])
    one = np.array([[[[0.3], [0.6]]]], np.float32)
    np.testing.assert_array_equal(Binary().pictures(one)["class"][0, 0, :, 0], [0, 1])


def test_given_contours_take_the_place_of_those_of_the_labels():
    labels = np.zeros((8, 8), np.uint16)
    labels[2:6, 2:6] = 1
    given = np.zeros((6, 6), np.uint8)
    given[2, 3] = 255
    target = Contour().targets(Truth(labels, 1, contours=given))
    expected = (labels[1:7, 1:7] > 0).astype(np.uint8)
    expected[2, 3] = 2
    np.testing.assert_array_equal(target, expected)


def test_the_psnr_is_that_of_all_values_together():
    rng = np.random.default_rng(0)
    true = rng.random((2, 8, 9, 1)).astype(np.float32)
    said = true + np.float32(0.1)
    method = Image()
    tally = sum(method.tally(true[i], said[i]) for i in (0, 1))
    assert method.measures(tally)["psnr"] == pytest.approx(20, rel=1e-4)
    assert method.scores(list(zip(said, true, strict=True)), method.default_postprocessing())[
        "psnr"
    ] == pytest.approx(20, rel=1e-4)
    assert method.measures(method.tally(true, true)) == {"psnr": math.inf}
    assert method.describe({"psnr": 20.0}) == "PSNR 20.00 dB"
    assert "equal" in method.describe({"psnr": None})


def test_an_image_to_learn_is_cut_to_the_patch():
    image = np.arange(36, dtype=np.float32).reshape(6, 6, 1)
    target = Image().targets(Truth(np.ones((6, 6), np.uint8), 2, image=image))
    np.testing.assert_array_equal(target, image[2:4, 2:4])


@pytest.mark.tf
def test_output_channels_may_have_different_activations():
    network = UNet(depth=1, width=2, classes=4, output=("sigmoid", "relu", "relu", "linear"))
    assert UNet.model_validate_json(network.model_dump_json()) == network
    model = network.build()
    x = np.random.default_rng(0).normal(0, 3, (1, 16, 16, 1)).astype(np.float32)
    y = np.asarray(model(x))
    assert y.shape == (1, 16, 16, 4)
    assert 0 < y[..., 0].min() < y[..., 0].max() < 1
    assert y[..., 1:3].min() >= 0
    assert [layer.name for layer in model.layers[-4:]] == [
        "output_1", "output_2", "output_3", "output"
    ]  # fmt: skip


def test_each_channel_needs_an_activation():
    with pytest.raises(ValidationError, match="2 activations for 3"):
        UNet(classes=3, output=("sigmoid", "relu"))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", range(4))
def test_the_output_for_a_turned_image_is_turned_back(quarter_turns: int, mirrored: bool) -> None:
    output = np.random.default_rng(0).random((4, 5, 3), np.float32)
    turned = np.rot90(output[:, ::-1] if mirrored else output, quarter_turns)
    back = METHODS["border"]().restored(turned, quarter_turns, mirrored)
    np.testing.assert_array_equal(back, output)


@pytest.mark.parametrize("kind", ["border", "binary"])
def test_pixels_without_weight_are_not_counted(kind: str) -> None:
    method = METHODS[kind]()
    rng = np.random.default_rng(0)
    shape = (2, 6, 6, len(method.channels))
    true, said = rng.random(shape, np.float32), rng.random(shape, np.float32)
    weights = (rng.random(shape[:3]) > 0.5).astype(np.float32)
    here = weights > 0
    parts = [x[here].reshape(1, 1, -1, shape[-1]) for x in (true, said)]
    np.testing.assert_array_equal(method.tally(true, said, weights), method.tally(*parts))
