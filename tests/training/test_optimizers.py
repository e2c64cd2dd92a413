import numpy as np
import pytest

from imagej_dl.training.settings import Settings

pytestmark = pytest.mark.tf

SHAPES = [(3, 3, 2, 4), (4,), (5, 1)]


def after(optimizer, steps=20):
    """Return weights and all of the optimizer's variables after some steps on noisy gradients."""
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(3)
    weights = [keras.Variable(rng.normal(size=shape).astype("float32")) for shape in SHAPES]
    optimizer.build(weights)

    @tf.function
    def step(*gradients):
        optimizer.apply_gradients(zip(gradients, weights, strict=True))

    for number in range(steps):
        optimizer.learning_rate.assign(0.01 / (1 + number))
        step(*(tf.constant(rng.normal(size=shape), tf.float32) for shape in SHAPES))
    return [np.asarray(value) for value in [*weights, *optimizer.variables]], step


def test_adam_is_keras_adam_in_few_operations():
    import keras

    from imagej_dl.training.optimizers import optimizer_of

    ours, step = after(optimizer_of(Settings(learning_rate=0.01), 1))
    theirs, plain = after(optimizer_of(Settings(learning_rate=0.01), 2))
    assert type(optimizer_of(Settings(), 2)) is keras.optimizers.Adam
    assert len(ours) == len(theirs) == 3 + 2 + 2 * 3
    for value, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-6)
    assert operations(step) < operations(plain) / 2


def operations(step):
    """Return the number of operations of a compiled step."""
    import tensorflow as tf

    gradients = [tf.TensorSpec(shape, tf.float32) for shape in SHAPES]
    return len(step.get_concrete_function(*gradients).graph.get_operations())


@pytest.mark.parametrize("devices", [1, 2])
def test_others_are_those_of_keras(devices):
    import keras

    from imagej_dl.training.optimizers import optimizer_of

    found = optimizer_of(Settings(optimizer="RMSprop", learning_rate=0.02), devices)
    assert type(found) is keras.optimizers.RMSprop
    assert float(found.learning_rate) == pytest.approx(0.02)
