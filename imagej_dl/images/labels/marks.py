"""Marks: what is background and what is to be ignored, drawn beside the objects of a label map.

They are an image of the label map's axes, uint8, with the values below. Where there are both an
object and a mark, :func:`settled` decides, so that each object is known or ignored as a whole.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.errors import UserError
from imagej_dl.images.alignment import stacked_like
from imagej_dl.images.array import with_data
from imagej_dl.images.reading import read as read_image

UNMARKED, BACKGROUND, IGNORED = 0, 1, 2
"""Values of marks."""

FOLDER = STEM = "marks"
"""The folder beside `masks`, and the name beside a label map that is called labels or mask."""

_MASKS = "masks"
_PLAIN = ("labels", "mask", "masks")


def path_of(labels: str | Path) -> Path:
    """Return the file of the marks that belong to a label map's file.

    That is marks/NAME.tif beside masks/NAME.tif, marks.tif beside labels.tif and mask.tif, else
    NAME_marks.tif beside NAME.tif.
    """
    labels = Path(labels)
    if labels.parent.name == _MASKS:
        return labels.parent.with_name(FOLDER) / f"{labels.stem}.tif"
    stem = STEM if labels.stem in _PLAIN else f"{labels.stem}_{STEM}"
    return labels.with_name(f"{stem}.tif")


def read(path: str | Path, labels: xr.DataArray) -> xr.DataArray:
    """Read marks as uint8, with the axes of the label map that they belong to.

    Raises
    ------
    UserError : for other values or another size.
    """
    return _fitting(read_image(path), labels, path)


def _fitting(given: xr.DataArray, labels: xr.DataArray, path: str | Path | None) -> xr.DataArray:
    found = stacked_like(given, labels)
    if dict(found.sizes) != dict(labels.sizes):
        raise UserError(
            f"has the axes {dict(found.sizes)}, its label map has {dict(labels.sizes)}",
            path=path,
            remedy="Make both again from the ROIs with `imagej-dl labels --overwrite`.",
        )
    found = found.transpose(*labels.dims)
    values = np.asarray(found.data)
    if not np.isin(values, (UNMARKED, BACKGROUND, IGNORED)).all():
        raise UserError(
            f"holds other values than {UNMARKED} (not marked), {BACKGROUND} (background) and "
            f"{IGNORED} (ignored)",
            path=path,
            remedy="Make it again from the ROIs with `imagej-dl labels --overwrite`.",
        )
    return with_data(labels, values.astype(np.uint8), [str(axis) for axis in labels.dims])


def of(source: str | Path | xr.DataArray, labels: xr.DataArray) -> xr.DataArray:
    """Return marks that are given, as a file or in memory, for a label map; see :func:`read`."""
    if not isinstance(source, xr.DataArray):
        return read(source, labels)
    return _fitting(source, labels, None)


def settled(labels: NDArray, marks: NDArray[np.uint8]) -> tuple[NDArray, NDArray[np.uint8]]:
    """Decide where objects and marks overlap, plane by plane; arrays (…, Y, X).

    An object is ignored as a whole if more than half of its pixels in a plane are marked as
    ignored: they become 0, and are all marked so. Otherwise all of its pixels are the object's,
    and none is marked.
    """
    if not marks.any() or not labels.any():
        return labels, marks
    labels, marks = np.array(labels), np.array(marks)
    shape = (-1, *labels.shape[-2:])
    for plane, marked in zip(labels.reshape(shape), marks.reshape(shape), strict=True):
        there = plane > 0
        if (marked[there] == IGNORED).any():
            ids, place, sizes = np.unique(plane[there], return_inverse=True, return_counts=True)
            covered = np.bincount(place.ravel(), marked[there] == IGNORED, len(ids))
            gone = np.isin(plane, ids[2 * covered > sizes])
            plane[gone] = 0
            marked[gone] = IGNORED
            there &= ~gone
        marked[there] = UNMARKED
    return labels, marks


RING = 2
"""Pixels around a drawn object that are known not to be of it, where not all objects are drawn."""


def known(
    labels: NDArray, marked: NDArray[np.uint8] | None, ring: int | None = None
) -> NDArray[np.bool_] | None:
    """Return where a plane (Y, X) says what is there; None everywhere.

    Parameters
    ----------
    labels, marked : settled (see :func:`settled`).
    ring : None if all objects are drawn: then all is known but what is ignored. Otherwise what is
        not drawn is unknown: known are the objects, a ring of this width in px around each (see
        :func:`ringed`; what lies there is not of that object), and what is marked as background.
    """
    ignored = None if marked is None else marked == IGNORED
    if ring is None:
        return None if ignored is None or not ignored.any() else ~ignored
    where = ringed(labels, ring)
    return where if marked is None else (where | (marked == BACKGROUND)) & ~(marked == IGNORED)


def ringed(labels: NDArray, ring: int) -> NDArray[np.bool_]:
    """Return the objects with all that is at most `ring` px from one, by city-block distance."""
    where = np.asarray(labels) > 0
    return ndi.binary_dilation(where, iterations=ring) if ring and where.any() else where
