"""Hills of a part of a surface that are certain to be those of the whole surface.

A window shows only a part of a plane, and near its end the surface itself is not known. Whether a
peak stands for itself depends on the passes to higher peaks, and so on what is above these passes
alone: all else may lie beyond the window. So most hills in a window are decided there, however
far the region goes on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.methods.shared.h_maxima_watershed import (
    basins_of,
    ground_of,
    passes_between,
    root_of,
)


def certain_hills(
    surface: NDArray,
    region: NDArray[np.bool_],
    height: float,
    unknown: NDArray[np.bool_],
    joined: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Split what is known of a region as :func:`h_maxima_watershed` splits the whole of it.

    Parameters
    ----------
    surface, region, height, joined : of the window, as there.
    unknown : (Y, X), where surface and region may be others in the whole plane.

    Returns
    -------
    labels (Y, X), 0 outside the region and where it is not known; and for each label whether it is
    in doubt. A label that is not has the same pixels in the whole plane (up to peaks, passes and
    neighbours of exactly the same height).
    """
    known = region & ~unknown
    if not known.any():
        return np.zeros(region.shape, np.int32), np.zeros(1, bool)
    ground = ground_of(surface, known)
    basins = basins_of(ground, known)
    count = len(basins.peaks)
    inner = basins.plane[1:-1, 1:-1]
    # What is next to the unknown may go on there.
    beside = ndi.binary_dilation(unknown, np.ones((3, 3)))
    open_ = np.zeros(count, bool)
    open_[inner[beside]] = True
    hills, doubt = _merged(basins.peaks, *passes_between(ground, basins), height, open_)
    if joined is not None:
        first, second, within = passes_between(np.pad(joined, 1).astype(np.int8), basins)
        for a, b in zip(first[within > 0].tolist(), second[within > 0].tolist(), strict=True):
            hills[root_of(hills, a)] = root_of(hills, b)
    roots = np.array([root_of(hills, one) for one in range(count)], np.int32)
    doubtful = np.zeros(count, bool)
    doubtful[roots[doubt]] = True
    doubtful[0] = False
    return roots[inner], doubtful


def _merged(
    peaks: NDArray[np.float64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    passes: NDArray,
    height: float,
    open_: NDArray[np.bool_],
) -> tuple[list[int], NDArray[np.bool_]]:
    """Return what each basin is joined to, and the basins that are in doubt.

    As in :func:`h_maxima_watershed`, where the lower of two ranges that meet is joined to the other
    if it is too low. Of a range with an open basin only the least height is known. One that has
    none is known, with all of its passes: what it meets is at least as high as it is seen to be. So
    a known range that is the lower one is decided. If an open one is the lower one, nothing is
    joined where it is high enough; otherwise both hills are in doubt.
    """
    range_of, hill_of = list(range(len(peaks))), list(range(len(peaks)))
    top, unsure, doubt = peaks.tolist(), open_.tolist(), open_.copy()
    for a, b, level in zip(first.tolist(), second.tolist(), passes.tolist(), strict=True):
        one, other = root_of(range_of, a), root_of(range_of, b)
        if one == other:
            continue
        if top[one] < top[other]:
            one, other, a, b = other, one, b, a
        if top[other] - level < height:
            if unsure[other]:
                doubt[[a, b]] = True
            else:
                hill_of[root_of(hill_of, b)] = root_of(hill_of, a)
        range_of[other] = one
        unsure[one] = unsure[one] or unsure[other]
    return hill_of, doubt
