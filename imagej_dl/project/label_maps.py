"""The label maps of drawn ROIs in Processed: making those that are due."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from imagej_dl import images, rois
from imagej_dl.errors import DataWarning, UserError, warn
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import heal, together
from imagej_dl.images.imagej_dtypes import storable
from imagej_dl.images.labels import provenance
from imagej_dl.progress import Progress, silent
from imagej_dl.project.folders import NOTHING, drawn, processed, visible
from imagej_dl.project.outdated import IMAGES, MASKS, Due, facts_of, look, there
from imagej_dl.project.rasterizing import Filling


@dataclass(frozen=True)
class Made:
    """A label map that was made: where, what became of the ROIs, and how many these are."""

    due: Due
    report: rois.LabelReport
    total: int


def make(due: Due, filling: Filling, target: Path) -> Made:
    """Make what is due, all of it or nothing; errors as of reading, filling and writing."""
    item = due.item
    picture = images.read(item.image, filling.axes)
    found = rois.read(item.rois)
    labels, report = filling.fill(found, picture, item.rois)
    if due.labels is not None and due.image is None:
        _check_size(due, labels, target)
    # Files that were not looked for when this began are none of ours.
    replaced = {path for path in (due.image, due.table, due.labels) if path and path.exists()}
    with together(target, overwrite=bool(replaced)) as folder:
        if due.image is not None:
            images.write(storable(picture, item.image), folder / IMAGES / due.image.name)
        if due.table is not None:
            report.write(folder / MASKS / due.table.name)
        if due.labels is not None:
            facts = facts_of(item, due.place, filling)
            made = provenance.of(labels, **facts, image=provenance.digest(item.image))
            images.write(images.coloured(labels), folder / MASKS / due.labels.name, **made)
    return Made(due, report, len(found))


def refresh(
    folder: Path,
    progress: Progress = silent,
    *,
    made: Callable[[Made], None] = lambda item: None,
) -> None:
    """Make the label maps of a project that are missing or behind their RoiSets.

    Only in a project that has label maps: where Processed is empty, its ROIs are read as they are.
    What cannot be made is said in a warning and left out.

    Parameters
    ----------
    made : is told of each that was made.
    """
    if not (folder / "Labeling").is_dir():
        return
    target = processed(folder)
    if target == folder or not visible(target / MASKS):
        return
    filling = Filling()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*has no RoiSet.zip yet", DataWarning)
            found = drawn(folder)
        with locks.held(target, "making label maps", wait=60):
            heal(target)
            due = look(found, target, filling)
            for done, one in enumerate(due):
                progress("labels", done, len(due))
                try:
                    made(make(one, filling, target))
                except UserError as error:
                    _left(f"{error}: there is no new label map of it")
    except UserError as error:
        if error.problem == NOTHING:
            return  # the label maps came from elsewhere
        _left(f"{error}: label maps are taken as they are")


def _left(text: str) -> None:
    warn(text)


def _check_size(due: Due, labels: xr.DataArray, target: Path) -> None:
    """Refuse an image in the folder that the label map would not fit."""
    image = there(target / IMAGES / f"{due.item.name}.tif")
    if image is None:
        return
    before = images.read(image, mapped=True)
    sizes = {axis: before.sizes.get(axis, 1) for axis in "TZYX"}
    if sizes != {axis: labels.sizes.get(axis, 1) for axis in "TZYX"}:
        raise UserError(
            f"is there already and is of another size than {due.item.image}",
            path=image,
            remedy="Choose another folder with --out, or pass --overwrite.",
        )
