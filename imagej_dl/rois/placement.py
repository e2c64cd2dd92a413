"""Placement of ROIs in a label map: on which planes, under which ids, and what is left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.geometry.rasterize import Runs
from imagej_dl.rois.outlines import extent
from imagej_dl.rois.positions import Position, Stack, exchanged, position
from imagej_dl.rois.report import LEFT_OUT, LabelRow, some_of
from imagej_dl.rois.roi import AREAS, LABEL_KEY, LINES, Roi


def place(
    rois: Sequence[Roi],
    rows: list[LabelRow],
    stack: Stack,
    channel: int | None,
    lines_as_areas: bool,
    marking: Collection[int],
) -> dict[int, Position]:
    """Find the planes of ROIs; note in the rows of those left out why."""
    # ROIs drawn on one slice of a stack belong to an image that is this slice
    positions = {(roi.z, roi.t, roi.position) for roi in rois if roi.kind in AREAS}
    flat = stack.size == 1 and len(positions) == 1
    swap = exchanged(rois, stack)
    placed = {}
    for i, (roi, row) in enumerate(zip(rois, rows, strict=True)):
        where = Position() if flat else position(roi, stack, swap)
        as_area = roi.kind in LINES and (lines_as_areas or i in marking)
        if roi.kind not in AREAS and not as_area:
            row.note = f"{LEFT_OUT} is a {roi.kind}, not an area"
        elif isinstance(where, str):
            row.note = f"{LEFT_OUT} {where}"
        elif channel is not None and where.c not in (0, channel):
            row.note = f"{LEFT_OUT} lies on another channel"
        else:
            placed[i] = where
            row.c, row.z, row.t = where.c, where.z, where.t
    everywhere = sum(
        (not p.z or stack.slices == 1) and (not p.t or stack.frames == 1) for p in placed.values()
    )
    if everywhere and stack.slices * stack.frames > 1:
        warn(
            f"{everywhere} ROIs have no position and are put on all "
            f"{stack.slices * stack.frames} planes"
        )
    return placed


def mark_clipped(
    rois: Sequence[Roi], rows: list[LabelRow], runs: Runs, height: int, width: int
) -> None:
    """Note in the rows which ROIs go beyond the image; `runs` are their pixels, not clipped."""
    beyond = (runs.x1 < 0) | (runs.x2 > width)
    for i in np.unique(runs.owner[beyond]).tolist():
        rows[i].clipped = True
    # rows above and below were not filled: only what touches the border can go beyond it
    touching = (runs.y == 0) | (runs.y == height - 1)
    suspects = set(np.unique(runs.owner[touching]).tolist())
    # except for composites, whose pieces may lie apart
    suspects |= {i for i in np.unique(runs.owner).tolist() if rois[i].kind == "composite"}
    for i in suspects:
        _, y, _, tall = extent(rois[i])
        rows[i].clipped |= y < 0 or y + tall > height


def leave_out_empty(
    rois: Sequence[Roi],
    rows: list[LabelRow],
    placed: dict[int, Position],
    areas: NDArray[np.int64],
    height: int,
    width: int,
) -> None:
    """Take ROIs without a pixel out of those that are placed; note in their rows why."""
    for i in [i for i in placed if not areas[i]]:
        x, y, wide, tall = extent(rois[i])
        outside = x >= width or y >= height or x + wide <= 0 or y + tall <= 0
        why = "lies outside the image" if outside else "encloses no pixel of the image"
        rows[i].note = f"{LEFT_OUT} {why}"
        del placed[i]


def numbers_of(rois: Sequence[Roi], placed: dict[int, Position], ids: str) -> NDArray[np.int64]:
    """Return the id of each ROI, 0 of those not placed; see :func:`.labelling.labelled`.

    Raises
    ------
    UserError : when they do not fit into 32 bits.
    """
    numbers = np.zeros(len(rois), np.int64)
    taken: set[tuple[int, Position]] = set()
    copies = []
    for i, where in placed.items():
        text = rois[i].get(LABEL_KEY) if ids == "recorded" else None
        recorded = int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
        if not 0 < recorded < 2**32:
            continue
        if (recorded, where) in taken:
            copies.append(rois[i].name)
            continue
        taken.add((recorded, where))
        numbers[i] = recorded
    if copies:
        warn(
            "these ROIs are copies of others on the same plane and get new ids: " + some_of(copies)
        )
    new = [i for i in placed if not numbers[i]]
    first = int(numbers.max(initial=0)) + 1
    numbers[new] = np.arange(first, first + len(new))
    if numbers.max() >= 2**32:
        raise UserError("the ids recorded in the ROIs are too large")
    return numbers


def paintings(
    order: list[int], placed: dict[int, Position], stack: Stack
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ROI and plane (t · slices + z) of each painting."""
    owner, plane = [], []
    for i in order:
        where = placed[i]
        frames = [where.t - 1] if where.t else range(stack.frames)
        slices = [where.z - 1] if where.z else range(stack.slices)
        for t in frames:
            for z in slices:
                owner.append(i)
                plane.append(t * stack.slices + z)
    return np.array(owner, np.int64), np.array(plane, np.int64)
