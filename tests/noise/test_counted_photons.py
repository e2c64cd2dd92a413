"""Noise models of a detector that counts photons, few of them: no density is a spike."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import poisson

from imagej_dl import images, noise

GREY, OFFSET, MOST = 10, 103, 5.0
"""Grey levels of a photon and of none; photons at the brightest pixels."""
COUNTS = np.arange(5)
OBSERVED = OFFSET + GREY * COUNTS


def counted(number=40, side=64, grey=GREY):
    """Frames of a ramp from no photon to `MOST`."""
    photons = np.broadcast_to(np.linspace(0, MOST, side), (number, side, side))
    found = OFFSET + grey * np.random.default_rng(0).poisson(photons)
    return images.make(found.astype(np.uint16), "TYX")


@pytest.fixture(scope="module")
def pairs():
    return noise.of_frames(counted())


@pytest.fixture(scope="module")
def histogram(pairs):
    return noise.fit_histogram(pairs)


@pytest.fixture(scope="module")
def mixture(pairs):
    return noise.fit_mixture(pairs)


def test_the_step_between_intensities_is_found(pairs):
    assert pairs.step == GREY
    assert (pairs.start - OFFSET) % GREY == 0
    assert noise.of_frames(counted(4, grey=1)).step == 1
    floats = counted(4).astype(np.float32)
    assert noise.of_frames(floats).step == GREY
    assert noise.of_frames(floats * np.float32(0.37)).step == 0


def test_a_few_pixels_between_the_steps_do_not_hide_them():
    stack = counted(10).copy(deep=True)
    stack.data[0, :3, :3] += 4
    assert noise.of_frames(stack).step == GREY


def test_a_histogram_has_the_counts_in_the_middle_of_its_bins(histogram):
    assert histogram.width % GREY == 0
    assert (OFFSET - histogram.begin) % histogram.width == pytest.approx(GREY / 2)


def test_a_histogram_of_counts_is_a_poisson_distribution(histogram):
    photons = np.linspace(0.2, 4, 9)
    found = histogram.density(OBSERVED, OFFSET + GREY * photons[:, None]) * GREY
    np.testing.assert_allclose(found, poisson.pmf(COUNTS, photons[:, None]), atol=0.03)


@pytest.mark.slow
def test_no_signal_is_preferred_because_a_count_is_a_whole_number(mixture):
    """Of a pixel without a photon, a dark signal is likelier than one of 1 photon by e, not by 30.

    A network would give that signal for all pixels that it may have come from.
    """
    photons = np.linspace(0, 4, 81)
    found = mixture.log_density(OBSERVED, OFFSET + GREY * photons[:, None])
    found -= found.max(axis=0)
    expected = poisson.logpmf(COUNTS, np.maximum(photons, 1e-3)[:, None])
    expected -= expected.max(axis=0)
    likely = expected > -2
    assert np.abs(found - expected)[likely].max() < 0.7
    assert mixture.density(OBSERVED, OFFSET + GREY * photons[:, None]).max() < 2 / GREY


def estimate(log_density, observed, photons):
    """The mean of the signal, all of `photons` being equally likely."""
    found = log_density(observed[:, None], OFFSET + GREY * photons)
    return np.exp(found - logsumexp(found, axis=1, keepdims=True)) @ photons


@pytest.mark.slow
def test_the_estimate_with_a_model_is_nearly_that_with_the_truth(histogram, mixture):
    photons = np.linspace(0.02, MOST - 0.1, 200)
    best = estimate(
        lambda x, s: poisson.logpmf((x - OFFSET) / GREY, (s - OFFSET) / GREY), OBSERVED, photons
    )
    for model, most in ((histogram, 0.1), (mixture, 0.2)):
        assert np.abs(estimate(model.log_density, OBSERVED, photons) - best).max() < most


@pytest.mark.slow
def test_the_kind_is_chosen_by_pixels_left_out(pairs):
    assert isinstance(noise.fit(pairs), noise.Histogram)
    rng = np.random.default_rng(0)
    signal = rng.uniform(100, 4000, 40_000)
    # Read noise of a 20th of a histogram's bin at the dark end.
    camera = signal + rng.normal(0, 2 + (signal - 100) / 20)
    wide = replace(pairs, observed=camera, signal=signal, step=0.0)
    assert isinstance(noise.fit(wide), noise.GaussianMixture)
    few = replace(pairs, observed=pairs.observed[:3000], signal=pairs.signal[:3000])
    assert isinstance(noise.fit(few), noise.GaussianMixture)


def test_a_signal_beyond_a_histogram_is_less_likely_the_farther_it_is(histogram):
    """Within a bin, too: else nothing would keep the samples of dark pixels from falling below."""
    signals = histogram.low - np.array([0.0, 2.0, 5.0, 9.0])
    found = histogram.log_density(np.full(4, float(OFFSET)), signals)
    assert np.all(np.diff(found) < 0)
    x = np.linspace(0, 300, 30_001)
    assert np.trapezoid(histogram.density(x, signals[2]), x) == pytest.approx(1, abs=1e-3)
    # Files of version 0.1.0 have no such key, and give what they gave.
    before = noise.Histogram.model_validate(
        {k: v for k, v in histogram.model_dump(mode="json").items() if k != "glides"}
    )
    assert "glides" not in before.model_dump(mode="json")
    found = before.log_density(np.full(2, float(OFFSET)), signals[:2])
    np.testing.assert_allclose(found, found[0], atol=1e-3)
    inside = np.linspace(histogram.low, histogram.high, 7)
    np.testing.assert_array_equal(
        before.density(OBSERVED, inside[:, None]), histogram.density(OBSERVED, inside[:, None])
    )
