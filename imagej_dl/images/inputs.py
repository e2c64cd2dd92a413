"""Arguments that stand for an image or a label map: an image, a NumPy array, or a path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images.array import AXES, make
from imagej_dl.images.reading import read, read_labels

_PLANE = {2: "YX"}
_LABELS = {2: "YX", 3: "TYX", 4: "TZYX"}


def image_of(source: Any) -> xr.DataArray:
    """Return an image as it is, that of a file, or that of an array (Y, X).

    Raises
    ------
    UserError : for an array of more axes, whose names are unknown, for an xarray of other dims
        than T, C, Z, Y, X, and for anything else; as :func:`read` for a path.
    """
    return _of(source, _PLANE) if not _is_path(source) else read(Path(source))


def labels_of(source: Any) -> xr.DataArray:
    """Return a label map as it is, that of a file, or that of an array YX, TYX or TZYX.

    Raises
    ------
    UserError : as :func:`image_of`.
    """
    return _of(source, _LABELS) if not _is_path(source) else read_labels(Path(source))


def _is_path(source: Any) -> bool:
    return isinstance(source, str | os.PathLike)


def _of(source: Any, axes: Mapping[int, str]) -> xr.DataArray:
    if isinstance(source, xr.DataArray):
        dims = [str(axis) for axis in source.dims]
        if set(dims) <= set(AXES) and {"Y", "X"} <= set(dims):
            return source
        raise UserError(
            f"an image has the dims T, C, Z, Y, X or some of them, this one has {', '.join(dims)}",
            remedy="Rename them: image.rename({OLD: NEW}).",
        )
    if not isinstance(source, np.ndarray):
        raise UserError(
            f"an image is needed, not a {type(source).__name__}",
            remedy="Give the path of a file, a NumPy array, or what images.read returns.",
        )
    if source.ndim not in axes and axes is _LABELS:
        raise UserError(f"an array of shape {source.shape} is not a label map YX, TYX or TZYX")
    if source.ndim not in axes:
        raise UserError(
            f"the axes of an array of shape {source.shape} are not named",
            remedy='Name them: images.make(array, "TYX"), of T, C, Z, Y and X.',
        )
    return make(source, axes[source.ndim])
