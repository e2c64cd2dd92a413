"""The forward pass of a training gives what the network gives, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl.models import backend
from imagej_dl.models.networks.registry import network

pytestmark = pytest.mark.tf


def built(**arguments):
    backend.keras().utils.set_random_seed(2)
    model = network("unet", {"depth": 2, "width": 4, "last_width": 5} | arguments).build()
    rng = np.random.default_rng(2)
    model.set_weights(
        [w + rng.uniform(0.02, 0.2, w.shape) * (w.ndim == 1) for w in model.get_weights()]
    )
    return model


def gradients(compute, model, images, weights):
    tf = backend.tensorflow()
    with tf.GradientTape() as tape:
        output = compute(images, training=True)
        loss = tf.reduce_sum(output * weights)
    return output.numpy(), [g.numpy() for g in tape.gradient(loss, model.trainable_variables)]


@pytest.mark.parametrize("arguments", [{"dropout": 0.0}, {"dropout": 0.0, "channels": 2}])
def test_the_output_its_gradients_and_the_statistics(arguments):
    from imagej_dl.training.forward import forward

    model, other = built(**arguments), built(**arguments)
    compute = forward(model)
    assert compute is not model
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 20, 28, model.inputs[0].shape[-1])).astype(np.float32)
    weights = rng.normal(size=(3, 20, 28, 3)).astype(np.float32)
    found, ours = gradients(compute, model, images, weights)
    expected, keras = gradients(other, other, images, weights)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    for mine, theirs in zip(ours, keras, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4 * max(1, np.abs(theirs).max()))
    for mine, theirs in zip(model.weights, other.weights, strict=True):  # moving averages
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-6)
    np.testing.assert_allclose(
        compute(images).numpy(), np.asarray(model(images, training=False)), atol=2e-6
    )


def test_dropout_acts_in_training_alone():
    from imagej_dl.training.forward import forward

    model = built(dropout=0.4)
    compute, images = forward(model), np.ones((1, 8, 8, 1), np.float32)
    assert np.array_equal(compute(images), compute(images))
    assert not np.array_equal(compute(images, training=True), compute(images, training=True))


def test_a_doubled_image_that_is_read_otherwise():
    from imagej_dl.training.forward import forward

    keras = backend.keras()
    source = keras.Input((None, None, 2))
    double = keras.layers.UpSampling2D(2)(keras.layers.MaxPooling2D(2)(source))
    seen = keras.layers.Conv2D(2, 5, padding="same", use_bias=False)(double)
    joined = keras.layers.Concatenate()([keras.layers.Add()([seen, double]), double, source])
    again = keras.layers.Concatenate()([joined, double])
    last = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(again)
    pooled = keras.layers.MaxPooling2D(2)(again)
    pooled = keras.layers.UpSampling2D(2)(pooled)
    model = keras.Model(source, keras.layers.Concatenate()([last, pooled]))
    images = np.random.default_rng(0).normal(size=(2, 12, 8, 2)).astype(np.float32)
    np.testing.assert_allclose(forward(model)(images), model(images, training=False), atol=2e-6)


def test_the_network_itself_computes_elsewhere(monkeypatch):
    from imagej_dl.training.forward import forward

    model = built()
    monkeypatch.setattr(backend, "gpus", lambda: [backend.GPU("one")])
    assert forward(model) is model
    monkeypatch.undo()
    frames = network("unet_lstm", {"frames": 2}).build()
    assert forward(frames) is frames
