"""The images that methods learn whose output is an image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import grey_rgb
from imagej_dl.images.checks import saturation
from imagej_dl.images.intensities.joint_moments import Moments
from imagej_dl.images.intensities.levels import Levels
from imagej_dl.training import registration
from imagej_dl.training.example_files import places_of, plane_of, words_of
from imagej_dl.training.target_intensities import scale_of

_LOOKED_AT = 3
"""Planes of a pair whose registration is looked at."""


def read(source: str | Path | xr.DataArray, image: xr.DataArray, name: str) -> xr.DataArray:
    """Read the image that is to be learnt of another one.

    Parameters
    ----------
    source : the image that is learnt, or its file.
    image : the other one.
    name : of the file, or of `image` where there is none; the title of what is returned.

    Raises
    ------
    UserError : when its axes, sizes or channels are not those of the image.
    """
    if isinstance(source, xr.DataArray):
        title = source.attrs.get("title")
        own = f"{title}, " if title and title != name else ""
        target, name = source, f"{own}the target of {name}"
    else:
        target = images.read(source)
    target = grey_rgb.with_channels(target, image.sizes.get("C", 1), name)
    if "C" not in target.dims:
        target = images.stacked_like(target, image)
    if _sizes(target) != _sizes(image):
        raise UserError(
            f"is {_words(target)}, but its image is {_words(image)}",
            path=name,
            remedy="An image and its target have the same axes, sizes and channels. Projections "
            "and up-sampling are not learnt.",
        )
    return target.assign_attrs(title=name)


def plane(
    name: str, raw: NDArray, target: xr.DataArray, place: Mapping[str, int], levels: Levels
) -> dict[str, Any]:
    """Return what an example has of a plane of its target, by the names of its fields.

    Parameters
    ----------
    name : of the image.
    raw : the plane of the image, (Y, X) or (Y, X, C), as it is in its file.
    levels : by which it is normalised.

    Raises
    ------
    UserError : for pixels that are NaN or infinite.
    """
    found = plane_of(str(target.attrs["title"]), target, dict(place))
    values = found.astype(np.float32)
    return {
        "target": values[..., None] if values.ndim == 2 else values,
        "scale": scale_of(levels),
        "moments": Moments.of(raw, found),
    }


def check(name: str, image: xr.DataArray, target: xr.DataArray) -> None:
    """Warn of a pair that is saturated, or whose target is shifted."""
    for called, one in ((name, image), (str(target.attrs["title"]), target)):
        planes = (plane_of(called, one, place) for place in places_of(one))
        saturation.tell(called, [saturation.share(plane) for plane in planes])
    places = places_of(image)
    chosen = np.linspace(0, len(places) - 1, min(_LOOKED_AT, len(places))).astype(int)
    registration.check(
        name,
        (
            (
                words_of(places[number]),
                plane_of(name, image, places[number]),
                plane_of(name, target, places[number]),
            )
            for number in chosen
        ),
    )


def _sizes(image: xr.DataArray) -> dict[str, int]:
    sizes = {str(axis): size for axis, size in image.sizes.items()}
    return {axis: size for axis, size in sizes.items() if axis != "C" or size > 1}


def _words(image: xr.DataArray) -> str:
    sizes = _sizes(image)
    plane = f"{sizes['X']} × {sizes['Y']} px"
    units = {"T": "frames", "Z": "slices", "C": "channels"}
    more = [f"{sizes[axis]} {word}" for axis, word in units.items() if axis in sizes]
    return " with ".join([plane, *([", ".join(more)] if more else [])])


def with_label(image: xr.DataArray, label: np.unsignedinteger) -> xr.DataArray:
    """Return a label map that is the same all over an image, without memory.

    1 says that there is something to learn in all of it, 0 that nothing of it is labelled.
    """
    dims = [str(axis) for axis in image.dims if axis != "C"]
    shape = tuple(image.sizes[axis] for axis in dims)
    return images.with_data(image, np.broadcast_to(label, shape), dims)
