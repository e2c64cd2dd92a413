"""Bounding boxes of objects, in memory that depends on their number, not on the largest id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, ...]


def middle(box: Box) -> NDArray[np.float64]:
    """Return the middle of a bounding box, in px along each axis."""
    return np.array([(part.start + part.stop - 1) / 2 for part in box], np.float64)


def boxes(labels: NDArray) -> list[tuple[int, Box]]:
    """Return the ids of a label map in ascending order, each with its bounding box."""
    from scipy import ndimage as ndi

    # A table as long as the largest id, which may be 2³² − 1, is made only where it is short.
    if labels.max(initial=0) <= labels.size:
        numbered = enumerate(ndi.find_objects(labels), 1)
        return [(number, box) for number, box in numbered if box is not None]
    ids, ranks = np.unique(labels, return_inverse=True)
    first = int(ids[0] == 0)
    places = ndi.find_objects(ranks.reshape(labels.shape) + (1 - first))
    return [(int(label), box) for label, box in zip(ids[first:], places, strict=True)]
