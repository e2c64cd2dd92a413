"""Connected components of the ids of a label map; pixels that touch at corners are connected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def measured(block: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the id and the size in pixels of each component of a plane (Y, X) or volume."""
    if block.ndim == 2:
        return _of_runs(block)
    components = numbered(block).ravel()
    sizes = np.bincount(components)
    ids = np.zeros(len(sizes), np.int64)
    ids[components] = block.ravel()
    return ids[1:], sizes[1:]


def numbered(block: NDArray) -> NDArray:
    """Number the components of a plane (Y, X) or volume (Z, Y, X) from 1."""
    from scipy import ndimage as ndi
    from skimage.measure import label

    ids = block[block > 0]
    if ids.size and (ids == ids[0]).all():  # needs less memory
        return ndi.label(block > 0, np.ones((3,) * block.ndim), np.int32)[0]
    return label(block, background=0, connectivity=block.ndim)


def _of_runs(plane: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Measure the components by runs, pixels of one id side by side, of which there are few."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    width = plane.shape[1]
    change = np.ones((plane.shape[0], width + 1), bool)
    np.not_equal(plane[:, 1:], plane[:, :-1], out=change[:, 1:-1])
    y, x = np.nonzero(change)
    inner = y[1:] == y[:-1]  # a run begins at each change but the last of a row
    row, start, stop = y[:-1][inner], x[:-1][inner], x[1:][inner]
    ids = plane[row, start].astype(np.int64)
    of = ids > 0
    row, start, stop, ids = row[of], start[of], stop[of], ids[of]
    # A gap at the end of each row keeps its runs apart from those of the next row.
    begin, end = row * (width + 2) + start, row * (width + 2) + stop
    low = np.searchsorted(end, begin + width + 2, "left")
    high = np.searchsorted(begin, end + width + 2, "right")
    count = np.maximum(high - low, 0)
    above = np.repeat(np.arange(len(row)), count)
    below = np.arange(len(above)) - np.repeat(np.cumsum(count) - count - low, count)
    same = ids[above] == ids[below]
    links = (np.ones(np.count_nonzero(same), bool), (above[same], below[same]))
    number, piece = connected_components(coo_array(links, shape=(len(row),) * 2), directed=False)
    sizes = np.bincount(piece, stop - start, number).astype(np.int64)
    owner = np.zeros(number, np.int64)
    owner[piece] = ids
    return owner, sizes
