"""The pixel type of an image that a model gives: float32, or that of the image it was made of."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.images.tiff import writing

PixelType = Literal["float32", "input"]
_WHY = {
    "int8": "ImageJ opens signed 8 bits as unsigned ones",
    "int64": "ImageJ opens no whole numbers of 64 bits",
    "uint64": "ImageJ opens no whole numbers of 64 bits",
}
"""Types whose numbers a TIFF of ImageJ's cannot bring back."""


class PixelTypes:
    """The conversion of a model's float32 values to the pixel type that is asked for.

    Parameters
    ----------
    image : that the result is made of.
    asked : "float32", or "input" for the type of the image, where these are whole numbers of up to
        32 bits: values are rounded and clipped at the limits of the type. Other images of floats
        give float32, too.

    Raises
    ------
    UserError : for another name, and for a type that values cannot be brought back to.
    """

    def __init__(self, image: xr.DataArray, asked: PixelType) -> None:
        if asked not in get_args(PixelType):
            raise UserError(f"the pixel type is one of {', '.join(get_args(PixelType))}")
        self.title = image.attrs.get("title") or "the image"
        self.clipped = self.pixels = self.negative = 0
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        if asked == "float32" or image.dtype.kind == "f":
            return
        if image.dtype.kind not in "ui" or image.dtype.itemsize > 4:
            raise _no_place(image)
        self.dtype = image.dtype.newbyteorder("=")

    def of(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Return values in the pixel type."""
        if self.dtype.kind == "f":
            return values
        limits = np.iinfo(self.dtype)
        # In double precision, which has the limits of 32 bits: the largest float would wrap.
        rounded = np.rint(values.astype(np.float64))
        self.clipped += int(((rounded < limits.min) | (rounded > limits.max)).sum())
        self.pixels += values.size
        if self.dtype.name == "uint32":
            self.negative += int((rounded >= 2**31).sum())
        return np.clip(rounded, limits.min, limits.max).astype(self.dtype)

    def tell(self) -> None:
        """Warn of what was clipped, and of what ImageJ shows otherwise."""
        if self.negative:
            warn(
                f"{self.negative} of {self.pixels} pixels are 2^31 or more, which ImageJ shows as "
                "negative numbers when it opens them from a file of unsigned 32 bits",
                path=self.title,
            )
        if not self.clipped:
            return
        limits = np.iinfo(self.dtype)
        share = 100 * self.clipped / self.pixels
        warn(
            f"{self.clipped} of {self.pixels} pixels ({share:.2g} %) were below {limits.min} or "
            f"above {limits.max} and are clipped to {self.dtype}",
            path=self.title,
        )


def check_writable(image: xr.DataArray, asked: PixelType) -> None:
    """Raise UserError where a TIFF of ImageJ's has no place for the type that is asked for."""
    if asked == "input" and image.dtype.kind != "f" and image.dtype.name not in writing.TYPES:
        raise _no_place(image)


def _no_place(image: xr.DataArray) -> UserError:
    name = image.dtype.newbyteorder("=").name
    why = f": {_WHY[name]}" if name in _WHY else ""
    return UserError(
        f"has {name} pixels, which results cannot have{why}",
        path=image.attrs.get("title") or None,
        remedy="Leave --type out: the result is float32.",
    )
