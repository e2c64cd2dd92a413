"""Writing of TIFF files that ImageJ opens as the same hyperstack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic, refuse_existing
from imagej_dl.images import array_storage, display, memory_maps
from imagej_dl.images.array import calibration
from imagej_dl.images.lazy_arrays import LazyArray
from imagej_dl.images.tiff import SUFFIXES, imagej_description
from imagej_dl.images.tiff.imagej_description import escaped

_CLASSIC_LIMIT = 2**32 - 2**25
# A TIFF has the number of pixels in a unit of length as a fraction of 32-bit numbers.
_SMALLEST, _LARGEST = 2.0**-31, 2.0**31
_NATIVE: Literal["<", ">"] = "<" if sys.byteorder == "little" else ">"
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
"""Of the types that ImageJ has, those that its own TIFFs hold."""
_OPENED = ("int16", "uint32", "int32")
"""Further types whose numbers ImageJ opens: 16 bits as signed ones, 32 bits as floats."""
TYPES = (*_IMAGEJ_TYPES, *_OPENED)
"""The pixel types that can be written."""
# What ImageJ keeps in a tag of its own and not in the description.
_BINARY = ("Info", "Labels", "Ranges", "LUTs", "ROI", "Overlays", "Properties")


def write(image: xr.DataArray, path: str | Path, overwrite: bool = False, **extra: Any) -> None:
    """Write an image as a TIFF that ImageJ opens as the same hyperstack, atomically.

    Parameters
    ----------
    image : uint8, uint16 and float32 as they are; int16, uint32 and int32 as such integers with
        the same description (of 32 bits ImageJ makes floats); other types are refused.
    path : the file; calibration, unit and frame interval go with it, and how the image is shown
        (LUTs, ranges, mode, selection and overlay, see :mod:`imagej_dl.images.display`).
    overwrite : whether a file that is there may be replaced.
    **extra : more of ImageJ's metadata for tifffile, such as `LUTs` or `Ranges`.

    Raises
    ------
    UserError : when the file is there, its name does not end in .tif or .tiff, or the pixel
        type has no place in a TIFF of ImageJ's.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            "is not the name of a TIFF file", path=path, remedy="Use the suffix .tif or .tiff."
        )
    refuse_existing(path, overwrite)
    if image.dtype.name not in TYPES:
        raise UserError(f"cannot hold {image.dtype} pixels", path=path)
    if not image.size:
        raise UserError("would have no pixels", path=path)
    if isinstance(image.data, LazyArray):
        image = image.copy(data=array_storage.spooled(image.data))
    array = np.asarray(image)
    full = image.expand_dims([axis for axis in "TZC" if axis not in image.dims])
    hyperstack = full.transpose("T", "Z", "C", "Y", "X").data
    cal = calibration(image)
    if not all(_SMALLEST <= size <= _LARGEST for size in (cal.pixel_width, cal.pixel_height)):
        raise UserError(
            f"cannot hold pixels of {cal.pixel_width:g} × {cal.pixel_height:g} {cal.unit}",
            path=path,
            remedy="Give the image another unit of length, such as µm.",
        )
    shown, colour_map = display.to_metadata(image)
    if array.dtype.name == "int16":
        imagej_description.shift_ranges(shown, 32768)
    metadata: dict[str, Any] = {"unit": cal.unit, "spacing": cal.pixel_depth, **shown, **extra}
    if cal.frame_interval:
        metadata |= {"finterval": cal.frame_interval, "tunit": "sec"}
    big = array.nbytes > _CLASSIC_LIMIT
    options: dict[str, Any] = {
        "resolution": (1 / cal.pixel_width, 1 / cal.pixel_height),
        "resolutionunit": 1,
        "extratags": [] if colour_map is None else [(320, 3, 768, colour_map.ravel(), True)],
    }
    if array.dtype.name in _OPENED or big:
        # ImageJ's own layout knows neither: the same description on an ordinary TIFF is read too.
        binary = {name: metadata.pop(name) for name in _BINARY if name in metadata}
        text = tifffile.imagej_description(hyperstack.shape, axes="TZCYX", **_ascii(metadata))
        options |= {"description": text, "metadata": None, "photometric": "minisblack"}
        options["extratags"] += tifffile.imagej_metadata_tag(binary, _NATIVE)
    else:
        names = "TZCYX"
        if hyperstack.shape[-1] == 1:
            # A last axis of 1 tifffile takes for the samples of a pixel: it must have such an axis.
            hyperstack, names = hyperstack[..., None], "TZCYXS"
        options |= {"imagej": True, "metadata": {"axes": names, **_ascii(metadata)}}
    with atomic(path) as temporary:
        if not memory_maps.mapped(array):
            tifffile.imwrite(temporary, hyperstack, bigtiff=big, **options)
            return
        # From file to file, so that the memory need not hold it. Not by a memory map: on a disk
        # that is full it would end the process, and some network disks have none.
        shape, kind = hyperstack.shape, hyperstack.dtype.newbyteorder(_NATIVE)
        options |= {"shape": shape, "dtype": kind, "byteorder": _NATIVE, "returnoffset": True}
        offset, _ = tifffile.imwrite(temporary, bigtiff=big, **options)  # type: ignore[misc]
        with temporary.open("r+b") as file:
            file.seek(offset)
            for _, part in memory_maps.pieces(hyperstack):
                file.write(np.ascontiguousarray(part, kind).data)


def _ascii(metadata: dict[str, Any]) -> dict[str, Any]:
    """Write text as ImageJ does: its description is ASCII with Java's escapes."""
    return {
        name: escaped(value) if isinstance(value, str) else value
        for name, value in metadata.items()
    }
