"""The images that methods learn whose output is an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl import images
from imagej_dl.errors import UserError


def read(source: str | Path | xr.DataArray, image: xr.DataArray, name: str) -> xr.DataArray:
    """Read the image that is to be learnt of another one.

    Raises
    ------
    UserError : when its axes, channels left aside, are not those of the image.
    """
    target = source if isinstance(source, xr.DataArray) else images.read(source)
    if "C" not in target.dims:
        target = images.stacked_like(target, image)
    sizes = {axis: size for axis, size in image.sizes.items() if axis != "C"}
    if {axis: size for axis, size in target.sizes.items() if axis != "C"} != sizes:
        raise UserError(
            f"has the axes {dict(target.sizes)}, its image has {sizes}",
            path=name,
            remedy="Each image needs a target image of the same size.",
        )
    return target


def everywhere(image: xr.DataArray) -> xr.DataArray:
    """Return a label map that says of all of an image that there is something to learn."""
    dims = [str(axis) for axis in image.dims if axis != "C"]
    shape = tuple(image.sizes[axis] for axis in dims)
    return images.with_data(image, np.broadcast_to(np.uint8(1), shape), dims)
