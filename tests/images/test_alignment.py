"""An image and its labels agree on what the stack is called and how large a pixel is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.errors import DataWarning


def test_z_becomes_t_with_its_channels_in_order() -> None:
    array = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)
    image = images.make(array, "CZYX", title="movie.tif")
    labels = images.make(np.zeros((3, 4, 5), np.uint16), "TYX", title="labels.tif")
    with pytest.warns(DataWarning, match=r"movie\.tif: its 3 slices are taken as frames"):
        fitted = images.stacked_like(image, labels)
    assert fitted.dims == ("T", "C", "Y", "X")
    np.testing.assert_array_equal(fitted, array.transpose(1, 0, 2, 3))
    assert fitted.attrs == image.attrs


@pytest.mark.parametrize(
    ("dims", "shape"), [("ZYX", (4, 6, 6)), ("TYX", (3, 6, 6)), ("TZYX", (3, 3, 6, 6))]
)
def test_what_is_not_the_same_stack_is_left(dims: str, shape: tuple[int, ...]) -> None:
    image = images.make(np.zeros(shape, np.uint8), dims)
    other = images.make(np.zeros((3, 6, 6), np.uint16), "TYX")
    assert images.stacked_like(image, other) is image


CALIBRATED = {"pixel_width": 0.5, "pixel_height": 0.5, "unit": "um", "frame_interval": 60.0}


def pair(ours: dict, theirs: dict):
    array = np.zeros((2, 6, 6), np.uint16)
    return images.make(array, "TYX", title="l.tif", **ours), images.make(
        array, "TYX", title="i.tif", **theirs
    )


def test_labels_without_calibration_take_the_images() -> None:
    labels, image = pair({}, CALIBRATED)
    with pytest.warns(DataWarning, match=r"l\.tif: not calibrated; pixels of 0\.5 × 0\.5 um.*60 s"):
        taken = images.calibrated_like(labels, image)
    assert images.calibration(taken) == images.calibration(image)
    assert taken.attrs["title"] == "l.tif"


def test_calibrations_that_differ_are_said_and_the_labels_stay() -> None:
    labels, image = pair({**CALIBRATED, "pixel_width": 0.6}, CALIBRATED)
    with pytest.warns(DataWarning, match=r"0\.6 × 0\.5 um.* but pixels of 0\.5"):
        kept = images.calibrated_like(labels, image)
    assert kept.attrs["pixel_width"] == 0.6


@pytest.mark.parametrize(
    "ours",
    [
        CALIBRATED,
        {**CALIBRATED, "unit": "µm", "pixel_width": 0.50001},
        {**CALIBRATED, "unit": "nm", "pixel_width": 500.0, "pixel_height": 500.0},
        {**CALIBRATED, "unit": "micrometer"},
        {**CALIBRATED, "unit": "cm", "pixel_width": 5e-5, "pixel_height": 5e-5},
    ],
)
def test_the_same_calibration_is_silent(ours: dict) -> None:
    labels, image = pair(ours, CALIBRATED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.calibrated_like(labels, image) is labels
