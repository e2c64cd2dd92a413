"""Objects that are several: cut where the frames before and after hold them apart.

A segmentation now and then makes one object of cells that touch. What covers several objects of
the frame before, and is covered by several again a few frames later, is taken for so many: each
of its pixels goes to the nearest of the objects before. A division is not cut, nor what was one
object before, nor what stays one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imagej_dl import images
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.movie import as_movie

if TYPE_CHECKING:
    import xarray as xr

AHEAD = 5
"""Frames within which an object must be seen as several again."""
_COVERED = 0.5  # of an object's pixels, for it to be one of those that another covers
_ALIKE = 0.35  # by which the areas before and now may differ


def split(labels: xr.DataArray, ahead: int = AHEAD, progress: Progress = silent) -> xr.DataArray:
    """Return a label movie in which fused objects are cut.

    Parameters
    ----------
    labels : label movie, T, Y, X.
    ahead : frames within which an object must be seen as several again.

    Returns
    -------
    labels : one of the parts keeps the object's number, the others have new ones.
    """
    movie = as_movie(labels)
    given = np.asarray(movie)
    found = given.astype(np.uint32)
    for number in range(1, len(found)):
        now, later = found[number], given[number + 1 : number + 1 + ahead]
        for fused, parts in _covering(now, found[number - 1]).items():
            where = now == fused
            if any(_parts(where, frame) > 1 for frame in later):
                _cut(now, where, found[number - 1], parts)
        progress("fused", number + 1, len(found))
    return images.with_data(movie, images.as_labels(found))


def _covering(now: np.ndarray, before: np.ndarray) -> dict[int, np.ndarray]:
    """The objects that cover several objects of the frame before, and which."""
    both = (now > 0) & (before > 0)
    pairs, shared = np.unique(np.stack([now[both], before[both]]), axis=1, return_counts=True)
    numbers, sizes = np.unique(before, return_counts=True)  # which may be as large as 2³² − 1
    pairs = pairs[:, shared > _COVERED * sizes[np.searchsorted(numbers, pairs[1])]]
    found, number = np.unique(pairs[0], return_counts=True)
    return {int(one): pairs[1][pairs[0] == one] for one in found[number > 1]}


def _parts(where: np.ndarray, frame: np.ndarray) -> int:
    """How many objects of a frame a region covers."""
    numbers, shared = np.unique(frame[where], return_counts=True)
    sizes = np.array([np.count_nonzero(frame == one) for one in numbers])
    return int(np.count_nonzero((numbers > 0) & (shared > _COVERED * sizes)))


def _cut(now: np.ndarray, where: np.ndarray, before: np.ndarray, parts: np.ndarray) -> None:
    """Give each pixel of a region the number of the nearest of some objects before."""
    from scipy.ndimage import distance_transform_edt

    seeds = np.isin(before, parts)
    area = np.count_nonzero(seeds)
    if abs(np.count_nonzero(where) - area) > _ALIKE * area:
        return
    y, x = np.nonzero(where | seeds)
    box = slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1)
    far = [distance_transform_edt(before[box] != part) for part in parts]
    nearest = np.argmin(far, axis=0)
    for part in range(1, len(parts)):
        now[box][where[box] & (nearest == part)] = _free(now)


def _free(labels: np.ndarray) -> int:
    """A number that no object has: the next above all, or where there is none the least."""
    after = int(labels.max()) + 1
    if after <= np.iinfo(labels.dtype).max:
        return after
    used = np.unique(labels)
    return int(np.setdiff1d(np.arange(1, len(used) + 2), used)[0])
