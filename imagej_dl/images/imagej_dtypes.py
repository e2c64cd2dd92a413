"""Conversion of images to the pixel types of ImageJ."""

from __future__ import annotations

import os

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError, warn
from imagej_dl.images import grey_rgb
from imagej_dl.images.array import with_data


def storable(picture: xr.DataArray, path: str | os.PathLike[str]) -> xr.DataArray:
    """Return an image in a pixel type of ImageJ's: uint16 where that is exact, else float32.

    A grey image saved as RGB gets one channel (see :func:`imagej_dl.images.grey_rgb.as_grey`).

    Parameters
    ----------
    picture : of any type; uint8, uint16 and float32 stay as they are.
    path : its file, named in warnings and errors.

    Raises
    ------
    UserError : for complex pixels and values that float32 cannot hold.

    Warns
    -----
    DataWarning : when the type or the channels change.
    """
    picture = grey_rgb.as_grey(picture, path)
    if picture.dtype.name in ("uint8", "uint16", "float32"):
        return picture  # unread, where it is read when it is needed
    array = picture.values
    if array.dtype.kind not in "uif":
        raise UserError(
            f"has {array.dtype} pixels", path=path, remedy="Save it as 8, 16 or 32 bits in ImageJ."
        )
    # Compared as float64: to float16 the largest number of 16 bits is as large as infinity.
    inside = bool(((array >= 0) & (array <= np.float64(np.iinfo(np.uint16).max))).all())
    if inside and (array.dtype.kind != "f" or np.array_equal(array, np.rint(array))):
        stored, rounded = array.astype(np.uint16), False
    else:
        with np.errstate(over="ignore"):
            stored = array.astype(np.float32)
        if bool((np.isinf(stored) & np.isfinite(array)).any()):
            raise UserError("has values that are too large for 32-bit pixels", path=path)
        rounded = not np.array_equal(stored.astype(array.dtype), array, equal_nan=True)
    warn(
        f"{path}: its {array.dtype} pixels are written as {stored.dtype}"
        + (", rounded" if rounded else "")
    )
    return with_data(picture, stored)
