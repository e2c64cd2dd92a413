"""Denoise, then segment: a model that gives an image before one that gives objects."""

from __future__ import annotations

import numpy as np
import pytest
from image_models import identity, image_bundle, to_image
from scipy import ndimage as ndi
from small_models import threshold

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.models import backend
from imagej_dl.prediction import predict
from imagej_dl.prediction.chain import check_chain, denoised

pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("to_image")]
__all__ = ["to_image"]


def box(side=5):
    """Return a model that gives the mean of the pixels around each."""
    keras = backend.keras()
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(1, side, padding="same")(inputs))
    model.set_weights([np.full((side, side, 1, 1), 1 / side**2), np.zeros(1)])
    return image_bundle(model, halo=side // 2)


def discs(noise=60):
    y, x = np.mgrid[:64, :96]
    truth = (np.hypot(y - 30, x - 25) < 12) | (np.hypot(y - 34, x - 70) < 12)
    rng = np.random.default_rng(1)
    values = 60 + 140 * truth + rng.normal(0, noise, truth.shape)
    return images.make(values.clip(0, 255).astype(np.uint8), title="discs.tif"), truth


@pytest.mark.parametrize("rule", [{"method": "range"}, {"method": "percentile"}])
def test_noise_is_taken_away_before_objects_are_found(rule):
    image, truth = discs()
    model = threshold()
    config = model.config.model_copy(update={"normalisation": images.Normalisation(**rule)})
    model = type(model)(model.model, config)
    alone = predict(model, image).labels
    clean = denoised(box(), image, model)
    # A rule that divides by the type's largest value is given the type of the image.
    assert clean.dtype == (np.uint8 if rule["method"] == "range" else np.float32)
    np.testing.assert_allclose(
        clean.data[4:-4, 4:-4], ndi.uniform_filter(image.data / 1.0, 5)[4:-4, 4:-4], atol=0.51
    )
    found = predict(model, clean).labels
    assert found.attrs["title"] == "discs.tif"
    assert int(alone.max()) > 5
    assert int(found.max()) == 2
    assert np.mean((found.data > 0) == truth) > 0.98


def test_models_that_do_not_go_together():
    segments = threshold().config
    with pytest.raises(UserError, match="outputs objects, not an image"):
        check_chain(segments, None, segments)
    with pytest.raises(UserError, match=r"2 channel.*trained on 1"):
        check_chain(identity(2).config, None, segments)
    with pytest.raises(UserError, match="gives an image itself"):
        check_chain(identity().config, None, identity().config)
    check_chain(identity(2).config, None, threshold(channels=2).config)


def test_the_stage_is_told():
    told = []
    denoised(box(), discs()[0], threshold(), progress=lambda *step: told.append(step))
    assert {step[0] for step in told} == {"denoise"}
    assert told[-1][1] == told[-1][2]
