"""Label maps: images whose pixels are the ids of objects, with 0 for the background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.images import grey_rgb
from imagej_dl.images.array import as_labels, with_data
from imagej_dl.images.labels import id_semantics

_TABLE = "label,roi,name,type"
"""The first columns of the table beside a label map that was made of ROIs."""


def from_image(
    image: xr.DataArray,
    path: object = None,
    *,
    as_is: bool = False,
    volumes: bool = False,
    drawn: bool = False,
) -> xr.DataArray:
    """Return an image as a label map: uint16 or uint32, 0 for the background.

    Parameters
    ----------
    image : (T, C, Z, Y, X), some of these axes; C only where its channels are the same.
    path : its file, named in warnings and errors.
    as_is : take the ids as they are, as those of tracks.
    volumes, drawn : see :func:`imagej_dl.images.labels.id_semantics.as_objects`.

    Raises
    ------
    UserError : for channels that differ, and pixels that are no ids.

    Warns
    -----
    DataWarning : for NaN, which is taken as background, and as `as_objects`.
    """
    name = path or image.attrs.get("title") or None
    image = grey_rgb.as_grey(image, name)
    if "C" in image.dims:
        raise UserError(
            "has channels, so it is an image and not a label map",
            path=None if name is None else str(name),
            remedy="A label map has one channel with the ids of the objects. If that "
            "axis is time, pass --axes TYX.",
        )
    if np.dtype(image.dtype).kind == "f":
        image = _without_nan(image, name)
    try:
        labels = as_labels(image)
    except UserError as error:
        raise UserError(
            error.problem, path=None if name is None else str(name), remedy=error.remedy
        ) from error
    if as_is:
        return labels
    return id_semantics.as_objects(labels, name, volumes=volumes, drawn=drawn)


def is_made_of_rois(path: Path) -> bool:
    """Return True if the table of ROIs lies beside a label map, so that its ids are objects."""
    try:
        with path.with_suffix(".csv").open(encoding="utf-8-sig") as file:
            return file.readline(200).startswith(_TABLE)
    except (OSError, ValueError):
        return False


def _without_nan(image: xr.DataArray, name: object) -> xr.DataArray:
    """Replace NaN, which ImageJ's thresholds set outside of objects, by the background."""
    array: NDArray = np.asarray(image.data)
    nan = np.isnan(array)
    if not nan.any():
        return image
    warn(
        f"{name or 'the label map'}: {np.count_nonzero(nan)} pixels are NaN; they are "
        "read as background"
    )
    return with_data(image, np.where(nan, array.dtype.type(0), array))
