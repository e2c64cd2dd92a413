import warnings

import numpy as np
import pytest
from simulated_noise import frames, observe, scene, variance

from imagej_dl import images, noise
from imagej_dl.errors import DataWarning, UserError


def stack(values, dtype=np.float32):
    return images.make(np.asarray(values, dtype), "TYX", title="calibration.tif")


def spread(pairs):
    return np.square(pairs.observed - pairs.signal).mean()


def test_few_frames_do_not_make_the_noise_smaller():
    """The mean over n frames takes 1/n of the variance with it, which is given back."""
    clean = scene()
    true = variance(clean).mean()
    for number in (3, 10):
        found = spread(noise.of_frames(frames(number, clean, dtype=np.float32)))
        assert found == pytest.approx(true, rel=0.03)


def test_a_denoised_image_stands_for_the_signal():
    clean = scene(160)
    noisy = images.make(observe(clean, np.random.default_rng(0)).astype(np.float32))
    pairs = noise.of_denoised(noisy, images.make(clean.astype(np.float32)))
    assert pairs.origin.signal == "denoised"
    assert spread(pairs) == pytest.approx(variance(clean).mean(), rel=0.06)


@pytest.mark.slow
def test_what_is_saturated_is_said_and_left_out():
    clean = scene(brightest=300)
    whole = frames(60, clean)
    clipped = images.with_data(whole, np.minimum(whole.data, 300), whole.dims)
    with pytest.warns(DataWarning, match=r"% of the pixels are saturated \(at 300\)"):
        pairs = noise.of_frames(clipped)
    assert pairs.origin.saturation == 300
    assert pairs.signal.max() < 290
    model = noise.fit_mixture(pairs)
    at = np.linspace(model.low, model.high, 7)
    found = model.variance(at) / variance(at)
    np.testing.assert_allclose(found[1:], 1, atol=0.05)
    assert found[0] == pytest.approx(1, abs=0.3)  # of 60 pixels, at the end of a straight line


def test_bright_noise_is_not_taken_for_saturation():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert noise.of_frames(frames()).origin.saturation is None


def test_a_scene_that_changes_is_said():
    still = frames(20, dtype=np.float32)
    bleaching = still.data * np.linspace(1.2, 0.8, 20, dtype=np.float32)[:, None, None]
    with pytest.warns(DataWarning, match="the frames change"):
        noise.of_frames(stack(bleaching))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (images.make(np.ones((64, 64), np.uint8)), "no calibration stack"),
        (images.make(np.ones((1, 64, 64), np.uint8), "TYX"), "no calibration stack"),
        (images.make(np.ones((5, 2, 64, 64), np.uint8), "TCYX"), "no calibration stack"),
        (stack(np.random.default_rng(0).random((2, 20, 20))), "2,000 are needed"),
        (stack(np.full((5, 64, 64), 7)), "no contrast"),
        (stack(np.stack([scene()] * 5)), "no noise"),
        (stack(np.full((5, 64, 64), np.nan)), "NaN"),
    ],
)
def test_what_noise_cannot_be_measured_on_is_refused(image, words):
    with pytest.raises(UserError, match=words):
        noise.of_frames(image)


def test_pictures_that_do_not_belong_together_are_refused():
    clean = scene().astype(np.float32)
    noisy = images.make(observe(clean, np.random.default_rng(0)))
    with pytest.raises(UserError, match="the axes"):
        noise.of_denoised(noisy, images.make(clean[:50]))
    with pytest.raises(UserError, match="not the same image in the same intensities"):
        noise.of_denoised(noisy, images.make((clean - 100) / 300))
