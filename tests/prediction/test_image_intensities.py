"""The image that a model gives has the intensities of its input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from image_models import identity, image_bundle, to_image, unet_of_images

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.models import backend
from imagej_dl.prediction import predict_image, preview

pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("to_image")]
__all__ = ["to_image"]

WAYS = [
    {"method": "percentile"},
    {"method": "percentile", "scope": "video"},
    {"method": "range"},
    {"method": "range", "largest": 4095},
    {"method": "median"},
    {"method": "median", "scope": "video"},
    {"method": "mean"},
    {"method": "mean", "scope": "video"},
]


def movie(dtype="uint16", frames=3, shape=(40, 36)):
    """Return frames of other brightness each, as those of a bleaching movie."""
    rng = np.random.default_rng(2)
    most = 200 if dtype == "uint8" else 40_000 if dtype == "uint16" else 3.0
    planes = [rng.gamma(2, most / 12 / (t + 1), shape) + most / 5 for t in range(frames)]
    return images.make(np.stack(planes).astype(dtype), "TYX", title="movie.tif")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(map(str, way.values())))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_intensities_of_each_plane_come_back(way, dtype):
    image = movie(dtype)
    bundle = identity(normalisation=Normalisation(**way))
    made = predict_image(bundle, image)
    assert made.dtype == np.float32
    assert made.dims == image.dims
    np.testing.assert_allclose(made.data, image.data, rtol=2e-6)
    np.testing.assert_array_equal(made, preview(bundle, image))


@pytest.mark.parametrize("augment", ["flips", "all"])
def test_each_channel_has_its_own_intensities(augment):
    rng = np.random.default_rng(1)
    scales = np.array([30, 4000, 60_000])[:, None, None]
    planes = rng.uniform(0.1, 1, (3, 30, 41)) * scales
    image = images.make(planes.astype(np.uint16), "CYX")
    made = predict_image(identity(3), image, augment=augment)
    assert made.dims == ("C", "Y", "X")
    np.testing.assert_allclose(made.data, image.data, rtol=3e-6)


def test_frames_slices_and_channels_stay_where_they_are():
    rng = np.random.default_rng(1)
    shape = {"T": 2, "C": 2, "Z": 3, "Y": 20, "X": 24}
    array = rng.integers(0, 60_000, tuple(shape.values())).astype(np.uint16)
    image = images.make(array, "TCZYX", pixel_width=0.3, pixel_depth=2.0, unit="um")
    made = predict_image(identity(2), image)
    assert dict(made.sizes) == shape
    assert images.calibration(made) == images.calibration(image)
    np.testing.assert_allclose(made.data, image.data, rtol=3e-6, atol=0.01)


def test_fewer_channels_than_in_the_input_have_those_of_the_first():
    keras = backend.keras()
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs))
    model.set_weights([np.array([1.0, 0.0]).reshape(1, 1, 2, 1), np.zeros(1)])
    bundle = image_bundle(model, channels=2, outputs=1)
    rng = np.random.default_rng(1)
    image = images.make(np.stack([rng.uniform(0, n, (20, 20)) for n in (9, 900)]), "CYX")
    made = predict_image(bundle, image)
    assert made.dims == ("Y", "X")
    np.testing.assert_allclose(made.data, image.data[0], rtol=1e-5, atol=1e-6)


def test_models_of_an_ensemble_bring_back_intensities_each_for_itself():
    image = movie("uint8")
    first = identity(normalisation=Normalisation())
    other = identity(normalisation=Normalisation(method="range"))
    made = predict_image(first, image, ensemble=[other], augment="flips")
    np.testing.assert_allclose(made.data, image.data, rtol=2e-6)


def test_what_is_brighter_than_all_that_the_training_saw_is_kept():
    rng = np.random.default_rng(3)
    plain = rng.normal(100, 5, (64, 64)) + 200 * (np.indices((64, 64)).sum(axis=0) % 32 < 8)
    rule = Normalisation()
    seen = images.Seen.of([rule.look(plain.astype(np.uint16))], 10)
    bright = plain.copy()
    bright[10:14, 10:40] = 20_000
    image = images.make(bright.astype(np.uint16))
    bundle = identity(normalisation=rule, seen=seen)
    with pytest.warns(UserWarning, match="times as bright") as told:
        made = predict_image(bundle, image)
    assert "debris" not in str(told[0].message)
    np.testing.assert_allclose(made.data, image.data, rtol=1e-5)


def test_a_large_plane_is_read_in_parts_and_comes_back(monkeypatch):
    image = movie("uint16", frames=2, shape=(150, 140))
    bundle = unet_of_images()
    whole = predict_image(bundle, image)
    monkeypatch.setattr("imagej_dl.images.array_storage.LARGE", 1000)
    for augment in ("none", "flips"):
        for way in WAYS[0], WAYS[2], WAYS[3]:
            one = replace(identity(), config=identity(normalisation=Normalisation(**way)).config)
            made = predict_image(one, image, tile=64, augment=augment)
            np.testing.assert_allclose(made.data, image.data, rtol=2e-6)
    made = predict_image(bundle, image, tile=96)
    spread = float(image.max() - image.min())
    np.testing.assert_allclose(made.data, whole.data, atol=1e-5 * spread)


@pytest.mark.parametrize("network", ["unet", "unet_n2v"])
@pytest.mark.parametrize("tile", [64, 88, 120, 1024])
def test_tiles_leave_no_seams(tile, network):
    image = movie("float32", frames=1, shape=(203, 170)).isel(T=0)
    bundle = unet_of_images(network=network)
    whole = predict_image(bundle, image, tile=4096)
    made = predict_image(bundle, image, tile=tile)
    np.testing.assert_allclose(made.data, whole.data, atol=1e-5)


@pytest.mark.parametrize("way", [{"method": "equalise"}, {"clip": True}, {"illumination": 5}])
def test_a_normalisation_that_cannot_be_undone_is_refused_by_prediction(way):
    bundle = identity(normalisation=Normalisation(**way))
    with pytest.raises(UserError, match="cannot be undone"):
        predict_image(bundle, movie())


def test_a_network_that_gives_no_numbers_is_refused():
    bundle = identity()
    bundle.model.set_weights([np.full((1, 1, 1, 1), np.nan), np.zeros(1)])
    with pytest.raises(UserError, match="NaN"):
        predict_image(bundle, movie())
