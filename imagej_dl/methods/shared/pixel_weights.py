"""Pixel weights: how much each pixel counts in the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images.labels.bounding_boxes import boxes
from imagej_dl.methods.shared.neighbours import outlines, spread

WEIGHT_MAPS = ("contacts", "unet", "contour", "none")
"""Names of the pixel weights; `contacts` are computed for each patch, the maps for each image."""
UNWEIGHTED_FIRST = ("none", *(name for name in WEIGHT_MAPS if name != "none"))
"""The same for methods that weigh no pixel more unless they are told to."""


def contacts(labels: NDArray, reach: int = 2) -> NDArray[np.bool_]:
    """Return the pixels with two different objects within the city-block distance `reach` in px.

    They are few, but whether touching objects are told apart hangs on them: training weighs
    them more, as the weight map of the U-Net paper does (Ronneberger et al., arXiv 1505.04597).
    """
    return inner_contacts(np.pad(labels, reach, "symmetric"), reach)


def inner_contacts(labels: NDArray, reach: int) -> NDArray[np.bool_]:
    """Return the same of a patch whose labels have a margin of `reach` px around it."""
    if labels.dtype.kind == "i":
        labels = labels.astype(f"u{labels.dtype.itemsize}")
    # One less, and the background has the largest number there is.
    low, high = labels - labels.dtype.type(1), labels
    for _ in range(reach):
        low, high = spread(low, np.minimum), spread(high, np.maximum)
    inside = (slice(reach, -reach or None),) * 2
    low, high = low[inside], high[inside]
    # With no object in reach low is that number and high is 0; with one, low + 1 is high.
    return low + high.dtype.type(1) < high


def unet_map(
    labels: NDArray, w0: float = 10.0, sigma: float = 5.0, *, balance: bool = False
) -> NDArray[np.float32]:
    """Return weights that teach gaps between objects (Ronneberger et al., arXiv 1505.04597, eq. 2).

    w = w_c + w0·exp(−(d1 + d2)² / 2σ²) on the background, w_c on objects; d1 and d2 are the
    distances to the nearest and the second nearest object. Where the exponential is below 4e-6
    of w0 (d1 + d2 > 5σ) it is left out.

    Parameters
    ----------
    labels : label map (Y, X).
    w0, sigma : height, and width in px.
    balance : whether w_c makes objects and background count alike in sum; else it is 1.

    Returns
    -------
    float32 (Y, X).
    """
    weights = np.ones(labels.shape, np.float32)
    share = float(np.mean(labels > 0))
    if balance and 0 < share < 1:
        weights = np.where(labels > 0, 0.5 / share, 0.5 / (1 - share)).astype(np.float32)
    reach = int(np.ceil(5 * sigma))
    first = np.full(labels.shape, np.inf, np.float32)
    second = first.copy()
    for number, box in boxes(labels):
        near = tuple(slice(max(s.start - reach, 0), s.stop + reach) for s in box)
        distance = ndi.distance_transform_edt(labels[near] != number).astype(np.float32)
        later = np.maximum(first[near], distance)
        np.minimum(first[near], distance, out=first[near])
        np.minimum(second[near], later, out=second[near])
    total = first + second
    close = (labels == 0) & (total <= 5 * sigma)
    weights[close] += w0 * np.exp(-(total[close] ** 2) / (2 * sigma**2))
    return weights


def contour_map(labels: NDArray, w0: float = 10.0, sigma: float = 2.0) -> NDArray[np.float32]:
    """Return weights that teach outlines: 1 + w0·exp(−d² / 2σ²).

    Here d is the distance to an object's outline in px.
    The outline are the pixels of objects that have a pixel of another label beside them.
    """
    lines = outlines(labels)
    if not lines.any():
        return np.ones(labels.shape, np.float32)
    distance = ndi.distance_transform_edt(~lines)
    return (1 + w0 * np.exp(-(distance**2) / (2 * sigma**2))).astype(np.float32)


MAPS: dict[str, Callable[[NDArray], NDArray[np.float32]]] = {
    "unet": unet_map,
    "contour": contour_map,
}
"""Pixel weights that are computed from the whole label map of an image."""
