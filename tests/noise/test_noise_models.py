import json

import numpy as np
import pytest
from simulated_noise import frames, scene, variance

from imagej_dl import images, noise
from imagej_dl.errors import UserError
from imagej_dl.noise.gaussian_mixture import _Likelihood


@pytest.fixture(scope="module")
def pairs():
    return noise.of_frames(frames(60, scene(96)))


@pytest.fixture(scope="module")
def mixture(pairs):
    return noise.fit_mixture(pairs)


@pytest.fixture(scope="module")
def histogram(pairs):
    return noise.fit_histogram(pairs)


@pytest.fixture(params=["mixture", "histogram"])
def model(request):
    return request.getfixturevalue(request.param)


def grid(model, reach=10, number=20_001):
    width = reach * np.sqrt(model.variance(np.array(model.high)))
    return np.linspace(model.low - width, model.high + width, number)


@pytest.mark.slow
def test_the_density_integrates_to_one_at_each_signal(model):
    x = grid(model)
    for signal in np.linspace(model.low, model.high, 9):
        assert np.trapezoid(model.density(x, signal), x) == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_the_variance_is_that_of_the_density(model):
    x = grid(model)
    for signal in np.linspace(model.low, model.high, 5):
        p = model.density(x, signal)
        mean = np.trapezoid(x * p, x)
        second = np.trapezoid((x - mean) ** 2 * p, x)
        # Within a bin of a histogram the density is flat, which adds a twelfth of its square; and
        # what was never seen has its small share.
        assert second == pytest.approx(float(model.variance(np.array(signal))), rel=0.06)


def test_the_mean_of_a_mixture_is_the_signal(mixture):
    x = grid(mixture)
    for signal in np.linspace(mixture.low, mixture.high, 5):
        assert np.trapezoid(x * mixture.density(x, signal), x) == pytest.approx(signal, abs=0.05)


def test_beyond_its_range_the_noise_does_not_vanish(mixture):
    inside = np.array([mixture.low, mixture.high])
    below, above = inside + (mixture.high - mixture.low) * np.array([-1, 1])
    assert mixture.variance(below) == mixture.variance(inside)[0]
    assert mixture.variance(above) > mixture.variance(inside)[1]


def test_photon_and_read_noise_are_recovered(mixture, histogram):
    at = np.linspace(mixture.low, mixture.high, 9)
    np.testing.assert_allclose(mixture.variance(at), variance(at), rtol=0.05)
    inner = np.linspace(histogram.low, histogram.high, 9)[1:-1]
    np.testing.assert_allclose(histogram.variance(inner), variance(inner), rtol=0.12)


@pytest.mark.slow
def test_skewed_noise_is_no_single_gaussian():
    rng = np.random.default_rng(0)
    clean = scene()
    values = clean + (rng.exponential(10, (40, *clean.shape)) - 10)
    pairs = noise.of_frames(images.make(values.astype(np.float32), "TYX"))
    one, three = noise.fit_mixture(pairs, gaussians=1), noise.fit_mixture(pairs)
    gained = [m.log_density(pairs.observed, pairs.signal).mean() for m in (one, three)]
    assert gained[1] > gained[0] + 0.1


def test_the_gradient_of_the_likelihood_is_right():
    rng = np.random.default_rng(3)
    problem = _Likelihood(rng.normal(size=500), rng.random(500), 3, 2)
    at = problem.start() + rng.normal(0, 0.1, problem.start().shape)
    _, gradient = problem(at)
    for index in range(at.size):
        step = np.zeros_like(at)
        step[index] = 1e-6
        slope = (problem(at + step)[0] - problem(at - step)[0]) / 2e-6
        assert gradient[index] == pytest.approx(slope, abs=1e-6)


def test_a_histogram_needs_more_pixels():
    few = noise.of_frames(frames(2, scene(40)))
    noise.fit_mixture(few)
    with pytest.raises(UserError, match="too few for a histogram"):
        noise.fit_histogram(few)


def test_a_file_gives_the_same_model(model, tmp_path):
    path = tmp_path / "noise.json"
    noise.write(model, path)
    assert noise.read(path) == model
    with pytest.raises(UserError, match="already there"):
        noise.write(model, path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "no noise model"),
        ({"format_version": 2}, "format version 2"),
        ({"low": 1e9}, "is none"),
        ({"variances": [[1.0]]}, "not of the same Gaussians"),
        ({"weights": [[0.0], [0.0], []]}, "finite coefficients"),
        ({"floor": 0}, "floor"),
        ({"kind": "guess"}, "kind"),
        ({"more": 1}, "unknown key"),
    ],
)
def test_a_file_that_declares_what_cannot_be_is_refused(mixture, tmp_path, change, words):
    path = tmp_path / "noise.json"
    noise.write(mixture, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=words):
        noise.read(path)


@pytest.mark.parametrize("counts", [["1 2"], ["1 2", "3"], ["1 2", "0 0"], ["1 -2", "3 4"]])
def test_a_histogram_without_a_whole_table_is_refused(histogram, tmp_path, counts):
    path = tmp_path / "noise.json"
    noise.write(histogram, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"counts": counts}))
    with pytest.raises(UserError, match="counts"):
        noise.read(path)


def test_what_is_no_json_is_refused(tmp_path):
    path = tmp_path / "noise.json"
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(UserError, match=r"noise\.json"):
        noise.read(path)


def test_what_is_far_from_the_signal_is_less_likely_the_farther_it_is(model):
    """Else a network could give any signal, and learn nothing of how wrong it is."""
    for observed in (model.low, model.high):
        signals = observed + np.array([-3, -1, 0, 1, 3]) * (model.high - model.low)
        found = model.log_density(np.full(5, observed), signals)
        assert np.all(np.isfinite(found))
        assert found[0] < found[1] < found[2] > found[3] > found[4]


@pytest.mark.tf
def test_tensors_give_the_same_density_with_a_gradient(model):
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(0)
    signal = rng.uniform(model.low, model.high, (50, 1))
    observed = signal + rng.normal(0, 10, (50, 4))
    here = model.log_density(observed, signal)
    variable = tf.Variable(signal.astype(np.float32))
    with tf.GradientTape() as tape:
        there = model.log_density(tf.constant(observed, tf.float32), variable, keras.ops)
    np.testing.assert_allclose(there, here, atol=0.02)
    assert np.all(np.isfinite(tape.gradient(there, variable)))
