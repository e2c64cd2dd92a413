"""The preview of a model that gives images: a region, noisy on one side of its diagonal.

On the other side it is what the network makes of it, so that both are compared at a glance.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from imagej_dl import images

SIDE = 256
"""Largest side of the region in px: it is predicted after each epoch, and must take no time."""


def region(
    plane: xr.DataArray, box: tuple[int, int, int, int] | None = None, side: int = SIDE
) -> dict[str, slice]:
    """Return where the middle of a plane or stack is (Y, X, and others), or of the selection on it.

    Parameters
    ----------
    box : x, y, width, height of the selection in px; None for none.
    side : largest side of the region, px.
    """
    height, width = plane.sizes["Y"], plane.sizes["X"]
    x, y, w, h = box or (0, 0, width, height)
    if w < 1 or h < 1:
        x, y, w, h = 0, 0, width, height
    rows, columns = _around(y + h // 2, h, height, side), _around(x + w // 2, w, width, side)
    return {"Y": rows, "X": columns}


def split(noisy: xr.DataArray, denoised: xr.DataArray) -> xr.DataArray:
    """Return an image that is noisy below the diagonal from the upper left, denoised above it.

    Parameters
    ----------
    noisy, denoised : of the same axes and sizes, and the same intensities.

    Returns
    -------
    float32, with the axes of `noisy`; `denoised` alone where their channels differ.
    """
    if noisy.sizes.get("C", 1) != denoised.sizes.get("C", 1):
        return denoised
    height, width = noisy.sizes["Y"], noisy.sizes["X"]
    y, x = np.ogrid[:height, :width]
    below = x * height < y * width
    given = np.asarray(noisy.transpose(..., "Y", "X").data, np.float32)
    made = np.asarray(denoised.transpose(..., "Y", "X").data, np.float32).reshape(given.shape)
    dims = [str(axis) for axis in noisy.transpose(..., "Y", "X").dims]
    return images.with_data(noisy, np.where(below, given, made), dims)


def _around(centre: int, length: int, size: int, side: int) -> slice:
    """Return the pixels around a centre: as many as the selection has, `side` at most."""
    length = min(max(length, 16), side, size)
    low = min(max(centre - length // 2, 0), size - length)
    return slice(low, low + length)
