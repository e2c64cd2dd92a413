"""Planes made ready for the network: normalised, and for a recurrent one with those before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.images import Levels
from imagej_dl.models import ModelBundle


def ready(bundle: ModelBundle, image: xr.DataArray) -> Iterator[NDArray[np.float32]]:
    """Give the planes of an image as the network wants them, one by one, in the order of T and Z.

    Parameters
    ----------
    image : any of T and Z, Y, X, and C; read plane by plane.

    Yields
    ------
    float32 (Y, X, C); for a model of several frames (Y, X, T·C), the plane itself last. Before the
    first frame stands the first. Each frame is normalised once.

    Raises
    ------
    UserError : for pixels that are NaN or infinite, or other channels than the model's.
    """
    frames = bundle.config.frames
    depth = image.sizes.get("Z", 1)
    levels = [_levels(bundle, image, z) for z in range(depth)]
    before: list[deque[NDArray[np.float32]]] = [deque(maxlen=frames) for _ in range(depth)]
    for t, z in product(range(image.sizes.get("T", 1)), range(depth)):
        plane = bundle.prepare(_plane(image, t, z), levels[z])
        if frames == 1:
            yield plane
            continue
        seen = before[z]
        seen.extend([plane] * (1 if seen else frames))
        yield np.concatenate(seen, axis=-1)


def _levels(bundle: ModelBundle, image: xr.DataArray, z: int) -> Levels | None:
    planes = (_plane(image, t, z) for t in range(image.sizes.get("T", 1)))
    return bundle.config.normalisation.levels(planes)


def _plane(image: xr.DataArray, t: int, z: int) -> NDArray:
    place = {axis: index for axis, index in (("T", t), ("Z", z)) if axis in image.dims}
    plane = image.isel(place)
    plane = plane.transpose("Y", "X", *(["C"] if "C" in image.dims else []))
    values = plane.values
    if not values.dtype.isnative:  # as in a memory map of a file of ImageJ's
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        where = " ".join(f"{axis}={index + 1}" for axis, index in place.items())
        raise UserError(
            f"the image has pixels that are NaN or infinite{' at ' + where if where else ''}",
            path=image.attrs.get("title") or None,
            remedy="In ImageJ, Process > Filters > Remove NaNs... replaces them.",
        )
    return values
