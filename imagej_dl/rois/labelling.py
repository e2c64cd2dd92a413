"""Conversion of ROIs to a label map."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.geometry.rasterize import Runs
from imagej_dl.images.labels.marks import IGNORED, settled
from imagej_dl.rois import archive, pieces
from imagej_dl.rois.marks import Rules
from imagej_dl.rois.masks import fill
from imagej_dl.rois.painting import Overlap, paint, painting_order
from imagej_dl.rois.placement import (
    leave_out_empty,
    mark_clipped,
    numbers_of,
    paintings,
    place,
)
from imagej_dl.rois.positions import Position, Stack
from imagej_dl.rois.report import (
    BACKGROUND_MARK,
    IGNORE_MARK,
    IN_PIECES,
    LEFT_OUT,
    LabelReport,
    LabelRow,
    some_of,
)
from imagej_dl.rois.roi import SIZE_KEY, Roi


@dataclass(frozen=True)
class Labelled:
    """The label map of ROIs with its report, as :func:`label_map` returns them, and the marks.

    marks : uint8, of the label map's axes, with the values of
        :mod:`imagej_dl.images.labels.marks`; None where no ROI is a mark.
    """

    labels: xr.DataArray
    report: LabelReport
    marks: xr.DataArray | None = None


def label_map(
    rois: Sequence[Roi] | str | os.PathLike[str],
    like: xr.DataArray | NDArray[Any] | str | os.PathLike[str] | Sequence[int],
    *,
    overlap: Overlap = "last",
    lines_as_areas: bool = False,
    channel: int | None = None,
    ids: Literal["recorded", "order"] = "recorded",
) -> tuple[xr.DataArray, LabelReport]:
    """Paint ROIs into a label map, without the marks beside it; see :func:`labelled`."""
    drawn = labelled(
        rois, like, overlap=overlap, lines_as_areas=lines_as_areas, channel=channel, ids=ids
    )
    return drawn.labels, drawn.report


def labelled(
    rois: Sequence[Roi] | str | os.PathLike[str],
    like: xr.DataArray | NDArray[Any] | str | os.PathLike[str] | Sequence[int],
    *,
    overlap: Overlap = "last",
    lines_as_areas: bool = False,
    channel: int | None = None,
    ids: Literal["recorded", "order"] = "recorded",
    ignore: str = "",
    background: str = "",
) -> Labelled:
    """Paint ROIs into a label map, pixel for pixel as ImageJ fills them.

    Ids count the ROIs that enclose pixels of the image, 1 … n in RoiSet order. ROIs that
    :func:`trace` made keep the id recorded in them (`ids="recorded"`), new ones between them
    get ids above. A ROI with a position is painted on its plane, one without on all planes.

    ROIs whose name begins with `ignore` or `background` are marks and no objects: areas, and lines
    as wide as their stroke. Where both are, it is ignored. An object more than half of which is
    ignored is left out, and ignored as a whole; others win over marks.

    Parameters
    ----------
    rois : ROIs, or the path of a RoiSet.zip or .roi; points, text, angles, images and (unless
        `lines_as_areas`) lines are left out.
    like : the image, its file, or an array (Y, X); or a shape YX, TYX or TZYX.
    overlap : whose a pixel in several ROIs is: the last or first in RoiSet order, the one of
        the smallest area, or an error.
    lines_as_areas : paint lines as wide as their stroke (ImageJ's Line to Area).
    channel : from 1; ROIs of other channels are left out. Otherwise all channels share the
        labels, and ROIs of different channels overlap.
    ids : "order" ignores recorded ids.
    ignore, background : which other ROIs are marks, see :class:`imagej_dl.rois.marks.Rules`.

    Returns
    -------
    labels : dims of the image without C; uint16, uint32 for ids above 65535; calibrated alike.
    report : one row for each ROI, and the number of contested pixels.
    marks : see :class:`Labelled`.

    Raises
    ------
    UserError : when no ROI has a pixel on the image, ROIs overlap and `overlap` is "error", or
        they were masks of another size than the image.
    """
    if isinstance(rois, str | os.PathLike):
        rois = archive.read(rois)
    elif isinstance(rois, Roi):
        rois = [rois]
    image = _template(like)
    sizes = {str(axis): int(size) for axis, size in image.sizes.items()}
    stack = Stack(*(sizes.get(axis, 1) for axis in "CZT"))
    height, width = sizes["Y"], sizes["X"]
    _refuse_other_size(rois, width, height)
    rows = [LabelRow(i + 1, roi.name, roi.kind) for i, roi in enumerate(rois)]
    rules = Rules.of(ignore, background)
    marking = {i: value for i, roi in enumerate(rois) if (value := rules.mark(roi))}
    placed = place(rois, rows, stack, channel, lines_as_areas, marking)
    runs = _filled(rois, placed.keys() - marking.keys(), height, lines_as_areas)
    if marking:
        runs = Runs.join([runs, _filled(rois, placed.keys() & marking.keys(), height, True)])
    mark_clipped(rois, rows, runs, height, width)
    runs = runs.clip(height, width)
    areas = np.bincount(runs.owner, runs.lengths, len(rois)).astype(np.int64)
    leave_out_empty(rois, rows, placed, areas, height, width)
    composites = [i for i in placed if rois[i].kind == "composite" and i not in marking]
    for i in pieces.several(runs, composites):
        rows[i].note = IN_PIECES
    if not placed:
        why = "; ".join(LabelReport(rows, 0).messages())
        raise UserError(
            f"no ROI encloses a pixel of the image ({why})" if rois else "there are no ROIs",
            remedy="Check that ROIs and image belong together, and that the ROIs are areas.",
        )
    marked = {i: placed.pop(i) for i in marking if i in placed}
    numbers = numbers_of(rois, placed, ids)
    dims = [str(axis) for axis in image.dims if axis != "C"]
    dtype = np.uint16 if numbers.max() <= np.iinfo(np.uint16).max else np.uint32
    labels = np.zeros((stack.frames, stack.slices, height, width), dtype)
    order = painting_order(sorted(placed), areas, overlap)
    owner, plane = paintings(order, placed, stack)
    size = (height, width)
    contested, visible = paint(labels.reshape(-1), runs, owner, plane, numbers, size, overlap, rois)
    for i in placed:
        rows[i].label, rows[i].area_px = int(numbers[i]), int(areas[i])
        rows[i].visible_px = int(visible[i])
    _warn_of_strange(rois, placed, areas, (height, width), contested, overlap)
    shape = [sizes[axis] for axis in dims]
    marks = None
    if marked:
        painted = np.zeros(labels.shape, np.uint8)
        # What is ignored is painted last: it wins over what is background.
        order = sorted(marked, key=lambda i: marking[i] == IGNORED)
        values = np.array([marking.get(i, 0) for i in range(len(rois))])
        owner, plane = paintings(order, marked, stack)
        paint(painted.reshape(-1), runs, owner, plane, values, size, "last", rois)
        labels, painted = settled(labels, painted)
        _note_marks(rows, marking, marked, areas, labels)
        marks = images.with_data(image, painted.reshape(shape), dims)
    report = LabelReport(rows, contested)
    report.warn()
    return Labelled(images.with_data(image, labels.reshape(shape), dims), report, marks)


_NOTHING = Roi("point")
_WHOLE = 0.95  # of the image: what covers as much, with others beside it, is a slip (Select All)


def _template(like: Any) -> xr.DataArray:
    shape_given = isinstance(like, Sequence) and not isinstance(like, str)
    if not shape_given and getattr(like, "ndim", 0) != 1:
        return images.image_of(like)
    if not all(isinstance(size, int | np.integer) for size in like):
        raise UserError(f"{like} is not a shape YX, TYX or TZYX")
    shape = tuple(int(size) for size in like)
    dims = {2: "YX", 3: "TYX", 4: "TZYX"}.get(len(shape))
    if dims is None:
        raise UserError(f"{shape} is not a shape YX, TYX or TZYX")
    return images.make(np.broadcast_to(np.uint8(0), shape), dims)


def _refuse_other_size(rois: Sequence[Roi], width: int, height: int) -> None:
    for roi in rois:
        size = roi.get(SIZE_KEY)
        if size not in (None, f"{width} x {height}"):
            raise UserError(
                f"{roi.name} is a mask of {size} pixels, the image has {width} x {height}",
                remedy="Check that masks and image belong together.",
            )


def _filled(rois: Sequence[Roi], which: Collection[int], height: int, lines_as_areas: bool) -> Runs:
    """Return the pixels of some of the ROIs; `owner` counts all of them."""
    chosen = [rois[i] if i in which else _NOTHING for i in range(len(rois))]
    return fill(chosen, height, lines_as_areas=lines_as_areas)


def _warn_of_strange(
    rois: Sequence[Roi],
    placed: dict[int, Position],
    areas: NDArray[np.int64],
    size: tuple[int, int],
    contested: int,
    overlap: Overlap,
) -> None:
    """Warn of objects that are hardly meant so: all of the image, or one kind drawn in another."""
    whole = [rois[i].name for i in placed if areas[i] >= _WHOLE * size[0] * size[1]]
    if whole and len(placed) > len(whole):
        warn(
            "these ROIs cover the whole image, and are objects as the others are: "
            + some_of(whole),
            remedy="Delete them in the ROI Manager if they were added by chance; name them "
            "background if they say that all objects are drawn.",
        )
    channels = sorted({place.c for place in placed.values()} - {0})
    if contested and len(channels) > 1:
        warn(
            f"ROIs of the channels {', '.join(map(str, channels))} are objects of one label map, "
            f"and share {contested} pixels, of which each has one ({overlap} wins)",
            remedy="If they are of different kinds, make a label map of one of the channels with "
            "`imagej-dl labels --channel`.",
        )


def _note_marks(
    rows: list[LabelRow],
    marking: dict[int, int],
    marked: dict[int, Position],
    areas: NDArray[np.int64],
    labels: NDArray[Any],
) -> None:
    """Note which ROIs are marks, and which objects are ignored since these cover them."""
    for i in marked:
        rows[i].area_px = int(areas[i])
        rows[i].note = IGNORE_MARK if marking[i] == IGNORED else BACKGROUND_MARK
    left = set(np.unique(labels).tolist())
    for row in rows:
        if row.label and row.visible_px and row.label not in left:
            row.label, row.note = 0, f"{LEFT_OUT} more than half of it is ignored"
