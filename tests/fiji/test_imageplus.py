"""Images between Python and the real ImageJ 1.54p: pixels, axes, calibration, real copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imagej_dl import UserError, fiji, images

pytestmark = pytest.mark.jvm

CALIBRATION = {
    "pixel_width": 0.65,
    "pixel_height": 0.5,
    "pixel_depth": 2.0,
    "frame_interval": 300.0,
}


def _round_trips() -> list[str]:
    from imagej_dl.fiji.imageplus import from_imageplus, to_imageplus

    fiji.start("embedded")
    rng = np.random.default_rng(5)
    wrong = []
    for dtype in ("uint8", "uint16", "float32"):
        for dims in ("YX", "TYX", "CYX", "ZYX", "TCYX", "TZYX", "CZYX", "TCZYX"):
            shape = [2 + i for i in range(len(dims) - 2)] + [7, 9]
            array = (rng.random(shape) * 250).astype(dtype)
            image = images.make(array, dims, title="a b", unit="um", **CALIBRATION)
            back = from_imageplus(to_imageplus(image))
            if not (
                back.identical(image) and back.dims == image.dims and back.dtype == image.dtype
            ):
                wrong.append(f"{dtype} {dims}: {back.attrs} {back.dims}")
    return wrong


def test_everything_survives(own_process: Any) -> None:
    assert own_process(_round_trips) == []


def _edits() -> tuple[int, int, int]:
    from imagej_dl.fiji.imageplus import from_imageplus, to_imageplus

    fiji.start("embedded")
    array = np.zeros((3, 8, 8), np.uint16)
    imp = to_imageplus(images.make(array, "TYX"))
    imp.setSlice(2)
    imp.getProcessor().set(4, 5, 60_000)
    imp.setSlice(3)
    imp.setSlice(2)
    again = int(imp.getProcessor().get(4, 5))
    back = from_imageplus(imp)
    imp.getProcessor().set(4, 5, 7)
    return again, int(back[1, 5, 4]), int(array.max())


def test_edits_are_kept_and_nothing_is_shared(own_process: Any) -> None:
    assert own_process(_edits) == (60_000, 60_000, 0)


def _hyperstack() -> tuple[list[int], list[float], str]:
    from imagej_dl.fiji.imageplus import to_imageplus

    fiji.start("embedded")
    array = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4, 1, 1) * np.ones((5, 6))
    imp = to_imageplus(images.make(array.astype(np.float32), "TCZYX", unit="µm"))
    values = []
    for c, z, t in ((1, 1, 1), (3, 1, 1), (1, 4, 1), (1, 1, 2), (3, 4, 2)):
        imp.setPosition(c, z, t)
        values.append(float(imp.getProcessor().getf(0, 0)))
    return [int(n) for n in imp.getDimensions()], values, str(imp.getCalibration().getUnit())


def test_positions_in_the_hyperstack(own_process: Any) -> None:
    dims, values, unit = own_process(_hyperstack)
    assert dims == [6, 5, 3, 4, 2]
    # The value of a plane is (t·3 + c)·4 + z, each from 0.
    assert values == [0, 8, 3, 12, 23]
    assert unit == "µm"


def _labels_and_types() -> tuple[str, list[str], list[str]]:
    from imagej_dl.fiji.imageplus import from_imageplus, to_imageplus

    fiji.start("embedded")
    try:
        to_imageplus(images.make(np.array([[0, 2**24 + 1]], np.uint32), title="big.tif"))
        message = "no error"
    except UserError as error:
        message = str(error)
    types = []
    for dtype, top in (("uint32", 60_000), ("uint32", 70_000), ("int64", 9), ("bool", 1)):
        array = np.array([[0, top]]).astype(dtype)
        back = from_imageplus(to_imageplus(images.make(array)))
        types.append(f"{back.dtype} {float(back.max()):.0f}")
    from scyjava import jimport

    colour = jimport("ij.process.ColorProcessor")(2, 1)
    colour.set(0, 0, 0x010203)
    rgb = from_imageplus(jimport("ij.ImagePlus")("rgb", colour))
    return message, types, [str(rgb.dims), str(rgb[:, 0, 0].values.tolist())]


def test_types_without_a_twin(own_process: Any) -> None:
    message, types, rgb = own_process(_labels_and_types)
    assert "big.tif" in message
    assert "16777217" in message
    assert types == ["uint16 60000", "float32 70000", "uint16 9", "uint8 255"]
    assert rgb == ["('C', 'Y', 'X')", "[1, 2, 3]"]
