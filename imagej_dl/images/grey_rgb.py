"""Grey images saved as RGB, whose red, green and blue are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl.images import memory_maps
from imagej_dl.images.array import DISPLAY, with_data
from imagej_dl.images.checks import repeated_warnings
from imagej_dl.images.checks.repeated_warnings import warn
from imagej_dl.images.formats import registry
from imagej_dl.images.lazy_arrays import plane_of


def is_grey(image: xr.DataArray) -> bool:
    """Return True for an image with three channels that are the same in every pixel."""
    if image.sizes.get("C", 1) != 3 or not image.size:
        return False
    planes = image.transpose("C", ..., "Y", "X").data
    for place, red in memory_maps.pieces(plane_of(planes, [0])):
        if not all(np.array_equal(red, planes[(i, *place)]) for i in (1, 2)):
            return False
    return True


def may_be_coloured(path: Path) -> bool:
    """Return True unless the header of a file rules out that it has three channels.

    Raises
    ------
    UserError : when it is no image that can be read.
    """
    return registry.of_file(path).may_be_coloured(path)


def as_grey(image: xr.DataArray, name: object = None) -> xr.DataArray:
    """Return an image whose red, green and blue are the same with one channel, as in ImageJ.

    Any other image is returned as it is.

    Parameters
    ----------
    name : its file, named in warnings; the title of the image where left out.

    Warns
    -----
    DataWarning : when three channels become one.
    """
    if not is_grey(image):
        return image
    warn(
        repeated_warnings.GREYS,
        f"{name or image.attrs.get('title') or 'the image'}: its red, green and blue are the "
        "same: they are read as one grey channel",
    )
    grey = image.isel(C=0, drop=True)
    grey.attrs = {k: v for k, v in image.attrs.items() if k not in DISPLAY or k == "overlay"}
    return grey


def with_channels(image: xr.DataArray, channels: int, name: object = None) -> xr.DataArray:
    """Return a grey image with as many channels as other images, or a model, have: one or three.

    A grey image saved as RGB gets one channel where one is wanted; a PNG or JPEG of one channel
    gets three that are the same where three are wanted. Any other image is returned as it is,
    since the channels of a microscope are no colours.

    Warns
    -----
    DataWarning : when the channels change.
    """
    if channels == 1:
        return as_grey(image, name)
    title = str(image.attrs.get("title") or "")
    source = registry.by_name(title)
    picture = source is not None and source.picture and image.dtype == np.uint8
    if channels != 3 or "C" in image.dims or not picture:
        return image
    warn(
        "grey pictures",
        f"{name or title}: is a grey picture; its grey values are used for red, green and blue",
    )
    dims = [str(axis) for axis in image.dims]
    return with_data(image, np.stack([image.data] * 3, axis=-1), [*dims, "C"])
