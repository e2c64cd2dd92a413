"""Images between Python and ImageJ 1: real copies, nothing lost on the way.

An ImagePlus holds a stack of planes in the order C, Z, T (C fastest), each a Java array; planes
are copied as blocks of memory, so that neither side ever sees a view that loses edits. Title,
pixel size, unit, frame interval, LUTs, ranges, selection and overlay go along, and what ImageJ
has no place for (the type in Python, large label ids, the unit's spelling) as properties of the
ImagePlus, which its duplicates and its TIFF files keep.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.fiji import display, pixels
from imagej_dl.images import AXES, calibration, lossless_dtypes, make, units
from imagej_dl.images.array import HYPERSTACK, from_hyperstack
from imagej_dl.images.units import seconds

# ImageJ respells some units (um becomes µm); the file's own spelling is kept beside it.
_UNIT = "imagej_dl.unit"
_GRAY8, _GRAY16, _GRAY32, _COLOR_256, _COLOR_RGB = range(5)


def to_imageplus(image: xr.DataArray, title: str | None = None) -> Any:
    """Copy an image into a new ImagePlus, which is not shown.

    Parameters
    ----------
    image : dims of T, C, Z, Y, X in any order, any real pixel type and byte order. uint8 becomes
        8-bit, uint16 16-bit, float32 32-bit; bool becomes 0 and 255; other whole numbers become
        16-bit where they fit, else 32-bit float; float16 and float64 become 32-bit float.
        Label ids above 2^24 (uint32) get stand-ins, see :mod:`imagej_dl.images.lossless_dtypes`.
        Attrs that say how it is shown are those of :mod:`imagej_dl.images.display`.
    title : of the image window; the image's own when None, and "image" when it has none.

    Raises
    ------
    UserError : for other axes, types ImageJ has not, an image without pixels, and numbers that
        32-bit float would change unless they are label ids.

    Warns
    -----
    DataWarning : for ids that get stand-ins, float64 that is rounded, and LUTs or ranges that
        are not for the image's channels.
    """
    from scyjava import jimport

    image = _checked(image)
    own = str(image.attrs.get("title") or "")
    pixels_of = lossless_dtypes.sent(np.asarray(image.data), own or None)
    dims = [str(dim) for dim in image.dims]
    array = pixels_of.array.transpose([dims.index(axis) for axis in HYPERSTACK if axis in dims])
    frames, slices, channels, height, width = (image.sizes.get(axis, 1) for axis in HYPERSTACK)
    array = array.reshape(-1, height, width)
    if display.is_rgb(image):
        array, channels = _packed(array), 1
    imp = jimport("ij.ImagePlus")(
        title if title is not None else own or "image", pixels.to_stack(array)
    )
    imp.setDimensions(channels, slices, frames)
    imp.setOpenAsHyperStack(slices * frames * channels > 1)
    _calibrate(imp, image)
    for name, value in pixels_of.properties.items():
        imp.setProp(name, value)
    return display.apply(imp, image)


def from_imageplus(imp: Any) -> xr.DataArray:
    """Copy an ImagePlus into an image; axes of length 1 are dropped, Y and X excepted.

    An RGB image becomes three channels, signed 16-bit becomes int16. The pixels are the raw
    ones, without ImageJ's density calibration. An image that came from :func:`to_imageplus` has
    its type and its label ids again, also after edits, as long as its pixels fit.

    Raises
    ------
    UserError : for an RGB image with channels.

    Warns
    -----
    DataWarning : when there were stand-ins for label ids, and the pixels are no labels any more.
    """
    width, height, channels, slices, frames = (int(n) for n in imp.getDimensions())
    kind = int(imp.getType())
    dtype = {_GRAY16: np.uint16, _GRAY32: np.float32, _COLOR_RGB: np.int32}.get(kind, np.uint8)
    array = pixels.from_stack(imp.getStack(), dtype)
    cal = imp.getCalibration()
    interval = float(cal.frameInterval) * seconds(str(cal.getTimeUnit()))
    shown = display.read(imp)
    signed = kind == _GRAY16 and bool(cal.isSigned16Bit())
    if signed and "display_ranges" in shown:
        # They are those of the pixels that ImageJ holds, 32768 higher.
        shown["display_ranges"] = [(a - 32768, b - 32768) for a, b in shown["display_ranges"]]
    if kind == _COLOR_RGB:
        if channels > 1:
            raise UserError(
                "is an RGB image with channels",
                path=str(imp.getTitle()),
                remedy="Use Image > Type > RGB Stack or Image > Color > Split Channels first.",
            )
        channels, array = 3, _unpacked(array)
    elif signed:
        array = (array ^ np.uint16(0x8000)).view(np.int16)
    else:
        array = lossless_dtypes.received(
            array, _property(imp, lossless_dtypes.DTYPE), _property(imp, lossless_dtypes.IDS)
        )
    return from_hyperstack(
        array.reshape(frames, slices, channels, height, width),
        title=str(imp.getTitle()),
        **_sizes(imp, cal),
        frame_interval=interval if 0 < interval < math.inf else 0.0,
        **shown,
    )


def _checked(image: Any) -> xr.DataArray:
    if not isinstance(image, xr.DataArray):
        return make(image)
    names = [str(dim) for dim in image.dims]
    if not {"Y", "X"} <= set(names) <= set(AXES):
        raise UserError(
            f"an image cannot have the axes {', '.join(names)}",
            path=image.attrs.get("title") or None,
            remedy="Name one of T, C, Z, Y, X for each axis; Y and X must be among them.",
        )
    return image


def _packed(array: np.ndarray) -> np.ndarray:
    red, green, blue = (array[i::3].astype(np.int32) for i in range(3))
    return red << 16 | green << 8 | blue


def _unpacked(array: np.ndarray) -> np.ndarray:
    return np.stack([array >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)


def _property(imp: Any, name: str) -> str | None:
    value = imp.getProp(name)
    return None if value is None else str(value)


def _calibrate(imp: Any, image: xr.DataArray) -> None:
    cal, ours = imp.getCalibration(), calibration(image)
    cal.pixelWidth, cal.pixelHeight = ours.pixel_width, ours.pixel_height
    cal.pixelDepth = ours.pixel_depth
    cal.setUnit(ours.unit)
    imp.setProp(_UNIT, ours.unit)
    cal.frameInterval = ours.frame_interval
    cal.setTimeUnit("sec")


def _sizes(imp: Any, cal: Any) -> dict[str, Any]:
    attrs: dict[str, Any] = {
        "unit": _unit(imp, cal),
        "pixel_width": float(cal.pixelWidth),
        "pixel_height": float(cal.pixelHeight),
        "pixel_depth": abs(float(cal.pixelDepth)) or 1.0,
    }
    unit, high, deep = (str(found()) for found in (cal.getUnit, cal.getYUnit, cal.getZUnit))
    own = "" if high == unit else high, "" if deep == unit else deep
    units.in_one(str(imp.getTitle()), attrs, own, told=int(imp.getNSlices()) > 1)
    return attrs


def _unit(imp: Any, cal: Any) -> str:
    ours, theirs = imp.getProp(_UNIT), str(cal.getUnit())
    if ours is not None:
        respelled = cal.copy()
        respelled.setUnit(ours)
        # Unless the user has changed the unit since.
        if str(respelled.getUnit()) == theirs:
            return str(ours)
    return units.kept(theirs)
