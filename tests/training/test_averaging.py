"""The moving average of the weights, which is what is validated and kept."""

import os
from importlib import import_module

import numpy as np
import pytest

from imagej_dl import images, preferences, training
from imagej_dl.models import backend
from imagej_dl.training import Settings, device_selection
from imagej_dl.training.devices import SingleDevice

pytestmark = [pytest.mark.tf, pytest.mark.thorough]

TINY = {"kind": "border", "depth": 1, "width": 2, "last_width": 2, "patch": 16, "batch": 2}


def fitted(used, **more):
    settings = Settings(**TINY, **more)
    backend.keras().utils.set_random_seed(0)
    with used.scope():
        model = settings.built(1).build()
    used.prepare(model)
    return import_module("imagej_dl.training.trainer").Trainer(model, settings, used)


def trained(used, count=4, **more):
    """Train on the same batches; return the trainer, and the weights after each."""
    made = fitted(used, **more)
    made.optimizer.learning_rate.assign(0.01)
    rng, weights = np.random.default_rng(0), []
    for _ in range(count):
        picture = rng.random((2, 16, 16, 1), np.float32)
        targets = np.eye(3, dtype=np.float32)[(picture[..., 0] > 0.5) + 0]
        made.train_batch((picture, targets, np.ones((2, 16, 16), np.float32)))
        weights.append([v.numpy() for v in made.network.trainable_variables])
    return made, weights


def expected(weights, most):
    average = [np.zeros_like(w) for w in weights[0]]
    for done, now in enumerate(weights):
        kept = min(done / (done + 10), most)
        average = [kept * a + (1 - kept) * w for a, w in zip(average, now, strict=True)]
    return average


def test_the_average_begins_with_the_first_weights_and_forgets_them():
    made, weights = trained(SingleDevice(), count=6, averaging=0.2)
    plain, others = trained(SingleDevice(), count=6)
    for one, two in zip(weights[-1], others[-1], strict=True):
        np.testing.assert_array_equal(one, two)  # the training itself does not change
    made.exchange_averages()
    for value, average in zip(
        made.network.trainable_variables, expected(weights, 0.2), strict=True
    ):
        np.testing.assert_allclose(value, average, atol=1e-6)
    made.exchange_averages()
    for value, last in zip(made.network.trainable_variables, weights[-1], strict=True):
        np.testing.assert_array_equal(value, last)
    plain.exchange_averages()
    for value, last in zip(plain.network.trainable_variables, others[-1], strict=True):
        np.testing.assert_array_equal(value, last)


def of_two_devices(home):
    os.environ["IMAGEJ_DL_HOME"] = home
    tf = backend.tensorflow()
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    preferences.change(device="all")
    used = device_selection.select()
    made, weights = trained(used, averaging=0.2)
    made.exchange_averages()
    return used.count, weights, [v.numpy() for v in made.network.trainable_variables]


def test_several_devices_have_one_average(tmp_path, own_process):
    count, weights, found = own_process(of_two_devices, str(tmp_path))
    assert count == 2
    for value, average in zip(found, expected(weights, 0.2), strict=True):
        np.testing.assert_allclose(value, average, atol=1e-6)


def test_a_training_without_averages_is_written_as_before():
    assert "averaging" not in Settings().model_dump()
    assert Settings(averaging=0.5).model_dump()["averaging"] == 0.5


def test_what_is_kept_is_the_average(tmp_path):
    rng = np.random.default_rng(0)
    image = images.make(rng.normal(100, 9, (64, 64)).astype(np.float32))
    more = {"kind": "n2v2", "epochs": 1, "steps": 5, "batch": 2, "patch": 32, "width": 2}
    plain = training.train(image, tmp_path / "a", averaging=0.0, **more)
    average = training.train(image, tmp_path / "b", averaging=0.9, **more)
    pairs = zip(plain.model.get_weights(), average.model.get_weights(), strict=True)
    assert all(np.abs(one - two).max() > 0 for one, two in pairs)
