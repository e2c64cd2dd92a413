"""Blank planes: those of a camera that stopped, or of a file written before its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl.errors import warn
from imagej_dl.images import memory_maps
from imagej_dl.images.checks.missing_planes import enumerated
from imagej_dl.images.lazy_arrays import plane_of

_NAMES = {"T": "frame", "Z": "slice", "C": "channel"}


def warn_black(image: xr.DataArray, path: Path) -> None:
    """Warn of planes of an image that are 0 everywhere while others are not.

    Not for label maps, where a plane without objects is nothing unusual.

    Warns
    -----
    DataWarning : names the frames (slices, channels) that are blank, or else the number of blank
        planes.
    """
    axes = [name for name in map(str, image.dims) if name not in "YX"]
    planes = image.transpose(*axes, "Y", "X").data
    shape = planes.shape[:-2]
    black = np.array([_is_black(planes, place) for place in np.ndindex(shape)], bool)
    black = black.reshape(shape)
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
    warn(f"{words} {verb} black: all pixels are 0", path=path)


def _is_black(planes: Any, place: tuple[int, ...]) -> bool:
    # One row in the middle decides for most planes, so that little of a large file is read.
    black = not planes[(*place, planes.shape[-2] // 2)].any() and not any(
        part.any() for _, part in memory_maps.pieces(plane_of(planes, place))
    )
    memory_maps.forget(planes)
    return black
