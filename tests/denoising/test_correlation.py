"""Correlation of the noise: found where it is simulated, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.denoising import noise_correlation
from imagej_dl.denoising.correlation import LAGS, SIDE


def white(seed: int = 0, side: int = 192) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(side, side))


def nuclei(side: int = 192) -> np.ndarray:
    """Bright discs with soft edges on an uneven background."""
    rng, (y, x) = np.random.default_rng(5), np.mgrid[:side, :side]
    image = 20 * np.hypot(y, x) / side
    for cy, cx in rng.uniform(0, side, (14, 2)):
        image += 60 / (1 + np.exp(np.hypot(y - cy, x - cx) - 9))
    return image


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("side", [96, 192])
def test_white_noise_is_not_correlated(seed, side):
    found = noise_correlation([white(seed, side)])
    assert found.lengths == (0, 0)
    assert found.words() is None
    for along in found.horizontal, found.vertical:
        assert np.abs(along.values).max() < 0.1
        assert len(along.values) == len(along.errors) == LAGS


def test_the_standard_error_is_that_of_repeated_measurements():
    found = [noise_correlation([white(seed, 128)]).horizontal for seed in range(40)]
    spread = np.std([along.values[0] for along in found])
    assert np.mean([along.errors[0] for along in found]) == pytest.approx(spread, rel=0.5)
    assert abs(np.mean([along.values[0] for along in found])) < 4 * spread / np.sqrt(40)


def test_noise_of_whole_rows_is_horizontal():
    rows = np.random.default_rng(1).normal(size=(192, 1))
    found = noise_correlation([white() + rows])
    assert found.lengths == (0, LAGS)
    assert found.horizontal.values[0] == pytest.approx(0.35, abs=0.1)  # the surface takes some
    assert "horizontally (0." in found.words()
    assert "8 px or more" in found.words()
    assert "vertically" not in found.words()
    turned = noise_correlation([(white() + rows).T])
    assert turned.lengths == (LAGS, 0)
    assert "vertically" in turned.words()


def test_rows_and_columns_together_are_noise_though_they_are_in_both_directions():
    rng = np.random.default_rng(1)
    noise = white(0, 384) + rng.normal(size=(384, 1)) + rng.normal(size=(1, 384))
    assert noise_correlation([noise]).lengths == (LAGS, LAGS)


def test_the_length_is_that_of_the_noise():
    smeared = ndi.uniform_filter1d(white(), 3, axis=1)  # 2/3, 1/3, then nothing
    found = noise_correlation([smeared])
    assert found.lengths == (0, 2)
    assert found.horizontal.values[0] == pytest.approx(2 / 3, abs=0.1)


@pytest.mark.parametrize("sigma", [0.5, 0.7, 1.0, 1.5])
def test_blurred_noise_is_correlated_in_both_directions(sigma):
    found = noise_correlation([ndi.gaussian_filter(white(), sigma)])
    assert min(found.lengths) >= 1
    assert "vertically" in found.words()
    assert "horizontally" in found.words()


@pytest.mark.parametrize("peak", [3, 30, 300])
def test_poisson_noise_on_objects_is_not_correlated(peak):
    image = nuclei()
    found = noise_correlation([np.random.default_rng(2).poisson(image / image.max() * peak + 1)])
    assert found.lengths == (0, 0)


def test_poisson_noise_that_was_resampled_is_correlated():
    image = nuclei()
    noisy = np.random.default_rng(2).poisson(image + 5.0).astype(np.float64)
    assert min(noise_correlation([ndi.zoom(noisy, 1.5, order=1)]).lengths) >= 1


@pytest.mark.parametrize("scale", [3.0, 8.0])
@pytest.mark.parametrize("amount", [1.0, 3.0, 10.0])
def test_structure_under_white_noise_is_no_noise(scale, amount):
    structure = ndi.gaussian_filter(white(7), scale)
    found = noise_correlation([amount * structure / structure.std() + white()])
    assert found.lengths == (0, 0)
    assert found.words() is None


def test_structure_beside_noise_of_rows_hides_it_not():
    rows = np.random.default_rng(1).normal(size=(192, 1))
    assert noise_correlation([nuclei() + white() + rows]).lengths == (0, LAGS)


@pytest.mark.parametrize("scale", [4.0, 6.0, 12.0])
def test_a_smooth_image_without_noise_says_nothing_of_noise(scale):
    assert noise_correlation([ndi.gaussian_filter(white(), scale)]).words() is None


def test_single_bright_pixels_and_a_clipped_background_change_nothing():
    hot = np.random.default_rng(3).random((192, 192)) < 0.01
    assert noise_correlation([np.where(hot, 500.0, white())]).lengths == (0, 0)
    assert noise_correlation([np.maximum(white(), -0.2)]).lengths == (0, 0)


def test_too_few_pixels_say_nothing():
    assert noise_correlation([]) is None
    assert noise_correlation([white(0, 15)]) is None
    assert noise_correlation([white(0, 64)]) is None  # 16 blocks, any of which may hold an object
    assert noise_correlation([white(0, 64), white(1, 64)]).blocks == 16
    assert noise_correlation([np.zeros((512, 512))]) is None
    holes = white(0, 192)
    holes[::SIDE, ::SIDE] = np.nan
    assert noise_correlation([holes]) is None


def test_a_computed_ramp_has_no_noise():
    y, x = np.mgrid[:192, :192]
    assert noise_correlation([(0.1 * y + 0.3 * x).astype(np.float32)]) is None


def test_many_images_count_together_and_the_record_is_plain():
    few = noise_correlation([white(0, 128)])
    many = noise_correlation([white(seed, 128) for seed in range(9)])
    assert many.blocks > few.blocks
    assert many.horizontal.errors[0] < few.horizontal.errors[0]
    record = many.record()
    assert record["blocks"] == many.blocks
    assert len(record["horizontal"]) == len(record["vertical_errors"]) == LAGS
