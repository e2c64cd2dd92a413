"""The network's output for blocks is that for the whole plane, in all views, of all models."""

from __future__ import annotations

import json

import numpy as np
import pytest
from image_models import to_image, unet_of_images

from imagej_dl import images
from imagej_dl.images import Normalisation
from imagej_dl.prediction import predict_image
from imagej_dl.prediction.blocks import cutting, intensities, network_jobs
from imagej_dl.prediction.blocks.plan import Plan
from imagej_dl.prediction.pixels import Pixels
from imagej_dl.prediction.views import View, views

__all__ = ["to_image"]
pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("to_image")]
SHAPE = (50, 61)


@pytest.mark.parametrize("method", ["percentile", "mean"])
def test_an_image_averaged_over_views_and_models(method: str) -> None:
    pixels = np.random.default_rng(0).integers(100, 60000, SHAPE).astype(np.uint16)
    image = images.make(pixels)
    bundle = unet_of_images(depth=1, normalisation=Normalisation(method=method))
    rows, columns = cutting.spans(bundle.config, SHAPE, 2 * bundle.config.halo + 24, None)
    assert len(rows) * len(columns) == 4
    plan = Plan({}, {}, 1, 1, SHAPE, rows, columns, None, "all", "image", True, False)
    found = json.loads(json.dumps(intensities.measured(bundle, Pixels(image), 0, 0)))

    def part(number: int, frame: int) -> intensities.Part:
        return intensities.Part(bundle, Pixels(image), frame, 0, found)

    made, ready = np.zeros(SHAPE, np.float32), network_jobs.ready(plan, bundle)
    for block in range(len(plan.blocks)):
        values, far = network_jobs.output(plan, [ready, ready], part, 0, block)
        made[plan.place(block)] = values[..., 0]
        assert not far
    expected = predict_image(bundle, image, augment="all", ensemble=[bundle]).values
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-4 * np.ptp(expected))


@pytest.mark.parametrize("view", views("all"))
def test_a_part_is_found_in_its_view_and_back(view: View) -> None:
    plane = np.arange(7 * 5).reshape(7, 5)
    where = (slice(1, 3), slice(2, 5))
    place = view.place(where, plane.shape)
    assert np.array_equal(view.of(plane)[place], view.of(plane[where]))
    assert view.source(place, plane.shape) == where
