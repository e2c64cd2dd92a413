"""Painting of ROIs into a label map, and which ROI owns a pixel of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.geometry.rasterize import Runs
from imagej_dl.rois.roi import Roi

Overlap = Literal["last", "first", "smallest", "error"]
_CHUNK = 8_000_000  # pixels painted at a time


def paint(
    labels: NDArray[Any],
    runs: Runs,
    owner: NDArray[np.int64],
    plane: NDArray[np.int64],
    numbers: NDArray[np.int64],
    size: tuple[int, int],
    overlap: Overlap,
    rois: Sequence[Roi],
) -> tuple[int, NDArray[np.int64]]:
    """Paint runs of pixels; the ROI painted last owns a contested pixel.

    Parameters
    ----------
    labels : flat label map of all planes, zeros; painted in place.
    runs : pixels of the ROIs on the image.
    owner, plane : ROI and plane of each painting, in the order of painting.
    numbers : id of each ROI.
    size : height and width of a plane.
    overlap : "error" refuses a pixel of two ROIs.
    rois : for their names.

    Returns
    -------
    contested : number of pixels in more than one ROI.
    visible : pixels left to each ROI, over all its planes.
    """
    height, width = size
    start = np.searchsorted(runs.owner, owner)
    count = np.searchsorted(runs.owner, owner, side="right") - start
    run = _ragged(start, count)
    owner, plane = np.repeat(owner, count), np.repeat(plane, count)
    offset = (plane * height + runs.y[run]) * width + runs.x1[run]
    length = runs.lengths[run]
    ids = numbers[owner]
    contested = np.zeros(0, np.int64)  # few as a rule, so no array of the stack's size
    for part in _chunks(length):
        pixel = _ragged(offset[part], length[part])
        value = np.repeat(ids[part].astype(labels.dtype), length[part])
        # memory is not touched before it is painted, which would cost more than the painting
        before = labels[pixel] if part.start else None
        labels[pixel] = value  # of a pixel that comes twice, the last value stays
        conflict = labels[pixel] != value
        if before is not None:
            conflict |= before != 0
        if not conflict.any():
            continue
        if overlap == "error":
            at = pixel[conflict][0]
            raise _overlap_error(offset, length, owner, int(at), rois, width)
        contested = np.union1d(contested, pixel[conflict])
    visible = np.zeros(len(rois), np.int64)
    for part in _chunks(length):
        mine = np.repeat(owner[part], length[part])
        if len(contested):
            mine = mine[labels[_ragged(offset[part], length[part])] == numbers[mine]]
        visible += np.bincount(mine, minlength=len(rois))
    return len(contested), visible


def painting_order(placed: list[int], areas: NDArray[np.int64], overlap: Overlap) -> list[int]:
    """Return the ROIs in an order in which the one painted last owns a contested pixel."""
    if overlap == "first":
        return placed[::-1]
    if overlap == "smallest":
        return sorted(placed, key=lambda i: -areas[i])
    return placed


def _overlap_error(
    offset: NDArray[np.int64],
    length: NDArray[np.int64],
    owner: NDArray[np.int64],
    pixel: int,
    rois: Sequence[Roi],
    width: int,
) -> UserError:
    there = np.unique(owner[(offset <= pixel) & (pixel < offset + length)])
    names = " and ".join(repr(rois[i].name) for i in there[:2].tolist())
    rest, x = divmod(pixel, width)
    return UserError(
        f"the ROIs {names} overlap, for instance in column {x} of line {rest} of the stack",
        remedy="Choose another value of overlap, or correct the ROIs in ImageJ.",
    )


def _chunks(length: NDArray[np.int64]) -> Iterator[slice]:
    """Yield slices of runs, some 8 million pixels each."""
    ends = np.cumsum(length)
    total = int(ends[-1]) if len(ends) else 0
    marks = np.arange(_CHUNK, total + _CHUNK, _CHUNK)
    start = 0
    for end in np.searchsorted(ends, marks, side="right").tolist():
        end = max(end, min(start + 1, len(length)))
        if end > start:
            yield slice(start, end)
        start = end


def _ragged(start: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return start[0], start[0] + 1, … (count[0] of them), start[1], and so on."""
    behind = np.cumsum(count)
    total = int(behind[-1]) if len(behind) else 0
    return np.arange(total) + np.repeat(start - behind + count, count)
