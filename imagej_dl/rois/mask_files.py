"""Masks of single objects, mask_0.png, mask_1.png …, as Fluffy (BBQuercus/fluffy) keeps them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.names import visible
from imagej_dl.images import make
from imagej_dl.images.checks import lossy_compression
from imagej_dl.images.formats import pictures
from imagej_dl.rois.report import some_of
from imagej_dl.rois.roi import LABEL_KEY, SIZE_KEY, Roi
from imagej_dl.rois.tracing import trace

_NAME = re.compile(r"mask_(\d+)\.png", re.IGNORECASE)


def mask_files(folder: Path) -> dict[int, Path]:
    """Return the files mask_N.png of a folder by N, in the order of the numbers.

    Raises
    ------
    UserError : when two files have one number (mask_1.png and mask_01.png).
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if match := _NAME.fullmatch(path.name):
            other = found.setdefault(int(match[1]), path)
            if other is not path:
                raise UserError(
                    f"has the number of {other.name}", path=path, remedy="Remove one of them."
                )
    return dict(sorted(found.items()))


def read_masks(folder: Path) -> list[Roi]:
    """Read masks of single objects as ROIs that enclose exactly their pixels.

    Parameters
    ----------
    folder : holds mask_N.png, all of one size, each with two values, 0 and another (0 or 1 and
        255 as a rule); what is not 0 is the object, in one piece or several.

    Returns
    -------
    rois : named mask_N, in the order of the numbers, with N + 1 as the recorded label (Fluffy
        numbers in the order in which the system lists the files, which is none). They record the
        size of the masks too, which :func:`label_map` compares with the image's.

    Raises
    ------
    UserError : when there is no mask, one is not binary, or has another size than the first.

    Warns
    -----
    DataWarning : for masks without an object, and files that are no masks.
    """
    files = mask_files(folder)
    if not files:
        raise UserError("holds no masks (mask_0.png, mask_1.png …)", path=folder)
    strange = [p.name for p in visible(folder)]
    strange = [name for name in strange if not _NAME.fullmatch(name)]
    if strange:
        warn(f"left out, since they are not masks: {some_of(strange)}", path=folder)
    rois: list[Roi] = []
    empty, first = [], None
    for number, path in files.items():
        mask = _read(path)
        if first is None:
            first = (path, mask.shape)
        if mask.shape != first[1]:
            size, other = (" × ".join(map(str, shape[::-1])) for shape in (mask.shape, first[1]))
            raise UserError(
                f"has {size} pixels, {first[0].name} has {other}",
                path=path,
                remedy="All masks of an image must have its size.",
            )
        if not mask.any():
            empty.append(path.name)
            continue
        rois.append(_roi(mask, path.stem, number + 1))
    if empty:
        warn(f"left out, since they are empty: {some_of(empty)}", path=folder)
    if not rois:
        raise UserError("holds no mask with an object", path=folder)
    return rois


def _read(path: Path) -> NDArray[np.bool_]:
    lossy_compression.refuse(path)
    # Of a palette the numbers count: ImageJ may show 255 as black.
    array = pictures.read_indices(path).values
    if array.ndim == 3 and (array == array[:1]).all():
        array = array[0]  # grey, saved in colours
    remedy = "A mask is 8-bit, 0 outside of its object and 255 inside."
    if array.ndim != 2:
        raise UserError("is a colour image, not a mask", path=path, remedy=remedy)
    inside = array != 0
    values = array[inside]
    if values.size and (values != values[0]).any():
        low, high = values.min(), values.max()
        raise UserError(
            f"is not binary: besides 0 it has values from {low} to {high}",
            path=path,
            remedy=remedy,
        )
    return inside


def _roi(mask: NDArray[np.bool_], name: str, label: int) -> Roi:
    """Trace one mask; only the box of its object is looked at."""
    rows, columns = ndi.find_objects(mask.astype(np.uint8))[0]
    placed = np.zeros((rows.stop, columns.stop), np.uint16)
    placed[rows, columns] = mask[rows, columns]
    [roi] = trace(make(placed), {1: name})
    roi.properties = f"{LABEL_KEY}: {label}\n{SIZE_KEY}: {mask.shape[1]} x {mask.shape[0]}\n"
    return roi
