"""What the network is to learn of a label map."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.methods.shared.pixel_weights import outlines

BACKGROUND, OBJECT, BORDER = 0, 1, 2
_FEW_OBJECTS = 200


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
    mode: Literal["constant", "symmetric"] = "constant" if edge == "outside" else "symmetric"
    return _border(np.pad(labels, border_size, mode), border_size)


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


def inner_target(kind: str, labels: NDArray, margin: int) -> NDArray[np.uint8]:
    """Return the classes of a patch whose labels have a margin around it.

    The margin, in px, is the border's size; what is beyond it plays no part.
    """
    if kind == "border":
        return _border(labels, margin)
    inside = (slice(margin, -margin or None),) * 2
    return (contour_target(labels) if kind == "contour" else binary_target(labels))[inside]


def contacts(labels: NDArray, reach: int = 2) -> NDArray[np.bool_]:
    """Pixels that have two different objects within the city-block distance `reach`, in px.

    They are few, but whether touching objects are told apart hangs on them: training weighs
    them more, as the weight map of the U-Net paper does (Ronneberger et al., arXiv 1505.04597).
    """
    return inner_contacts(np.pad(labels, reach, "symmetric"), reach)


def inner_contacts(labels: NDArray, reach: int) -> NDArray[np.bool_]:
    """The same of a patch whose labels have a margin of `reach` px around it."""
    if labels.dtype.kind == "i":
        labels = labels.astype(f"u{labels.dtype.itemsize}")
    # One less, and the background has the largest number there is.
    low, high = labels - labels.dtype.type(1), labels
    for _ in range(reach):
        low, high = _spread(low, np.minimum), _spread(high, np.maximum)
    inside = (slice(reach, -reach or None),) * 2
    low, high = low[inside], high[inside]
    # With no object in reach low is that number and high is 0; with one, low + 1 is high.
    return low + high.dtype.type(1) < high


def diameters(labels: NDArray) -> NDArray[np.float64]:
    """Diameters in px of the discs that have the objects' areas, in the order of their ids."""
    if labels.max(initial=0) == 0:
        return np.zeros(0)
    areas = ndi.sum_labels(np.ones_like(labels, np.uint8), labels, np.unique(labels[labels > 0]))
    return np.sqrt(4 * np.asarray(areas) / np.pi)


def least_area(diameters: NDArray[np.float64]) -> int:
    """Return the area in px below which what is found is no object, from those that were drawn.

    The area that 99 % of the objects exceed, and the less of it the fewer there are: of n
    objects n / (n + 200). The smallest of a few says little of how small the next may be: of
    36 images of nuclei, the 1 % quantile of one image would drop 10 % of the others' objects on
    average and that of four objects 31 %; this drops .6 and .1 %.

    Parameters
    ----------
    diameters : of discs with the objects' areas, in px.
    """
    count = len(diameters)
    if not count:
        return 0
    low = np.pi / 4 * np.percentile(diameters, 1) ** 2
    return int(low * count / (count + _FEW_OBJECTS))


def _border(labels: NDArray, margin: int) -> NDArray[np.uint8]:
    """Return the border target of labels with a margin of the border's size, which is cut off."""
    low = high = labels
    for _ in range(margin):
        low, high = _spread(low, np.minimum), _spread(high, np.maximum)
    inside = (slice(margin, -margin or None),) * 2
    low, high, labels = low[inside], high[inside], labels[inside]
    target = (labels > 0).astype(np.uint8)
    # Where they differ one at least is of an object: high is above 0.
    target[low != high] = BORDER
    return target


def _spread(array: NDArray, choose: np.ufunc) -> NDArray:
    """Take the minimum or maximum over the cross of 5 pixels.

    It is done in the array as one line, several times as fast as in rows. So at the left and right
    edges pixels of the next row take part: after n rounds n columns are wrong, and are cut off.
    """
    width, line = array.shape[1], array.ravel()
    found = line.copy()
    for step in (1, width):
        choose(found[step:], line[:-step], out=found[step:])
        choose(found[:-step], line[step:], out=found[:-step])
    return found.reshape(array.shape)
