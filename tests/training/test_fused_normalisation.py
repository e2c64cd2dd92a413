"""Batch normalisation in one operation does what Keras' own does."""

import numpy as np
import pytest

from imagej_dl.models import backend
from imagej_dl.training.fused_normalisation import fuse

pytestmark = pytest.mark.tf


def layer(**arguments):
    made = backend.keras().layers.BatchNormalization(momentum=0.7, **arguments)
    made.build((None, 6, 5, 3))
    rng = np.random.default_rng(1)
    made.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in made.weights])
    return made


def computed(made, images, training):
    """Return output, gradients of images and weights, and the weights after it."""
    tf = backend.tensorflow()
    x = tf.constant(images)
    factors = tf.constant(np.random.default_rng(2).normal(size=images.shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = made(x, training=training)
        value = tf.reduce_sum(found * factors)
    gradients = tape.gradient(value, [x, *made.trainable_variables])
    return [found.numpy(), *(g.numpy() for g in gradients), *made.get_weights()]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(4, 6, 5, 3), (1, 1, 2, 3)])
def test_output_gradients_and_averages_are_those_of_keras(training, shape):
    images = np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)
    keras_own, ours = layer(), layer()
    fuse([ours])
    assert ours.call.__func__ is not type(ours).call
    for mine, theirs in zip(
        computed(ours, images, training), computed(keras_own, images, training), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-5)


def test_frozen_layers_keep_their_averages():
    ours = layer()
    fuse([ours])
    ours.trainable = False
    before = ours.get_weights()
    ours(np.ones((2, 6, 5, 3), np.float32), training=True)
    for now, then in zip(ours.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_others_are_left_as_they_are():
    keras = backend.keras()
    volume = keras.layers.BatchNormalization()
    volume.build((None, 2, 6, 5, 3))
    others = [
        volume,
        layer(synchronized=True),
        layer(scale=False),
        layer(dtype="mixed_float16"),
        keras.layers.Conv2D(2, 3),
    ]
    fuse(others)
    assert all("call" not in vars(one) for one in others)
