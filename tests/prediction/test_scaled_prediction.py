"""Predictions at the model's scale: by diameter, by pixel size, estimated."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import small_models as models
from scipy import ndimage

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import Normalisation, Seen, array_storage, memory_maps
from imagej_dl.images.intensities.training_intensities import SeenChannel
from imagej_dl.models import load
from imagej_dl.prediction import predict
from imagej_dl.prediction.diameter_estimate import estimated
from imagej_dl.prediction.frames import ready
from imagej_dl.prediction.rescaling import Scale
from imagej_dl.training.object_sizes import diameters

pytestmark = pytest.mark.tf


def bundle_with(**changed):
    made = models.threshold()
    config = made.config.model_copy(update={"object_diameter": 10.0} | changed)
    return models.ModelBundle(made.model, config)


@pytest.fixture(scope="module")
def ten():
    """A model of objects of 10 px."""
    return bundle_with()


def discs(diameter, shape=(200, 240), gap=2.0, aspect=1.0):
    """Draw bright discs of a diameter in px on a grid, `aspect` times as high as wide."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    step = diameter * gap
    high = step * aspect
    dy, dx = (y % high - high / 2) / aspect, x % step - step / 2
    whole = ((y // high + 1) * high <= shape[0]) & ((x // step + 1) * step <= shape[1])
    return np.uint8(240) * ((np.hypot(dy, dx) <= diameter / 2) & whole)


def sizes(labels):
    areas = np.bincount(labels.values.ravel())[1:]
    return np.sqrt(4 / np.pi * areas)


@pytest.mark.parametrize("diameter", [5, 20, 40])
def test_objects_are_found_at_the_models_scale_and_brought_back(ten, diameter):
    array = discs(diameter)
    seen = predict(ten, array, diameter=diameter, probabilities=True)
    plain = predict(ten, array)
    assert seen.scale.factors == pytest.approx((10 / diameter, 10 / diameter))
    assert seen.scale.diameter == diameter
    assert seen.labels.shape == seen.probabilities.shape[-2:] == array.shape
    assert seen.labels.max() == plain.labels.max() > 4
    overlap = np.count_nonzero((seen.labels > 0) & (array > 0)) / np.count_nonzero(
        (seen.labels > 0) | (array > 0)
    )
    assert overlap > (0.6 if diameter == 5 else 0.85)
    assert 0 <= seen.probabilities.min() <= seen.probabilities.max() <= 1


def test_a_diameter_of_about_the_models_changes_nothing(ten):
    array = discs(10)
    for given in (10, "10.5 px", "model", 9.2):
        seen = predict(ten, array, diameter=given, probabilities=True)
        plain = predict(ten, array, probabilities=True)
        np.testing.assert_array_equal(seen.probabilities, plain.probabilities)
        np.testing.assert_array_equal(seen.labels, plain.labels)
        assert not seen.scale.resamples


def test_the_network_and_the_post_processing_have_the_models_pixels(monkeypatch):
    """An object of 40 px, seen with 10, is below 100 px of the model, and above them here."""
    config = models.threshold().config
    settings = config.instances.model_copy(update={"minimum_area": 100})
    strict = bundle_with(instances=settings)
    array = discs(40)
    assert predict(strict, array, diameter="model").labels.max() > 4
    seen = predict(strict, array, diameter=40)
    assert seen.labels.max() == 0
    assert seen.left_out == predict(strict, array).labels.max()


def test_lengths_are_of_the_images_unit(ten):
    image = images.make(discs(20), pixel_width=0.4, pixel_height=0.4, unit="µm")
    for given in ("8 um", "8µm", "8000 nm"):
        assert predict(ten, image, diameter=given).scale.factors == pytest.approx((0.5, 0.5))


def test_pixels_that_are_not_square_become_so(ten):
    """Objects of 8 µm: 20 px wide and 10 px high."""
    array = discs(20, aspect=0.5)
    image = images.make(array, pixel_width=0.4, pixel_height=0.8, unit="µm")
    for given in ("8 um", np.sqrt(20 * 10).item()):
        seen = predict(ten, image, diameter=given)
        assert seen.scale.factors == pytest.approx((1.0, 0.5))
        assert seen.labels.shape == array.shape
        assert seen.labels.max() == predict(ten, image, diameter="model").labels.max()


def calibrated(**changed):
    return bundle_with(unit="µm", pixel_width=0.5, pixel_height=0.5, **changed)


def test_calibrated_images_are_resampled_and_it_is_said():
    array = discs(20)
    image = images.make(array, pixel_width=250.0, pixel_height=250.0, unit="nm", title="a.tif")
    with pytest.warns(DataWarning, match=r"a.tif: .*250 nm.*0.5 µm.*resampled.*× 0.5.*diameter"):
        seen = predict(calibrated(), image)
    assert seen.scale.factors == pytest.approx((0.5, 0.5))
    assert seen.labels.attrs["pixel_width"] == 250
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = predict(calibrated(), image, diameter="model")
    np.testing.assert_array_equal(plain.labels > 0, array > 0)


def test_within_the_tolerance_nothing_changes():
    image = images.make(discs(10), pixel_width=0.38, pixel_height=0.66, unit="µm")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = predict(calibrated(), image, probabilities=True)
    plain = predict(bundle_with(), images.make(discs(10)), probabilities=True)
    np.testing.assert_array_equal(seen.probabilities, plain.probabilities)
    np.testing.assert_array_equal(seen.labels, plain.labels)


def test_a_pixel_height_alone_counts_too():
    image = images.make(discs(10), pixel_width=0.5, pixel_height=1.0, unit="µm")
    with pytest.warns(DataWarning, match=r"0.5 × 1 µm.*× 1 along X and × 2 along Y"):
        assert predict(calibrated(), image).scale.factors == pytest.approx((2.0, 1.0))


def test_the_pixel_size_of_a_scanner_is_not_believed():
    image = images.make(discs(10), pixel_width=1 / 72, pixel_height=1 / 72, unit="inch")
    with pytest.warns(DataWarning, match="objects may be missed"):
        assert not predict(calibrated(), image).scale.resamples


@pytest.mark.parametrize("diameter", [6, 10, 21, 45])
def test_the_diameter_is_estimated(ten, diameter):
    array = discs(diameter, (260, 300))
    found = estimated(ten, images.make(array))
    true = np.median(sizes(predict(ten, array).labels))
    assert found.diameter == pytest.approx(true, rel=0.2)
    with pytest.warns(DataWarning, match="estimated from"):
        seen = predict(ten, array, diameter="auto")
    assert seen.scale.resamples == (diameter != 10)
    assert seen.labels.max() == predict(ten, array).labels.max()


def test_enlarged_noise_is_not_taken_for_small_objects(shared_data):
    """Objects of 200 px, farther from the model's 21 than is tried; between them blurred noise."""
    folder = shared_data / "nuclei" / "train" / "a0afead3b4fe"
    image = images.read(folder / "image.tif").values
    typical = np.median(diameters(images.read_labels(folder / "labels.tif").values))
    large = ndimage.zoom(image, 4, order=3, grid_mode=True, mode="nearest")
    found = estimated(load("nuclei"), images.make(large))
    assert found is not None
    assert found.diameter == pytest.approx(4 * typical, rel=0.2)


def test_the_diameter_is_found_in_a_corner_of_a_video(ten):
    video = np.zeros((5, 700, 900), np.uint8)
    video[2:, 550:, 700:] = discs(20, (150, 200))
    image = images.make(video, "TYX")
    assert estimated(ten, image).diameter == pytest.approx(20, rel=0.15)
    with pytest.warns(DataWarning, match="estimated from"):
        seen = predict(ten, image, diameter="auto")
    assert seen.labels.shape == video.shape
    assert seen.labels[0].max() == 0
    assert seen.labels[4].max() == predict(ten, video[4]).labels.max()


def test_an_empty_plane_is_left_as_it_is(ten):
    with pytest.warns(DataWarning, match="too few objects"):
        seen = predict(ten, np.zeros((90, 80), np.uint8), diameter="auto")
    assert not seen.scale.resamples
    assert seen.labels.max() == 0


def test_enlarged_noise_is_no_objects():
    """At four times its size the noise of an empty plane is blobs of a plausible size."""
    channel = SeenChannel(noise=0.04, top=1.5, levels=(0, 255))
    seen = Seen(planes=1, area=20, channels=(channel,))
    bundle = bundle_with(normalisation=Normalisation(), seen=seen)
    noise = np.random.default_rng(0).poisson(30, (90, 100)).astype(np.uint16)
    noise = np.repeat(np.repeat(noise, 2, axis=0), 2, axis=1)  # of a camera with large pixels
    with pytest.warns(DataWarning, match="too few objects"):
        assert not predict(bundle, noise, diameter="auto").scale.resamples
    for y, x in ((40, 20), (40, 60), (70, 20), (60, 70), (10, 10)):
        noise[y : y + 10, x : x + 10] = 900
    assert estimated(bundle, images.make(noise)).diameter == pytest.approx(11, abs=2)


def test_enlarged_noise_is_stretched_as_much_less():
    """Blobs of noise look like objects where the training knew noise of single pixels alone."""
    seen = Seen(planes=1, area=20, channels=(SeenChannel(noise=0.04, top=1.5, levels=(0, 255)),))
    bundle = bundle_with(normalisation=Normalisation(), seen=seen)
    noise = images.make(np.random.default_rng(0).normal(500, 20, (60, 70)).astype(np.uint16))
    spread = {}
    for factor in (0.5, 1.0, 2.0, 4.0):
        scale = Scale((factor, factor))
        (plane,) = ready(scale.limited(bundle), scale.pixels(bundle, noise))
        spread[factor] = plane.std()
    assert spread[2.0] == pytest.approx(spread[1.0] / 2, rel=0.2)
    assert spread[4.0] == pytest.approx(spread[1.0] / 4, rel=0.2)
    assert spread[0.5] == pytest.approx(spread[1.0], rel=0.2)
    assert Scale((0.5, 0.5)).limited(bundle) is bundle


def test_one_scale_for_all_planes_of_a_recurrent_model():
    from imagej_dl.models.networks.registry import network

    model = network("unet_lstm", {"width": 1, "depth": 1, "classes": 1, "frames": 2}).build()
    given = {"frames": 2, "axes": "TYX", "object_diameter": 10.0}
    bundle = models.bundle_of(model, "binary", halo=8, multiple_of=2, **given)
    noise = np.random.default_rng(0).normal(size=(3, 40, 52))
    smooth = ndimage.gaussian_filter(noise, (0, 4, 4))
    video = np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))
    halves = images.make(
        np.stack([np.rint(halved(plane)) for plane in video]).astype(np.float32), "TYX"
    )
    expected = predict(bundle, halves, probabilities=True).probabilities.squeeze().values

    def deviation(diameter):
        found = predict(bundle, images.make(video, "TYX"), diameter=diameter, probabilities=True)
        assert found.labels.shape == video.shape
        values = found.probabilities.squeeze().values.reshape(3, 20, 2, 26, 2)
        return np.std(values.mean(axis=(2, 4)) - expected, axis=(1, 2))

    # The weights are random, and so is how far outputs at two scales differ.
    assert np.all(deviation(20) < 0.5 * deviation(10))


def halved(plane):
    from imagej_dl.prediction.resampling import CUBIC, resampled, weights

    return resampled(plane, weights(40, 20, CUBIC), weights(52, 26, CUBIC))


@pytest.mark.thorough(except_for=["5-percentile"])
@pytest.mark.parametrize("method", ["percentile", "range", "median", "equalise"])
@pytest.mark.parametrize("diameter", [5, 20])
def test_large_planes_are_resampled_in_parts(monkeypatch, tmp_path, method, diameter):
    net = models.unet()
    rule = Normalisation(method=method)
    config = net.config.model_copy(update={"object_diameter": 10.0, "normalisation": rule})
    bundle = models.ModelBundle(net.model, config)
    array = np.memmap(tmp_path / "image", ">u2", "w+", shape=(150, 130))
    array[:] = np.random.default_rng(0).integers(0, 4095, array.shape)
    given = {"diameter": diameter, "tile": 120, "probabilities": True}
    whole = predict(bundle, images.make(array), **given)
    monkeypatch.setattr(array_storage, "LARGE", 1000)
    parts = predict(bundle, images.make(array), **given)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-4)
    assert np.mean(parts.labels.values != whole.labels.values) < 1e-3
    assert memory_maps.mapped(parts.labels.data)
    assert memory_maps.mapped(parts.probabilities.data)


def test_what_cannot_be_is_refused(ten, tmp_path):
    array = discs(10)
    with pytest.raises(UserError, match="'big' is no diameter"):
        predict(ten, array, diameter="big")
    with pytest.raises(UserError, match=r"more than a factor of 32.*Check --diameter"):
        predict(ten, array, diameter=0.1)
    with pytest.raises(UserError, match="cannot be converted to px"):
        predict(ten, array, diameter="8 um")
    older = bundle_with(object_diameter=None)
    for given in (12, "8 um", "auto"):
        with pytest.raises(UserError, match=r"does not know the diameter.*Leave --diameter out"):
            predict(older, array, diameter=given)
    assert predict(older, array, diameter="model").labels.max() > 4


def test_an_absurd_pixel_is_named_by_its_place_in_the_image(ten):
    array = discs(20).astype(np.float32)
    array[30, 50] = 1e12
    config = ten.config.model_copy(update={"normalisation": Normalisation()})
    with pytest.warns(DataWarning, match=r"the pixel at x=(4[6-9]|5[0-4]), y=(2[6-9]|3[0-4]) is"):
        predict(models.ModelBundle(ten.model, config), array, diameter=20)


def test_progress_tells_the_passes_of_the_estimate(ten):
    told = []
    with pytest.warns(DataWarning, match="estimated from"):
        predict(ten, discs(20), diameter="auto", progress=lambda *seen: told.append(seen))
    assert told[:6] == [("diameter", n, 6) for n in range(6)]
    assert told[-1] == ("predict", 1, 1)
