"""Where the ground truth of a plane is known: all of it, or what is drawn and marked of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images.labels.marks import BACKGROUND, IGNORED
from imagej_dl.rois import Labelled

_SHELL = 8
"""Width in px of the surroundings of objects by which the background is estimated."""
_SMOOTHING = 1.0
_APART = 0.9
"""Share of pairs of a pixel in the drawn objects and one around them that differ in the same
direction, from which on objects stand out from the background."""


@dataclass(frozen=True)
class Known:
    """Where the ground truth of a plane is known.

    where : bool (Y, X); None everywhere.
    estimated : whether some of the background was taken from the intensities.
    """

    where: NDArray[np.bool_] | None = None
    estimated: bool = False


def dense(marks: NDArray[np.uint8] | None) -> Known:
    """Return all but what is ignored: where nothing is drawn there is background."""
    if marks is None or not (marks == IGNORED).any():
        return Known()
    return Known(marks != IGNORED)


def sparse(
    labels: NDArray, marks: NDArray[np.uint8] | None, image: NDArray[np.float32], ring: int
) -> Known:
    """Return what is drawn: objects, a ring around each, and what is marked as background.

    Where no background is marked on the plane, it is estimated (see :func:`background`).

    Parameters
    ----------
    labels, marks : (Y, X), settled (see :func:`imagej_dl.images.labels.marks.settled`).
    image : (Y, X, C).
    ring : its width in px, by the city-block distance. What lies there is not of that object.
    """
    where = ringed(labels, ring)
    marked = None if marks is None else marks == BACKGROUND
    if marked is not None and marked.any():
        return Known((where | marked) & (marks != IGNORED))
    found = background(labels, image)
    if found is not None:
        where |= found
    if marks is not None:
        where &= marks != IGNORED
    return Known(where, found is not None)


def of_image(drawn: Labelled, image: xr.DataArray, ring: int | None) -> NDArray[np.bool_] | None:
    """Return where the ground truth of an image is known, as the label map; None if all is.

    Parameters
    ----------
    drawn : label map and marks of the image.
    ring : see :func:`sparse`; None if all objects are drawn.
    """
    labels = drawn.labels
    if ring is None and drawn.marks is None:
        return None
    where = np.ones(labels.shape, bool)
    for index in np.ndindex(*labels.shape[:-2]):
        place = dict(zip(map(str, labels.dims[:-2]), index, strict=True))
        marks = None if drawn.marks is None else drawn.marks.data[index]
        if ring is None:
            found = dense(marks)
        else:
            plane = image.isel(place).transpose("Y", "X", ...).data.astype(np.float32)
            plane = plane[..., None] if plane.ndim == 2 else plane
            found = sparse(labels.data[index], marks, plane, ring)
        if found.where is not None:
            where[index] = found.where
    return where


def ringed(labels: NDArray, ring: int) -> NDArray[np.bool_]:
    """Return the objects with all that is at most `ring` px from one, by city-block distance."""
    where = np.asarray(labels) > 0
    return ndi.binary_dilation(where, iterations=ring) if ring and where.any() else where


def background(labels: NDArray, image: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Estimate from the intensities of drawn objects and their surroundings what is background.

    Objects stand out if nine of ten pixels in them are brighter (or nine of ten darker) than a
    pixel within 8 px around them. Then what is as dark (as bright) as the darker half of these
    surroundings is taken as background. With 30 % of the objects drawn on 36 images of nuclei,
    that is 83 % of the background, and .01 % of it is of objects that were not drawn (at most
    .2 % of an image); inverted it is the same, and with added noise of a third of the range 65 %
    and .1 %.

    Returns
    -------
    bool (Y, X); None where objects do not stand out in any channel, or none is drawn.
    """
    inside = labels > 0
    if not inside.any():
        return None
    near = ndi.binary_dilation(inside, iterations=2)
    shell = ndi.binary_dilation(inside, iterations=2 + _SHELL) & ~near
    if not shell.any():
        return None
    best, found = _APART, None
    for channel in range(image.shape[-1]):
        smooth = ndi.gaussian_filter(image[..., channel], _SMOOTHING)
        around = np.sort(smooth[shell])
        brighter = float(np.searchsorted(around, smooth[inside]).mean() / len(around))
        darker = float(1 - np.searchsorted(around, smooth[inside], "right").mean() / len(around))
        if max(brighter, darker) < best:
            continue
        middle = np.median(around)
        best = max(brighter, darker)
        found = (smooth <= middle if brighter > darker else smooth >= middle) & ~inside
    return found
