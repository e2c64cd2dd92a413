"""Objects of classes: the connected pixels of each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage


def objects(classes: np.ndarray, wanted: Iterable[int], min_size: int = 1) -> np.ndarray:
    """Return the label map of a class map; pixels that share a side belong together.

    Parameters
    ----------
    classes : (Y, X) integers.
    wanted : the classes that are objects; ids go on from one to the next.
    min_size : of an object, in px; smaller ones are left out.
    """
    labels = np.zeros(classes.shape, np.int64)
    for number in wanted:
        found, count = ndimage.label(classes == number)
        sizes = np.bincount(found.ravel(), minlength=count + 1)
        kept = np.flatnonzero(sizes[1:] >= min_size) + 1
        ids = np.zeros(count + 1, np.int64)
        ids[kept] = labels.max(initial=0) + np.arange(1, len(kept) + 1)
        labels += ids[found]
    return labels
