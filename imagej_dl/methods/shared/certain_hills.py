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
    merged,
    passes_between,
    united,
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
    hill_of, doubt = merged(basins.peaks, *passes_between(ground, basins), height, open_)
    roots = united(hill_of, joined, basins)
    doubtful = np.zeros(count, bool)
    doubtful[roots[doubt]] = True
    doubtful[0] = False
    return roots[inner], doubtful
