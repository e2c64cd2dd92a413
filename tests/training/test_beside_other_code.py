"""A training in a process of a user's, whose code has settings and random numbers of its own."""

import random

import numpy as np
import pytest

from imagej_dl.models import backend, keras_settings
from imagej_dl.training import train

pytestmark = pytest.mark.tf

TINY = {"depth": 1, "width": 4, "last_width": 4, "patch": 32, "batch": 2, "steps": 2, "epochs": 1}


@pytest.fixture
def theirs():
    """Settings of Keras that networks of ours cannot do with, as a notebook may have them."""
    config = backend.keras().config
    with keras_settings.ours():
        config.set_floatx("float64")
        config.set_image_data_format("channels_first")
        config.set_dtype_policy("mixed_bfloat16")
        yield lambda: (config.floatx(), config.image_data_format(), config.dtype_policy().name)


@pytest.mark.filterwarnings("ignore:precision")
def test_settings_of_a_notebook_change_no_training_and_are_left_as_they_are(
    theirs, tmp_path, pairs
):
    before = theirs()
    model = train(pairs, tmp_path / "M", precision="mixed_bfloat16", **TINY).model
    # As it is without them: half precision is for the training alone.
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert theirs() == before == ("float64", "channels_first", "mixed_bfloat16")


def test_random_numbers_of_a_notebook_are_those_without_the_training(tmp_path, pairs):
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002 - as notebooks do
    expected = random.random(), np.random.rand()  # noqa: NPY002
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    train(pairs, tmp_path / "M", **TINY)
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002
