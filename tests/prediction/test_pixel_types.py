"""Images that a model gives are float32, or have the type of the input, in which nothing wraps."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from image_models import identity, to_image

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.prediction import predict_image
from imagej_dl.prediction.pixel_types import PixelTypes, check_writable

__all__ = ["to_image"]


def image(dtype, title="a.tif"):
    return images.make(np.arange(12, dtype=dtype).reshape(3, 4), title=title)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32", ">u2"])
def test_values_are_rounded_and_clipped_and_never_wrap(dtype):
    types = PixelTypes(image(dtype), "input")
    limits = np.iinfo(types.dtype)
    given = np.array([[-1e12, limits.min - 3.0, 2.4], [2.6, limits.max + 600.0, 1e12]], np.float32)
    found = types.of(given)
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    low, high = limits.min, limits.max
    if limits.bits < 32:  # float32 knows no neighbours of the limits of 32 bits
        assert types.clipped == 4
    assert found.tolist() == [[low, low, 2], [3, high, high]]
    with pytest.warns(DataWarning) as caught:
        types.tell()
    words = rf"a\.tif: \d of 6 pixels .* clipped to {types.dtype}"
    assert re.match(words, str(caught[-1].message))


def test_what_imagej_shows_otherwise_is_told():
    types = PixelTypes(image("uint32"), "input")
    types.of(np.array([[2.0**31, 2.0**31 - 128, 7.0]], np.float32))
    with pytest.warns(DataWarning, match="1 of 3 pixels are 2.31 or more.*negative"):
        types.tell()


def test_what_is_inside_is_not_told():
    types = PixelTypes(image("uint8"), "input")
    types.of(np.array([[0.0, 254.9, -0.4, 255.4]], np.float32))
    assert types.clipped == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        types.tell()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_floats_give_floats(dtype):
    assert PixelTypes(image(dtype), "input").dtype == np.float32
    values = np.full((2, 2), 1e9, np.float32)
    assert PixelTypes(image(dtype), "input").of(values) is values


def test_types_that_have_no_place():
    with pytest.raises(UserError, match=r"a\.tif: has int64 pixels.*--type"):
        PixelTypes(image("int64"), "input")
    with pytest.raises(UserError, match="float32, input"):
        PixelTypes(image("uint8"), "uint8")
    check_writable(image("int64"), "float32")
    for dtype in (">u2", "uint8", "int16", ">i2", "uint32", "int32", "float64"):
        check_writable(image(dtype), "input")
    with pytest.raises(UserError, match=r"a\.tif: has int8 pixels.*ImageJ opens signed.*--type"):
        check_writable(image("int8"), "input")
    with pytest.raises(UserError, match=r"uint64 pixels.*no whole numbers of 64 bits"):
        check_writable(image("uint64"), "input")


@pytest.mark.tf
@pytest.mark.usefixtures("to_image")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32"])
def test_a_model_gives_the_type_of_the_image(dtype):
    rng = np.random.default_rng(0)
    low = -200 if dtype.startswith("int") else 0
    movie = images.make(rng.integers(low, 250, (3, 20, 22)).astype(dtype), "TYX", title="m.tif")
    made = predict_image(identity(), movie, dtype="input")
    assert made.dtype == movie.dtype
    np.testing.assert_array_equal(made, movie)
    if dtype not in ("uint8", "uint16"):
        return
    brighter = identity()
    brighter.model.set_weights([np.full((1, 1, 1, 1), 2.0), np.full(1, -0.5)])
    expected = predict_image(brighter, movie).data
    if dtype == "uint16":
        np.testing.assert_array_equal(
            predict_image(brighter, movie + np.uint16(9000), dtype="input").data > 8000, True
        )
        return
    wrong = int(((np.rint(expected) < 0) | (np.rint(expected) > 255)).sum())
    assert wrong > 100
    with pytest.warns(DataWarning, match=rf"m\.tif: {wrong} of {movie.size} pixels"):
        made = predict_image(brighter, movie, dtype="input")
    np.testing.assert_array_equal(made, np.rint(expected).clip(0, 255).astype(dtype))
