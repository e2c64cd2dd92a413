"""The neighbourhood of pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spread(array: NDArray, choose: np.ufunc) -> NDArray:
    """Take the minimum or maximum over the cross of 5 pixels.

    It is done in the array as one line, several times as fast as in rows. So at the left and right
    edges pixels of the next row take part: after n rounds n columns are wrong, and are cut off.
    """
    width, line = array.shape[1], array.ravel()
    result = line.copy()
    for step in (1, width):
        choose(result[step:], line[:-step], out=result[step:])
        choose(result[:-step], line[step:], out=result[:-step])
    return result.reshape(array.shape)


def outlines(labels: NDArray) -> NDArray[np.bool_]:
    """Return the pixels of objects with another label among their 4 neighbours.

    The image's edge is none.
    """
    result = np.zeros(labels.shape, bool)
    down, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    result[1:] |= down
    result[:-1] |= down
    result[:, 1:] |= right
    result[:, :-1] |= right
    return result & (labels > 0)
