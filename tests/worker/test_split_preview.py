"""The preview of a denoiser: which region is shown, and which side of its diagonal is which."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.worker import split_preview


def plane(height: int, width: int, channels: int = 0) -> object:
    shape = (channels, height, width) if channels else (height, width)
    pixels = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return images.make(pixels, "CYX" if channels else "YX", unit="um", pixel_width=0.5)


@pytest.mark.parametrize(
    ("size", "box", "y", "x"),
    [
        ((600, 400), None, (172, 428), (72, 328)),
        ((100, 90), None, (0, 100), (0, 90)),
        ((600, 400), (10, 20, 100, 50), (20, 70), (10, 110)),
        ((600, 400), (380, 590, 20, 10), (584, 600), (380, 400)),
        ((600, 400), (0, 0, 400, 600), (172, 428), (72, 328)),
        ((64, 64), (5, 5, 0, 9), (0, 64), (0, 64)),
    ],
)
def test_the_region_is_the_selection_or_the_middle(size, box, y, x) -> None:
    whole = plane(*size)
    assert split_preview.region(whole, box) == {"Y": slice(*y), "X": slice(*x)}


@pytest.mark.parametrize("channels", [0, 3])
def test_it_is_noisy_below_the_diagonal(channels: int) -> None:
    noisy = plane(40, 60, channels)
    denoised = images.with_data(noisy, np.full(noisy.shape, -1, np.float32))
    made = split_preview.split(noisy, denoised)
    assert made.dims == noisy.dims
    assert made.dtype == np.float32
    assert (made.data[..., 0, -1] == -1).all()
    assert (made.data[..., 5, 50] == -1).all()
    np.testing.assert_array_equal(made.data[..., 35, 5], noisy.data[..., 35, 5])
    assert np.mean(made.data == -1) == pytest.approx(0.5, abs=0.02)


def test_other_channels_are_shown_alone() -> None:
    noisy, denoised = plane(20, 20, 2), plane(20, 20)
    assert split_preview.split(noisy, denoised) is denoised
