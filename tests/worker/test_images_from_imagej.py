"""Images that ImageJ's process hands on come with one unit, and with the numbers it shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.worker import shared_memory


def given(array: np.ndarray, **about: Any) -> tuple[Any, dict[str, Any]]:
    shm = SimpleNamespace(name="none", close=lambda: None)
    known = {"title": "a", "pixel_width": 0.5, "pixel_height": 0.5, "pixel_depth": 1.0}
    known |= {"unit": "µm", "frame_interval": 2.0, "time_unit": "min"}
    return SimpleNamespace(ndarray=lambda: array, shm=shm), known | about


@pytest.fixture(autouse=True)
def nothing_is_unlinked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "_given", [])


def test_units_of_each_axis() -> None:
    array, about = given(np.zeros((1, 3, 1, 4, 5), np.uint8), pixel_height=500, pixel_depth=-300)
    image = shared_memory.to_image(array, about | {"unit_y": "nm", "unit_z": "nm", "signed": False})
    assert image.attrs["unit"] == "µm"
    assert image.attrs["pixel_height"] == pytest.approx(0.5)
    assert image.attrs["pixel_depth"] == pytest.approx(0.3)
    assert image.attrs["frame_interval"] == 120
    for interval, unit in ((-1, "sec"), (float("nan"), "sec"), (2, "frame")):
        array, about = given(np.zeros((2, 1, 1, 4, 5), np.uint8), frame_interval=interval)
        image = shared_memory.to_image(array, about | {"time_unit": unit})
        assert image.attrs["frame_interval"] == 0


def test_signed_pixels_go_as_imagej_holds_them() -> None:
    image = images.make(np.array([[-32768, -1, 5, 32767]], np.int16), display_ranges=[(-9.0, 9.0)])
    sent = shared_memory.share(image)
    try:
        assert np.ravel(sent["array"].ndarray()).tolist() == [0, 32767, 32773, 65535]
        assert sent["about"]["signed"] is True
        assert sent["about"]["display"]["display_ranges"] == [[32759, 32777]]
    finally:
        shared_memory.release()


def test_signed_pixels() -> None:
    pixels = np.array([32768, 32770, 0], np.uint16).reshape(1, 1, 1, 1, 3)
    array, about = given(pixels)
    assert shared_memory.to_image(array, about).dtype == np.uint16
    image = shared_memory.to_image(*given(pixels, signed=True))
    assert image.dtype == np.int16
    assert np.ravel(image).tolist() == [0, 2, -32768]
