"""Maps of how much each pixel counts in the loss."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images.bounding_boxes import boxes

WeightMap = Literal["contacts", "unet", "contour", "none"]


def unet_map(
    labels: NDArray, w0: float = 10.0, sigma: float = 5.0, *, balance: bool = False
) -> NDArray[np.float32]:
    """Weights that teach the gaps between objects (Ronneberger et al., arXiv 1505.04597, eq. 2).

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
    """Weights that teach outlines: 1 + w0·exp(−d² / 2σ²), d the distance to an object's outline.

    The outline are the pixels of objects that have a pixel of another label beside them.
    """
    lines = outlines(labels)
    if not lines.any():
        return np.ones(labels.shape, np.float32)
    distance = ndi.distance_transform_edt(~lines)
    return (1 + w0 * np.exp(-(distance**2) / (2 * sigma**2))).astype(np.float32)


def outlines(labels: NDArray) -> NDArray[np.bool_]:
    """Pixels of objects with another label among their 4 neighbours; the image's edge is none."""
    found = np.zeros(labels.shape, bool)
    down, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= right
    found[:, :-1] |= right
    return found & (labels > 0)
