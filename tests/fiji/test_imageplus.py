"""Images between Python and the real ImageJ 1.54p: pixels, axes, calibration, real copies.

One process with one ImageJ makes all observations; the tests look at them one by one.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from own_process import call

from imagej_dl import UserError, fiji, images

pytestmark = pytest.mark.jvm

CALIBRATION = {
    "pixel_width": 0.65,
    "pixel_height": 0.5,
    "pixel_depth": 2.0,
    "frame_interval": 300.0,
}
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
DTYPES += ["float16", "float32", "float64", ">u2", ">i4", ">u4", ">f2", ">f4", ">f8"]
AXES = ("YX", "TYX", "CYX", "ZYX", "TCYX", "TZYX", "CZYX", "TCZYX")
BIG = [2**24 + 1, 2**24 + 3, 2**31, 2**32 - 1]


def random_array(dtype: str, shape: list[int]) -> np.ndarray:
    rng = np.random.default_rng(len(shape))
    array = rng.integers(0, 250, shape)
    if np.dtype(dtype).kind == "b":
        return array > 100
    if np.dtype(dtype).kind == "i":
        array = array - 125
    if np.dtype(dtype).itemsize > 2 and np.dtype(dtype).kind in "iu":
        array = array * 66_000
    if np.dtype(dtype).kind == "f":
        array = array / 8 - 3
    return array.astype(dtype)


def types_and_axes() -> list[str]:
    wrong = []
    for dtype, dims in itertools.product(DTYPES, AXES):
        array = random_array(dtype, [2 + i for i in range(len(dims) - 2)] + [7, 9])
        image = images.make(array, dims, title="a b", unit="um", **CALIBRATION)
        back = fiji.from_imageplus(fiji.to_imageplus(image))
        same_type = back.dtype == image.dtype.newbyteorder("=") and back.dtype.isnative
        if not (back.identical(image) and back.dims == image.dims and same_type):
            wrong.append(f"{dtype} {dims}: {back.attrs} {back.dims} {back.dtype}")
    return wrong


def orders_of_axes() -> tuple[int, list[str]]:
    """Hand in every order of every choice of axes, and pixels that lie anyhow in memory."""
    from imagej_dl.fiji import pixels

    wrong, count = [], 0
    for dims in AXES:
        shape = [2 + i for i in range(len(dims) - 2)] + [6, 7]
        image = images.make(random_array("uint16", shape), dims, title="a")
        orders = list(itertools.permutations(dims))
        for order in orders[:: max(1, len(orders) // 24)]:
            turned = image.transpose(*order)
            count += 1
            if not fiji.from_imageplus(fiji.to_imageplus(turned)).identical(image):
                wrong.append("".join(order))
    # Blocks of memory that hold one plane, two, and all.
    whole = pixels._BLOCK
    for size in (1, 2 * 12 * 14 * 4, whole):
        pixels._BLOCK = size
        wide = images.make(random_array("float32", [5, 12, 14]), "TYX", title="a")
        if not fiji.from_imageplus(fiji.to_imageplus(wide)).identical(wide):
            wrong.append(f"blocks of {size}")
    for name, part in {
        "steps": wide[:, ::2, ::-3],
        "fortran": wide.copy(data=np.asfortranarray(wide.values)),
        "broadcast": wide.copy(data=np.broadcast_to(wide.values[:1], wide.shape)),
    }.items():
        if not fiji.from_imageplus(fiji.to_imageplus(part)).identical(part):
            wrong.append(name)
    read_only = wide.copy(data=np.frombuffer(wide.values.tobytes(), np.float32).reshape(wide.shape))
    if not fiji.from_imageplus(fiji.to_imageplus(read_only)).identical(wide):
        wrong.append("read-only")
    return count, wrong


def edits() -> dict[str, Any]:
    array = np.zeros((3, 8, 8), np.uint16)
    imp = fiji.to_imageplus(images.make(array, "TYX"))
    imp.setSlice(2)
    imp.getProcessor().set(4, 5, 60_000)
    imp.setSlice(3)
    imp.setSlice(2)
    again = int(imp.getProcessor().get(4, 5))
    back = fiji.from_imageplus(imp)
    imp.getProcessor().set(4, 5, 7)
    array[1, 0, 0] = 9
    back[1, 1, 1] = 5
    later = fiji.from_imageplus(imp)
    return {
        "re-read": again,
        "back": int(back[1, 5, 4]),
        "python's": int(array.max()),
        "later": [int(later[1, 5, 4]), int(later[1, 0, 0]), int(later[1, 1, 1])],
    }


def hyperstack() -> dict[str, Any]:
    array = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4, 1, 1) * np.ones((5, 6))
    imp = fiji.to_imageplus(images.make(array.astype(np.float32), "TCZYX", unit="µm"))
    values = []
    for c, z, t in ((1, 1, 1), (3, 1, 1), (1, 4, 1), (1, 1, 2), (3, 4, 2)):
        imp.setPosition(c, z, t)
        values.append(float(imp.getProcessor().getf(0, 0)))
    cal = imp.getCalibration()
    unit = str(cal.getUnit())
    cal.setYUnit("mm")
    cal.setZUnit("nm")
    cal.pixelHeight, cal.pixelDepth = 0.002, -300
    own = images.calibration(fiji.from_imageplus(imp))
    cal.setYUnit("")
    cal.setUnit("nm")
    return {
        "own units": (own.unit, own.pixel_height, own.pixel_depth),
        "dims": [int(n) for n in imp.getDimensions()],
        "values": values,
        "unit": unit,
        "changed unit": fiji.from_imageplus(imp).attrs["unit"],
        "title": str(fiji.to_imageplus(images.make(array[0, 0, 0], title="t"), "own").getTitle()),
    }


def large_labels() -> dict[str, Any]:
    array = np.zeros((2, 6, 8), np.uint32)
    array[0, 0, :4] = BIG
    array[1, 2, :4] = [1, 70_000, 2**24, 2**24 - 1]
    labels = images.make(array, "TYX", title="big.tif")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        imp = fiji.to_imageplus(labels)
    made = np.array(imp.getStack().getProcessor(2).getPixels()[:])
    copy = imp.duplicate()
    seen = {
        "warned": [str(w.message) for w in caught],
        "same": fiji.from_imageplus(imp).identical(labels),
        "small are themselves": made.reshape(6, 8)[2, :4].tolist(),
        "duplicate": fiji.from_imageplus(copy).equals(labels),
    }
    first = imp.getStack().getProcessor(1)
    first.setf(5, 5, first.getf(1, 0))  # the second of the large labels, painted elsewhere
    first.setf(6, 5, 500)  # a new label
    expected = array.copy()
    expected[0, 5, 5:7] = BIG[1], 500
    seen["edited"] = np.array_equal(fiji.from_imageplus(imp), expected)
    one = fiji.to_imageplus(labels.isel(T=0)).duplicate()
    seen["one plane"] = fiji.from_imageplus(one).equals(labels.isel(T=0))
    one.getProcessor().setf(0, 3, 0.5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen["spoilt"] = str(fiji.from_imageplus(one).dtype)
    seen["spoilt warns"] = [str(w.message) for w in caught]
    return seen


def types_left_behind() -> dict[str, Any]:
    """Types change when ImageJ's own commands change them, or pixels do not fit any more."""
    from scyjava import jimport

    converter = jimport("ij.process.ImageConverter")
    wide = fiji.to_imageplus(images.make(np.array([[0, 200]], np.uint8)))
    converter(wide).convertToGray16()
    mask = fiji.to_imageplus(images.make(np.array([[False, True]])))
    mask.getProcessor().set(0, 0, 17)
    whole = fiji.to_imageplus(images.make(np.array([[-3, 4]])))
    whole.getProcessor().setf(0, 0, 0.5)
    signed = jimport("ij.IJ").createImage("signed", "16-bit black", 3, 2, 1)
    signed.getCalibration().setSigned16BitCalibration()
    signed.getProcessor().set(0, 0, 32768 - 5)
    images_of = {"wide": wide, "mask": mask, "whole": whole, "signed": signed}
    signed.setDisplayRange(32768 - 5, 32768 + 7)
    back = {name: fiji.from_imageplus(imp) for name, imp in images_of.items()}
    seen = {name: f"{image.dtype} {float(image[0, 0])}" for name, image in back.items()}
    again = fiji.to_imageplus(back["signed"])
    low, high = again.getDisplayRangeMin(), again.getDisplayRangeMax()
    return {**seen, "range": (float(low), float(high))}


def colours() -> dict[str, Any]:
    from scyjava import jimport

    colour = jimport("ij.process.ColorProcessor")(2, 1)
    colour.set(0, 0, 0x010203)
    rgb = fiji.from_imageplus(jimport("ij.ImagePlus")("rgb", colour))
    movie = np.random.default_rng(1).integers(0, 256, (2, 3, 4, 5, 6), np.uint8)
    image = images.make(movie, "TCZYX", title="m", display_mode="rgb")
    imp = fiji.to_imageplus(image)
    return {
        "dims": rgb.dims,
        "pixel": rgb[:, 0, 0].values.tolist(),
        "mode": rgb.attrs["display_mode"],
        "bits": int(imp.getBitDepth()),
        "movie": fiji.from_imageplus(imp).identical(image),
    }


def _error(image: Any) -> str:
    try:
        fiji.to_imageplus(image)
    except UserError as error:
        return str(error)
    return "no error"


def errors() -> dict[str, str]:
    import xarray as xr

    plane = np.zeros((2, 3))
    return {
        "complex": _error(images.make(plane.astype(complex), title="c.tif")),
        "text": _error(images.make(np.full((2, 3), "a"))),
        "int64": _error(images.make(np.array([[0, 2**24 + 1]]), title="i.tif")),
        "uint64": _error(images.make(np.array([[0, 2**64 - 1]], np.uint64))),
        "whole float64": _error(images.make(np.array([[0.0, 2**24 + 1]]))),
        "huge": _error(images.make(np.array([[0.0, 1e300]]))),
        "empty": _error(images.make(np.zeros((0, 4, 4), np.uint8), "TYX")),
        "axes": _error(xr.DataArray(plane, dims=("row", "col"))),
        "plain 3-D": _error(np.zeros((3, 4, 5), np.uint8)),
        "exact above": _error(images.make(np.array([[0, 2**25]]))),
    }


CHECKS: tuple[Callable[[], Any], ...] = (
    types_and_axes,
    orders_of_axes,
    edits,
    hyperstack,
    large_labels,
    types_left_behind,
    colours,
    errors,
)


def observe() -> dict[str, Any]:
    fiji.start("embedded")
    return {check.__name__: check() for check in CHECKS}


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    return call(observe)


def test_every_type_and_choice_of_axes_survives(seen: dict[str, Any]) -> None:
    assert seen["types_and_axes"] == []


def test_axes_in_any_order_and_any_memory(seen: dict[str, Any]) -> None:
    count, wrong = seen["orders_of_axes"]
    assert wrong == []
    assert count > 100


def test_edits_are_kept_and_nothing_is_shared(seen: dict[str, Any]) -> None:
    assert seen["edits"] == {"re-read": 60_000, "back": 60_000, "python's": 9, "later": [7, 0, 0]}


def test_positions_title_and_unit(seen: dict[str, Any]) -> None:
    found = seen["hyperstack"]
    assert found["dims"] == [6, 5, 3, 4, 2]
    # The value of a plane is (t·3 + c)·4 + z, each from 0.
    assert found["values"] == [0, 8, 3, 12, 23]
    assert found["unit"] == "µm"
    assert found["changed unit"] == "nm"
    assert found["own units"] == ("µm", pytest.approx(2), pytest.approx(0.3))
    assert found["title"] == "own"


def test_large_ids_come_back_after_edits_too(seen: dict[str, Any]) -> None:
    found = seen["large_labels"]
    assert len(found["warned"]) == 1
    assert "big.tif" in found["warned"][0]
    assert found["same"]
    assert found["duplicate"]
    assert found["one plane"]
    assert found["edited"]
    assert found["small are themselves"] == [1, 70_000, 2**24, 2**24 - 1]
    assert found["spoilt"] == "float32"
    assert any("not labels any more" in text for text in found["spoilt warns"])


def test_pixels_that_changed_their_type(seen: dict[str, Any]) -> None:
    assert seen["types_left_behind"] == {
        "wide": "uint16 0.0",
        "mask": "uint8 17.0",
        "whole": "float32 0.5",
        "signed": "int16 -5.0",
        "range": (-5, 7),
    }


def test_rgb_is_three_channels_and_rgb_again(seen: dict[str, Any]) -> None:
    assert seen["colours"] == {
        "dims": ("C", "Y", "X"),
        "pixel": [1, 2, 3],
        "mode": "rgb",
        "bits": 24,
        "movie": True,
    }


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("complex", "c.tif: ImageJ has no pixels of type complex128"),
        ("text", "ImageJ has no pixels of type str32"),
        ("int64", "i.tif: ImageJ's 32-bit images cannot hold numbers up to 16777217 exactly"),
        ("uint64", "18446744073709551615 exactly"),
        ("whole float64", "16777217 exactly"),
        ("huge", "cannot hold 1e+300"),
        ("empty", "has no pixels"),
        ("axes", "cannot have the axes row, col"),
        ("plain 3-D", "cannot have the axes"),
        ("exact above", "no error"),
    ],
)
def test_what_imagej_cannot_hold(seen: dict[str, Any], case: str, words: str) -> None:
    assert words in seen["errors"][case]
