"""Label maps at another size, with smooth outlines; touching objects stay apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images import array_storage, memory_maps
from imagej_dl.images.labels.bounding_boxes import boxes
from imagej_dl.methods.shared.centres import central_pixel
from imagej_dl.prediction.resampling import SMOOTH, Weights, weights
from imagej_dl.progress import Progress, silent

_BLOCK = 1024


def resampled_labels(
    labels: NDArray, shape: tuple[int, int], progress: Progress = silent
) -> tuple[NDArray, int]:
    """Resample a label map (Y, X) to another number of pixels of the same field of view.

    The mask of each object, and the background, are resampled as images are, by a kernel that
    smooths; a pixel belongs to whichever is highest there. Objects that touch go on touching, each
    with its own id, and a gap between two stays.

    Parameters
    ----------
    labels : ids 1…n. Objects in one piece stay in one piece.
    shape : Y, X of the result.
    progress : stage "objects", in blocks, for planes above 2^25 px.

    Returns
    -------
    the label map, of the same type, above 2^25 px in a temporary file; and how many objects are
    smaller than a pixel in a place that another one has, and so are lost. The others' ids are then
    consecutive again.
    """
    if labels.shape == shape:
        return labels, 0
    is_large = shape[0] * shape[1] > array_storage.LARGE
    make = array_storage.in_file if is_large else np.zeros
    found: NDArray = make(shape, labels.dtype)
    down, across = (weights(b, a, SMOOTH) for b, a in zip(labels.shape, shape, strict=True))
    places = list(product(*(range(0, size, _BLOCK) for size in shape)))
    for done, (y, x) in enumerate(places):
        if is_large:
            progress("objects", done, len(places))
        block = np.s_[y : y + _BLOCK, x : x + _BLOCK]
        found[block] = _block(labels, down, across, block)
        memory_maps.forget(labels)
        memory_maps.forget(found)
    lost = list(_repaired(labels, found))
    if lost:
        _renumber(found, int(labels.max()), lost)
    if is_large:
        progress("objects", len(places), len(places))
    return found, len(lost)


def _block(labels: NDArray, down: Weights, across: Weights, block: tuple[slice, slice]) -> NDArray:
    top, bottom, rows = down.part(block[0].start, block[0].stop)
    left, right, columns = across.part(block[1].start, block[1].stop)
    region = np.asarray(labels[top:bottom, left:right])
    shape = (len(rows.index), len(columns.index))
    best, total = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    ids = np.zeros(shape, labels.dtype)
    for label, (high, wide) in boxes(region):
        y, by_rows = _reached(rows, high)
        x, by_columns = _reached(columns, wide)
        mask = (region[high, wide] == label).astype(np.float32)
        value = by_rows @ mask @ by_columns.T
        total[y, x] += value
        better = value > best[y, x]
        best[y, x][better] = value[better]
        ids[y, x][better] = label
    ids[best <= 1 - total] = 0
    return ids


def _reached(by: Weights, box: slice) -> tuple[slice, NDArray[np.float32]]:
    """Return the new pixels that those of a box have a share in, and their weights."""
    touched = np.flatnonzero(((by.index >= box.start) & (by.index < box.stop)).any(axis=1))
    if not touched.size:
        return slice(0, 0), np.zeros((0, box.stop - box.start), np.float32)
    place = slice(int(touched[0]), int(touched[-1]) + 1)
    part = Weights(by.index[place], by.share[place])
    return place, part.dense(box.start, box.stop)


def _repaired(labels: NDArray, found: NDArray) -> Iterator[int]:
    """Make whole what fell to pieces, put back what vanished; yield the ids that have no place."""
    steps = [after / before for before, after in zip(labels.shape, found.shape, strict=True)]
    for label, box in boxes(labels):
        # Smoothing moves no outline as far as that.
        around = tuple(
            slice(max(int((s.start - 3) * f), 0), int((s.stop + 3) * f) + 2)
            for s, f in zip(box, steps, strict=True)
        )
        part = found[around]
        mine = part == label
        if not mine.any():
            place = _centre(labels[box] == label, box, steps)
            if found[place] == 0:
                found[place] = label
            else:
                yield label
            continue
        pieces, number = ndi.label(mine)
        if number > 1 and ndi.label(labels[box] == label)[1] == 1:
            largest = 1 + np.argmax(np.bincount(pieces.ravel())[1:])
            part[mine & (pieces != largest)] = 0


def _centre(mask: NDArray[np.bool_], box: tuple[slice, ...], steps: list[float]) -> tuple[int, ...]:
    """Return the new pixel in which the object's pixel next to its centre lies."""
    middle = central_pixel(mask)
    return tuple(int((s.start + m + 0.5) * f) for s, m, f in zip(box, middle, steps, strict=True))


def _renumber(found: NDArray, largest: int, lost: list[int]) -> None:
    there = np.ones(largest + 1, bool)
    there[[0, *lost]] = False
    ids = np.cumsum(there).astype(found.dtype)
    ids[~there] = 0
    for place, part in memory_maps.pieces(found):
        found[place] = ids[part]
