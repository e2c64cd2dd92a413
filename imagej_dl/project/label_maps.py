"""Making of the label maps in Processed that are missing or older than their ROIs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl import images, rois
from imagej_dl.errors import DataWarning, UserError, warn
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import heal, together
from imagej_dl.images.imagej_dtypes import storable
from imagej_dl.images.labels import marks, provenance
from imagej_dl.progress import Progress, silent
from imagej_dl.project.folders import NOTHING, drawn, processed, visible
from imagej_dl.project.outdated import (
    IMAGES,
    MASKS,
    Due,
    existing_image,
    find_due,
    provenance_facts,
)
from imagej_dl.project.rasterizing import Filling


@dataclass(frozen=True)
class Made:
    """A label map that was made: its place, the report about the ROIs, and their number."""

    due: Due
    report: rois.LabelReport
    total: int


def make(due: Due, target: Path) -> Made:
    """Make an image, its label map and table as far as due, all of them or none."""
    item, filling = due.item, due.filling
    picture = images.read(item.image, filling.axes)
    drawn_rois = rois.read(item.rois)
    drawn = filling.fill(drawn_rois, picture, item.rois)
    labels, report = drawn.labels, drawn.report
    if due.labels is not None and due.image is None:
        _check_size(due, labels, target)
    # Only files that existed when this began may be replaced.
    replaced = {path for path in due.paths if path.exists()}
    with together(target, overwrite=bool(replaced)) as folder:
        if due.image is not None:
            images.write(storable(picture, item.image), folder / IMAGES / due.image.name)
        if due.table is not None:
            report.write(folder / MASKS / due.table.name)
        if due.labels is not None:
            facts = provenance_facts(item, due.place, filling)
            if drawn.marks is not None:
                facts[marks.STEM] = True
            made = provenance.of(labels, **facts, image=provenance.digest(item.image))
            images.write_labels(labels, folder / MASKS / due.labels.name, **made)
        # Marks that the ROIs no longer make are replaced by empty ones.
        if due.marks is not None and (drawn.marks is not None or due.marks in replaced):
            found = labels.copy(data=np.zeros(labels.shape, np.uint8))
            found = found if drawn.marks is None else drawn.marks
            images.write(found, folder / marks.FOLDER / due.marks.name)
    return Made(due, report, len(drawn_rois))


def refresh(
    folder: Path,
    progress: Progress = silent,
    *,
    made: Callable[[Made], None] = lambda item: None,
) -> None:
    """Make the label maps of a project that are missing or older than their RoiSets.

    A project without label maps is left as it is, since its ROIs are read instead. Label maps
    that cannot be made are named in a warning.

    Parameters
    ----------
    made : called with each label map that was made.
    """
    if not (folder / "Labeling").is_dir():
        return
    target = processed(folder)
    if target == folder or not visible(target / MASKS):
        return
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*has no RoiSet.zip yet", DataWarning)
            items = drawn(folder)
        with locks.held(target, "making label maps", wait=60):
            heal(target)
            due = find_due(items, target, Filling())
            for done, one in enumerate(due):
                progress("labels", done, len(due))
                try:
                    made(make(one, target))
                except UserError as error:
                    _left(f"{error}: its label map is not updated")
    except UserError as error:
        if error.problem == NOTHING:
            return  # the label maps were not made of ROIs
        _left(f"{error}: existing label maps are used")


def _left(text: str) -> None:
    warn(text)


def _check_size(due: Due, labels: xr.DataArray, target: Path) -> None:
    """Refuse an image in the folder that the label map would not fit."""
    image = existing_image(target / IMAGES / f"{due.item.name}.tif")
    if image is None:
        return
    before = images.read(image, mapped=True)
    sizes = {axis: before.sizes.get(axis, 1) for axis in "TZYX"}
    if sizes != {axis: labels.sizes.get(axis, 1) for axis in "TZYX"}:
        raise UserError(
            f"exists, and its size differs from that of {due.item.image}",
            path=image,
            remedy="Choose another folder with --out, or pass --overwrite.",
        )
