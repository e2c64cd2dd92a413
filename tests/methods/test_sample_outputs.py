import numpy as np
import pytest

from imagej_dl.methods.shared.sample_outputs import EXTRA, samples_of


def outputs(middle, width, deviations):
    return np.array([middle, width, *deviations], np.float32)


def test_samples_begin_as_a_normal_distribution():
    samples = samples_of(outputs(0.3, 0.5, [0] * 1000))
    assert samples.mean() == pytest.approx(0.3, abs=1e-4)
    assert samples.std() == pytest.approx(np.exp(0.5 - 1.5), rel=0.01)
    assert np.all(np.diff(samples) > 0)


def test_each_sample_deviates_by_itself():
    before, after = (samples_of(outputs(0, 0, d)) for d in ([0, 0, 0], [0, 5, 0]))
    np.testing.assert_array_equal(before != after, [False, True, False])


def test_the_width_has_bounds():
    narrow, wide = (samples_of(outputs(0, w, [0] * 50)).std() for w in (-1e4, 1e4))
    assert 0 < narrow < wide < 10


@pytest.mark.tf
def test_tensors_give_the_same():
    import keras

    values = np.random.default_rng(0).normal(size=(2, 3, EXTRA + 4)).astype(np.float32)
    there = keras.ops.convert_to_numpy(samples_of(keras.ops.array(values), keras.ops))
    np.testing.assert_allclose(there, samples_of(values), rtol=1e-5)
