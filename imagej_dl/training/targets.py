"""What the network is to learn of a label map."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.training.weights import outlines

_CROSS = ((0, 1), (0, -1), (1, 0), (-1, 0))

BACKGROUND, OBJECT, BORDER = 0, 1, 2


def border_target(
    labels: NDArray, border_size: int = 2, *, edge: Literal["outside", "mirror"] = "outside"
) -> NDArray[np.uint8]:
    """Classes background 0, object 1, border 2, by the rule of Fluffy (BBQuercus/fluffy).

    There, each object is dilated and eroded `border_size` times by a cross of 5 pixels; what the
    two differ in is border. For all objects at once that is: a pixel is border when the pixels
    within the city-block distance `border_size` hold an object and are not all of one label.

    Parameters
    ----------
    labels : integer label map (Y, X), background 0.
    border_size : half width of the border class in px.
    edge : "outside" is Fluffy's: objects cut by the image's edge have a border along it.
        "mirror" continues the objects over the edge, as images are mirrored at prediction.

    Returns
    -------
    uint8 array (Y, X).
    """
    if edge == "outside":
        padded = np.pad(labels, border_size)
    else:
        padded = np.pad(labels, border_size, "symmetric")
    low = high = padded
    for _ in range(border_size):
        low, high = _spread(low, np.minimum), _spread(high, np.maximum)
    inside = (slice(border_size, -border_size or None),) * 2
    low, high = low[inside], high[inside]
    target = (labels > 0).astype(np.uint8)
    target[(high > 0) & (low != high)] = BORDER
    return target


def binary_target(labels: NDArray) -> NDArray[np.uint8]:
    """Classes background 0, object 1 of a label map (Y, X)."""
    return (labels > 0).astype(np.uint8)


def contour_target(labels: NDArray) -> NDArray[np.uint8]:
    """Classes background 0, object 1, contour 2: the pixels of objects beside another label."""
    return np.where(outlines(labels), BORDER, labels > 0).astype(np.uint8)


def target(kind: str, labels: NDArray, border_size: int = 2) -> NDArray[np.uint8]:
    """Return the classes that a model of this kind learns (see `imagej_dl.models.CLASSES`)."""
    if kind == "border":
        return border_target(labels, border_size, edge="mirror")
    if kind == "contour":
        return contour_target(labels)
    return binary_target(labels)


def contacts(labels: NDArray, reach: int = 2) -> NDArray[np.bool_]:
    """Pixels that have two different objects within the city-block distance `reach`, in px.

    They are few, but whether touching objects are told apart hangs on them: training weighs
    them more, as the weight map of the U-Net paper does (Ronneberger et al., arXiv 1505.04597).
    """
    high = np.pad(labels, reach, "symmetric")
    top = np.iinfo(high.dtype).max
    low = np.where(high == 0, top, high)
    for _ in range(reach):
        low, high = _spread(low, np.minimum), _spread(high, np.maximum)
    inside = (slice(reach, -reach or None),) * 2
    low, high = low[inside], high[inside]
    # Without an object in reach low is the largest id and high is 0.
    return low < high


def diameters(labels: NDArray) -> NDArray[np.float64]:
    """Diameters in px of the discs that have the objects' areas, in the order of their ids."""
    if labels.max(initial=0) == 0:
        return np.zeros(0)
    areas = ndi.sum_labels(np.ones_like(labels, np.uint8), labels, np.unique(labels[labels > 0]))
    return np.sqrt(4 * np.asarray(areas) / np.pi)


def _spread(array: NDArray, choose: np.ufunc) -> NDArray:
    """Take the minimum or maximum over the cross of 5 pixels, ignoring what is outside."""
    result = array.copy()
    for dy, dx in _CROSS:
        to = (slice(max(dy, 0), min(dy, 0) or None), slice(max(dx, 0), min(dx, 0) or None))
        source = (slice(max(-dy, 0), min(-dy, 0) or None), slice(max(-dx, 0), min(-dx, 0) or None))
        choose(result[to], array[source], out=result[to])
    return result
