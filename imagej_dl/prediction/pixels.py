"""The pixels of an image, a part of a plane at a time: as they are, or resampled."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.images import memory_maps
from imagej_dl.images.checks import non_finite
from imagej_dl.prediction.resampling import CUBIC, resampled, weights

Where = tuple[slice, slice]
"""Rows and columns of a plane, without steps; an end may be left out."""

WHOLE: Where = (slice(None), slice(None))
_AT_ONCE = 2**22  # pixels read at a time


class Pixels:
    """The pixels of an image, read part by part.

    frames, depth : lengths of T and Z.
    shape : of a plane, (Y, X).
    """

    def __init__(self, image: xr.DataArray) -> None:
        self.image = image
        self.frames, self.depth = image.sizes.get("T", 1), image.sizes.get("Z", 1)
        self.shape = (image.sizes["Y"], image.sizes["X"])

    def part(self, t: int, z: int, where: Where = WHOLE) -> NDArray:
        """Return pixels of a plane, (Y, X) or (Y, X, C).

        Raises
        ------
        UserError : for pixels that are NaN or infinite.
        """
        image = self.image
        place = {axis: index for axis, index in (("T", t), ("Z", z)) if axis in image.dims}
        plane = image.isel({**place, "Y": where[0], "X": where[1]})
        plane = plane.transpose("Y", "X", *(["C"] if "C" in image.dims else []))
        values = plane.values
        if not values.dtype.isnative:  # as in a memory map of a file of ImageJ's
            values = values.astype(values.dtype.newbyteorder("="))
        begin = (where[0].start or 0, where[1].start or 0)
        non_finite.check(values, image.attrs.get("title") or None, place, begin)
        return values

    def forget(self) -> None:
        """Release the memory that holds pixels of a file, see :mod:`~.images.memory_maps`."""
        memory_maps.forget(self.image.data)


class Resampled(Pixels):
    """The pixels of an image, resampled to planes of another shape as they are read.

    Parameters
    ----------
    image : as it is.
    shape : of the planes, (Y, X).
    whole : whether the pixels keep their integer type, for normalisations that depend on it;
        else they are float32.
    """

    def __init__(self, image: xr.DataArray, shape: tuple[int, int], *, whole: bool) -> None:
        super().__init__(image)
        rows, columns = (
            weights(before, after, CUBIC) for before, after in zip(self.shape, shape, strict=True)
        )
        self.rows, self.columns, self.shape = rows, columns, shape
        self.dtype = image.dtype if whole and image.dtype.kind in "ui" else np.dtype(np.float32)

    def part(self, t: int, z: int, where: Where = WHOLE) -> NDArray:
        """Return pixels of a plane, resampled from those that they depend on alone."""
        (low, high, _), (left, right, _) = (
            one.indices(size) for one, size in zip(where, self.shape, strict=True)
        )
        begin, end, columns = self.columns.part(left, right)
        # Of a large plane that is made small, not all is held at once.
        step = max(_AT_ONCE * self.shape[0] // max((end - begin) * self.image.sizes["Y"], 1), 1)
        parts = []
        for top in range(low, high, step):
            first, last, rows = self.rows.part(top, min(top + step, high))
            read = super().part(t, z, (slice(first, last), slice(begin, end)))
            parts.append(self._typed(resampled(read, rows, columns)))
            self.forget()
        return np.concatenate(parts)

    def _typed(self, values: NDArray[np.float32]) -> NDArray[Any]:
        if self.dtype.kind == "f":
            return values
        limits = np.iinfo(str(self.dtype))
        return np.clip(np.rint(values), limits.min, limits.max).astype(self.dtype)
