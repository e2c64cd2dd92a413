"""The depth of pixels within a region."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

_SHALLOW = 64
"""Largest depth, px, that is found along rows: the work grows with it."""
_FAR = 4 * _SHALLOW


def depth(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the Euclidean distance of each pixel of a region from its outside, in px.

    What lies beyond the plane is no outside. With no outside in it the depth is 0.

    Of shallow regions it is found column by column and then along the rows (Saito and Toriwaki
    1994, "New algorithms for Euclidean distance transformation"), for the region's pixels alone,
    which takes a third of the time of `scipy.ndimage.distance_transform_edt`. Both are exact.
    """
    found = np.zeros(region.shape)
    if not region.any() or region.all():
        return found
    frame = ((0, 0), (_SHALLOW, _SHALLOW))
    along = np.pad(_along_columns(region), frame, constant_values=_FAR)
    squared = _along_rows(along.ravel(), np.flatnonzero(np.pad(region, frame)))
    if squared is None:
        return _deep(region, found)
    found[region] = np.sqrt(squared)
    return found


def _along_columns(region: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the distance from the outside within the column, `_FAR` at most."""
    above, below = (np.empty(region.shape, np.int32) for _ in range(2))
    # Row by row, which `accumulate` along this axis is ten times slower than.
    for distance, rows in ((above, region), (below[::-1], region[::-1])):
        last = np.full(region.shape[1], _FAR, np.int32)
        for now, inside in zip(distance, rows, strict=True):
            np.add(last, 1, out=now)
            np.multiply(now, inside, out=now)
            last = now
    np.minimum(above, below, out=above)
    return np.minimum(above, _FAR, out=above)


def _along_rows(along: NDArray[np.int32], places: NDArray[np.intp]) -> NDArray[np.int32] | None:
    """Return the squared distances of the places (flat); None where one is not shallow."""
    squared = along[places] ** 2
    open_ = np.flatnonzero(squared > 1)
    here, best = places[open_], squared[open_]
    step = 0
    while len(open_):
        step += 1
        if step > _SHALLOW:
            return None
        nearest = np.minimum(along[here - step], along[here + step])
        best = np.minimum(best, nearest * nearest + step**2)
        squared[open_] = best
        # What is nearer than the next step is far to the side cannot come nearer.
        on = best > (step + 1) ** 2
        open_, here, best = open_[on], here[on], best[on]
    return squared


def _deep(region: NDArray[np.bool_], found: NDArray[np.float64]) -> NDArray[np.float64]:
    nearest = ndi.distance_transform_edt(region, return_distances=False, return_indices=True)
    at = np.nonzero(region)
    found[at] = np.sqrt((nearest[0][at] - at[0]) ** 2 + (nearest[1][at] - at[1]) ** 2)
    return found
