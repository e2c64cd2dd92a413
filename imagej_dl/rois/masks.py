"""Masks of ROIs, equal to ImageJ's `Roi.getMask()` at `Roi.getBounds()`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.geometry import rasterize
from imagej_dl.geometry.rasterize import MOST_RUNS, NO_RUNS, Runs
from imagej_dl.rois.lines import line_runs
from imagej_dl.rois.outlines import outlines, whole_box
from imagej_dl.rois.roi import AREAS, LINES, Roi

_LARGEST_MASK = 2**28


def fill(rois: Sequence[Roi], height: int | None = None, *, lines_as_areas: bool = False) -> Runs:
    """Return the pixels inside ROIs as runs; `owner` counts the ROIs given.

    Parameters
    ----------
    rois : of any kind; points, text, images and (unless `lines_as_areas`) lines have no pixels.
    height : lines of pixels outside 0 … height−1 are left out; None for all.
    lines_as_areas : fill lines as wide as their stroke.

    Raises
    ------
    UserError : for damaged composites and outlines too large to fill.
    """
    shapes: dict[str, list[int]] = {"polygon": [], "box": [], "oval": [], "line": []}
    for i, roi in enumerate(rois):
        if roi.kind == "rectangle" and not roi.corner:
            shapes["box"].append(i)
        elif roi.kind == "oval":
            shapes["oval"].append(i)
        elif roi.kind in AREAS:
            shapes["polygon"].append(i)
        elif roi.kind in LINES and lines_as_areas:
            shapes["line"].append(i)
    parts = []
    if members := shapes["polygon"]:
        parts.append(_owned(rasterize.fill(outlines([rois[i] for i in members]), height), members))
    for name, function in (("box", _boxes), ("oval", _ovals)):
        if members := shapes[name]:
            boxes = np.array([whole_box(rois[i]) for i in members], np.int64)
            parts.append(_owned(function(boxes, height), members))
    parts += [_owned(line_runs(rois[i], height), [i]) for i in shapes["line"]]
    return Runs.join(parts) if parts else NO_RUNS


def mask(roi: Roi, *, lines_as_areas: bool = False) -> tuple[NDArray[np.bool_], int, int]:
    """Return one ROI's mask and where it lies.

    Parameters
    ----------
    roi : of any kind; one without an area has an empty mask.
    lines_as_areas : fill a line as wide as its stroke.

    Returns
    -------
    mask : (height, width) bool, cropped to the filled pixels.
    x, y : pixel of the image that mask[0, 0] is; negative outside the image.
    """
    runs = fill([roi], lines_as_areas=lines_as_areas)
    if not len(runs.y):
        return np.zeros((0, 0), bool), 0, 0
    x, y = int(runs.x1.min()), int(runs.y.min())
    height, width = int(runs.y.max()) - y + 1, int(runs.x2.max()) - x
    if height * width > _LARGEST_MASK:
        raise UserError(f"the ROI {roi.name!r} of {width} × {height} pixels is too large")
    # +1 where a run begins and −1 behind it: their running sum is the mask
    steps = np.zeros((height, width + 1), np.int8)
    np.add.at(steps, (runs.y - y, runs.x1 - x), 1)
    np.add.at(steps, (runs.y - y, runs.x2 - x), -1)
    np.add.accumulate(steps, axis=1, dtype=np.int8, out=steps)
    return steps[:, :-1] != 0, x, y


def _owned(runs: Runs, members: list[int]) -> Runs:
    return Runs(np.array(members, np.int64)[runs.owner], runs.y, runs.x1, runs.x2)


def _rows(boxes: NDArray[np.int64], height: int | None) -> tuple[NDArray[np.int64], ...]:
    """Return owner and y of every line of pixels of boxes."""
    top, bottom = boxes[:, 1], boxes[:, 1] + boxes[:, 3]
    if height is not None:
        top, bottom = np.clip(top, 0, height), np.clip(bottom, 0, height)
    count = bottom - top
    if count.sum() > MOST_RUNS:
        raise UserError("there are too many ROIs, or too large ones, to fill")
    owner = np.repeat(np.arange(len(boxes)), count)
    y = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count - top, count)
    return owner, y


def _boxes(boxes: NDArray[np.int64], height: int | None) -> Runs:
    owner, y = _rows(boxes, height)
    return Runs(owner, y, boxes[owner, 0], (boxes[:, 0] + boxes[:, 2])[owner])


def _ovals(boxes: NDArray[np.int64], height: int | None) -> Runs:
    """Fill ovals: pixels whose centre lies in the ellipse x²/a² + y²/b² ≤ 1.

    The sum only grows from the middle column outwards, also after rounding, so the last
    column inside is found by halving, on all lines of all ovals at once.
    """
    owner, y = _rows(boxes, height)
    width, tall = boxes[owner, 2], boxes[owner, 3]
    a, b = width / 2.0, tall / 2.0
    yy = (y - boxes[owner, 1]) - (b - 0.5)
    v = yy * yy / (b * b)
    a2, centre = a * a, a - 0.5

    def inside(x: NDArray[np.int64]) -> NDArray[np.bool_]:
        xx = x - centre
        return xx * xx / a2 + v <= 1.0

    low, high = width // 2, width  # low: the first column right of the middle
    filled = inside(low)
    high = np.where(filled, high, low + 1)
    for _ in range(int(width.max(initial=1)).bit_length()):
        middle = (low + high) // 2
        further = inside(middle) & (middle > low)
        low, high = np.where(further, middle, low), np.where(further, high, middle)
        high = np.maximum(high, low + 1)
    owner, y, low = owner[filled], y[filled], low[filled]
    x, width = boxes[owner, 0], boxes[owner, 2]
    return Runs(owner, y, x + width - 1 - low, x + low + 1)
