"""The centres of objects: pixels of theirs that are near to all their others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 8


def central_pixel(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the pixel (y, x) of an object that is nearest to its mean position."""
    y, x = np.nonzero(inside)
    nearest = int(np.argmin((x - x.mean()) ** 2 + (y - y.mean()) ** 2))
    return int(y[nearest]), int(x[nearest])


def medoids(labels: NDArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the objects of a label map, and return the medoid of each.

    The medoid is the pixel of an object with the least sum of distances to its others. Here it is
    the one nearest to the point with the least sum (the geometric median, by eight rounds of
    Weiszfeld's method): seldom another, and never one that is much worse.

    Returns
    -------
    numbers (Y, X), 1…n in the order of the labels, 0 for none; medoids (n, 2), y and x in px.
    """
    names, flat = np.unique(labels, return_inverse=True)
    numbers = flat.reshape(labels.shape).astype(np.intp)
    if not (len(names) and names[0] == 0):
        numbers += 1
    places = np.flatnonzero(numbers)
    if not len(places):
        return numbers, np.zeros((0, 2), np.intp)
    which = numbers.ravel()[places] - 1
    pixels = np.stack(np.divmod(places, labels.shape[1]))
    weights = np.ones(len(places))
    for _ in range(1 + _ROUNDS):
        total = np.bincount(which, weights)
        medians = np.stack([np.bincount(which, weights * axis) / total for axis in pixels])
        away = np.hypot(*(pixels - medians[:, which]))
        weights = 1 / np.maximum(away, 0.5)
    nearest = np.lexsort((away, which))
    first = nearest[np.searchsorted(which[nearest], np.arange(len(total)))]
    return numbers, pixels[:, first].T
