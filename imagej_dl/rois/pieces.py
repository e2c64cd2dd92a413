"""ROIs whose pixels lie in several large pieces, though each ROI is one object."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from imagej_dl.geometry.rasterize import Runs
from imagej_dl.images.labels.id_semantics import large_pieces


def several(runs: Runs, of: Iterable[int]) -> list[int]:
    """Return those ROIs that are in several large pieces, as a selection of many cells is.

    Pixels that touch at corners are one piece, and strays are none, as in label maps.

    Parameters
    ----------
    runs : pixels of the ROIs, in the order of their owners.
    of : the ROIs (owners) that are looked at.
    """
    found = []
    for owner in of:
        low, high = np.searchsorted(runs.owner, (owner, owner + 1))
        part = slice(int(low), int(high))
        if large_pieces(_sizes(runs.y[part], runs.x1[part], runs.x2[part])) > 1:
            found.append(owner)
    return found


def _sizes(y: NDArray[np.int64], x1: NDArray[np.int64], x2: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pixels of each piece of runs; from the runs, as a mask might be too large."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    order = np.lexsort((x1, y))
    y, x1, x2 = y[order], x1[order], x2[order]
    width = int(x2.max(initial=0)) + 2
    starts, ends = y * width + x1, y * width + x2
    # Of the next line, runs from the first that ends at or behind the start of a run.
    first = np.searchsorted(ends, starts + width)
    behind = np.searchsorted(starts, ends + width, side="right")
    count = np.maximum(behind - first, 0)
    above = np.repeat(np.arange(len(y)), count)
    below = np.arange(len(above)) - np.repeat(np.cumsum(count) - count - first, count)
    beside = np.flatnonzero(ends[:-1] == starts[1:])
    pairs = np.concatenate([above, beside]), np.concatenate([below, beside + 1])
    joined = coo_array((np.ones(len(pairs[0]), bool), pairs), shape=(len(y), len(y)))
    _, piece = connected_components(joined, directed=False)
    return np.bincount(piece, x2 - x1).astype(np.int64)
