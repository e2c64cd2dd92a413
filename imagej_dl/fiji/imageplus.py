"""Images between Python and ImageJ 1: real copies, axes and calibration kept.

An ImagePlus holds a stack of planes in the order C, Z, T (C fastest), each a Java array; planes
are copied as blocks of memory, so that neither side ever sees a view that loses edits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images import AXES, calibration, make
from imagej_dl.images.array import seconds

# ImageJ's types: NumPy's type, Java's array type, and its buffer's view.
_JAVA = {
    "uint8": ("JByte", None, "ByteProcessor"),
    "uint16": ("JShort", "asShortBuffer", "ShortProcessor"),
    "float32": ("JFloat", "asFloatBuffer", "FloatProcessor"),
}
# ImageJ respells some units (um becomes µm); the file's own spelling is kept beside it.
_UNIT = "imagej_dl.unit"
_EXACT_FLOAT = 2**24
_GRAY8, _GRAY16, _GRAY32, _COLOR_256, _COLOR_RGB = range(5)


def to_imageplus(image: xr.DataArray, title: str | None = None) -> Any:
    """Copy an image into a new ImagePlus, which is not shown.

    Parameters
    ----------
    image : dims of T, C, Z, Y, X. uint8 becomes 8-bit, uint16 16-bit, float32 32-bit; bool
        becomes 0 and 255; other whole numbers become 16-bit where they fit, else 32-bit float.
    title : of the image window; the image's own when None.

    Raises
    ------
    UserError : for numbers that 32-bit float cannot hold exactly (labels above 2^24).
    """
    from scyjava import jimport

    array = _imagej_type(image)
    full = image.copy(data=array).expand_dims([a for a in AXES if a not in image.dims])
    hyperstack = full.transpose("T", "Z", "C", "Y", "X")
    frames, slices, channels, height, width = hyperstack.shape
    planes = np.ascontiguousarray(hyperstack.data).reshape(-1, height * width)
    java, view, processor = _JAVA[array.dtype.name]
    make_processor = jimport(f"ij.process.{processor}")
    stack = jimport("ij.ImageStack")(width, height)
    for plane in planes:
        pixels = _to_java(plane, java, view)
        stack.addSlice("", make_processor(width, height, pixels, None))
    name = title if title is not None else image.attrs.get("title") or "image"
    imp = jimport("ij.ImagePlus")(name, stack)
    imp.setDimensions(channels, slices, frames)
    imp.setOpenAsHyperStack(slices * frames * channels > 1)
    _calibrate(imp, image)
    if channels > 1:
        composite = jimport("ij.CompositeImage")
        imp = composite(imp, composite.COMPOSITE if channels <= 7 else composite.GRAYSCALE)
    imp.resetDisplayRange()
    return imp


def from_imageplus(imp: Any) -> xr.DataArray:
    """Copy an ImagePlus into an image; axes of length 1 are dropped, Y and X excepted.

    An RGB image becomes three channels. Title, pixel size, unit and frame interval are kept.
    """
    width, height, channels, slices, frames = (int(n) for n in imp.getDimensions())
    stack = imp.getStack()
    kind = int(imp.getType())
    dtype = {_GRAY16: np.uint16, _GRAY32: np.float32, _COLOR_RGB: np.int32}.get(kind, np.uint8)
    planes = np.empty((int(stack.getSize()), height * width), dtype)
    for index in range(len(planes)):
        pixels = stack.getPixels(index + 1)
        planes[index] = np.frombuffer(memoryview(pixels), dtype)
    if kind == _COLOR_RGB:
        channels = 3
        planes = np.stack([planes >> s & 255 for s in (16, 8, 0)], axis=1).astype(np.uint8)
    array = planes.reshape(frames, slices, channels, height, width)
    keep = [i for i, n in enumerate(array.shape) if n > 1 or i > 2]
    names = "".join("TZCYX"[i] for i in keep)
    cal = imp.getCalibration()
    return make(
        array.reshape([array.shape[i] for i in keep]),
        names,
        title=str(imp.getTitle()),
        pixel_width=float(cal.pixelWidth),
        pixel_height=float(cal.pixelHeight),
        pixel_depth=float(cal.pixelDepth),
        unit=_unit(imp, cal),
        frame_interval=float(cal.frameInterval) * seconds(str(cal.getTimeUnit())),
    )


def label_lut() -> Any:
    """Return ImageJ's LUT object of the label colours (256 entries, black first)."""
    import jpype
    from scyjava import jimport

    from imagej_dl.images import glasbey

    channels = [jpype.JArray(jpype.JByte)(c.astype(np.int8)) for c in glasbey().T]
    return jimport("ij.process.LUT")(*channels)


def _imagej_type(image: xr.DataArray) -> np.ndarray:
    array = image.data
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.name in _JAVA and array.dtype.isnative:
        return array
    if array.dtype.kind in "iu":
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        if low >= 0 and high < 2**16:
            return array.astype(np.uint16)
        if max(-low, high) > _EXACT_FLOAT:
            raise UserError(
                f"ImageJ's 32-bit images cannot hold the number {max(-low, high)} exactly",
                path=image.attrs.get("title") or None,
                remedy="Number the labels anew from 1.",
            )
    return array.astype(np.float32)


def _to_java(plane: np.ndarray, java: str, view: str | None) -> Any:
    """Copy a flat plane into a new Java array in one block."""
    import jpype
    from scyjava import jimport

    order = jimport("java.nio.ByteOrder").nativeOrder()
    buffer = jpype.nio.convertToDirectBuffer(plane.view(np.uint8)).order(order)
    pixels = jpype.JArray(getattr(jpype, java))(plane.size)
    (getattr(buffer, view)() if view else buffer).get(pixels)
    return pixels


def _calibrate(imp: Any, image: xr.DataArray) -> None:
    cal, ours = imp.getCalibration(), calibration(image)
    cal.pixelWidth, cal.pixelHeight = ours.pixel_width, ours.pixel_height
    cal.pixelDepth = ours.pixel_depth
    cal.setUnit(ours.unit)
    imp.setProp(_UNIT, ours.unit)
    cal.frameInterval = ours.frame_interval
    cal.setTimeUnit("sec")


def _unit(imp: Any, cal: Any) -> str:
    ours, theirs = imp.getProp(_UNIT), str(cal.getUnit())
    if ours is not None:
        respelled = cal.copy()
        respelled.setUnit(ours)
        # Unless the user has changed the unit since.
        if str(respelled.getUnit()) == theirs:
            return str(ours)
    return theirs
