"""A part of a plane is made as it is within the whole plane."""

from __future__ import annotations

import numpy as np
import pytest
from image_models import to_image, unet_of_images

from imagej_dl import images
from imagej_dl.prediction import predict_image, preview

__all__ = ["to_image"]
pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("to_image")]

PLACES = [
    ({"Y": slice(61, 97), "X": slice(43, 90)}, "in the middle"),
    ({"Y": slice(0, 16), "X": slice(125, 150)}, "in a corner"),
    ({"Y": slice(0, 170), "X": slice(0, 150)}, "all of it"),
]


@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_that_of_the_whole_plane(channels: int) -> None:
    rng = np.random.default_rng(1)
    shape = (170, 150)
    # Bright on one side, so that parts have other percentiles than the whole.
    pixels = rng.poisson(50, (channels, *shape)) + 9 * np.arange(shape[1])
    dims = "YX" if channels == 1 else "CYX"
    plane = images.make(pixels.astype(np.uint16).reshape(-1, *shape)[:channels].squeeze(), dims)
    bundle = unet_of_images(channels, network="unet_n2v")
    whole = predict_image(bundle, plane)
    for place, where in PLACES:
        made = preview(bundle, plane, place)
        expected = whole.isel(place)
        assert made.dims == expected.dims
        np.testing.assert_allclose(made.data, expected.data, atol=0.02, err_msg=where)
    alone = predict_image(bundle, plane.isel(PLACES[0][0]))
    assert np.abs(alone.data - whole.isel(PLACES[0][0]).data).max() > 1
