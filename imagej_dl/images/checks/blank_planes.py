"""Planes in which nothing was recorded: a camera that stopped, a file made before its pixels."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl.errors import DataWarning
from imagej_dl.images import memory_maps
from imagej_dl.images.checks.missing_planes import enumerated

_NAMES = {"T": "frame", "Z": "slice", "C": "channel"}


def warn_black(image: xr.DataArray, path: Path) -> None:
    """Say which planes of an image are 0 everywhere, where others are not.

    It is for images, not for label maps, where a plane without an object is nothing strange.

    Warns
    -----
    DataWarning : with the numbers of the frames (slices, channels) of which all is 0, or else of
        the planes.
    """
    axes = [name for name in map(str, image.dims) if name not in "YX"]
    planes = image.transpose(*axes, "Y", "X").data
    shape = planes.shape[:-2]
    black = np.array([_is_black(planes[place]) for place in np.ndindex(shape)], bool).reshape(shape)
    if not black.any() or black.all():
        return
    for axis in sorted(axes, key="TZC".index):
        others = tuple(i for i, a in enumerate(axes) if a != axis)
        whole = np.asarray(black.all(others))
        if whole.sum() * (black.size // len(whole)) == black.sum():
            numbers = [number + 1 for number in np.flatnonzero(whole).tolist()]
            words = f"{enumerated(numbers, _NAMES[axis])} of {len(whole)}"
            _warn(path, words, len(numbers))
            return
    _warn(path, f"{black.sum()} of its {black.size} planes", int(black.sum()))


def _warn(path: Path, words: str, number: int) -> None:
    verb = "is" if number == 1 else "are"
    warnings.warn(f"{path}: {words} {verb} black: all pixels are 0", DataWarning, stacklevel=4)


def _is_black(plane: np.ndarray) -> bool:
    # Of most planes a row in the middle says it, and no more of a large file is read.
    found = not plane[plane.shape[0] // 2].any() and not plane.any()
    memory_maps.forget(plane)
    return found
