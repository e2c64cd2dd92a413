"""The label maps of drawn ROIs in Processed: which are there, which are due, and making those.

A label map keeps what it was made of (see :mod:`imagej_dl.images.origin`). By that one that is
behind its RoiSet is told from one that a user has corrected, which is never replaced unasked.
"""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import xarray as xr

from imagej_dl import images, locks, rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.files import heal, refuse_existing, refuse_input, together
from imagej_dl.images import origin
from imagej_dl.images.storable import storable
from imagej_dl.progress import Progress, silent
from imagej_dl.project.folders import Drawn, drawn, processed, visible
from imagej_dl.rois.painting import Overlap

IMAGES, MASKS = "images", "masks"

Why = Literal["new", "missing", "newer"]


@dataclass(frozen=True)
class Filling:
    """How ROIs become a label map, see :func:`imagej_dl.rois.label_map`; `axes` of the image."""

    overlap: Overlap = "last"
    lines_as_areas: bool = False
    channel: int | None = None
    axes: str | None = None

    def fill(
        self, found: list[rois.Roi], image: xr.DataArray, source: str | Path
    ) -> tuple[xr.DataArray, rois.LabelReport]:
        """Fill the ROIs; warnings and errors say which of several RoiSets they are about."""
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                labels, report = rois.label_map(
                    found,
                    image,
                    overlap=self.overlap,
                    lines_as_areas=self.lines_as_areas,
                    channel=self.channel,
                )
        except UserError as error:
            raise UserError(error.problem, path=source, remedy=error.remedy) from error
        for item in caught:
            warnings.warn(f"{source}: {item.message}", item.category, stacklevel=2)
        return labels, report


@dataclass(frozen=True)
class Due:
    """What is to be made of an image and its ROIs.

    image, table, labels : where these go, None for what is there and is kept; `place` is that of
    the label map, there or not. why : "new" where nothing is there, "missing" where a part is
    missing, "newer" where the ROIs were changed since the label map was made of them.
    """

    item: Drawn
    place: Path
    image: Path | None
    table: Path | None
    labels: Path | None
    why: Why


@dataclass(frozen=True)
class Made:
    """A label map that was made: where, what became of the ROIs, and how many these are."""

    due: Due
    report: rois.LabelReport
    total: int


def look(
    found: list[Drawn],
    target: Path,
    filling: Filling,
    *,
    overwrite: bool = False,
    kept: Callable[[Path], None] = lambda path: None,
) -> list[Due]:
    """Say what is due in a folder that gets `images` and `masks`; nothing is written.

    Parameters
    ----------
    overwrite : whether all is made anew.
    kept : is told of each label map that is whole and is kept.

    Raises
    ------
    UserError : when something there would be in the way: an input, a file that is not ours, or
        the label map of other ROIs.

    Warns
    -----
    DataWarning : for label maps that are kept, though ROIs or image are newer, or though they
        were made in another way than is asked for.
    """
    inputs = [path for item in found for path in (item.image, item.rois)]
    due = []
    for item in found:
        one = _all(item, target) if overwrite else _rest(item, target, filling)
        for path in (one.image, one.table, one.labels):
            if path is not None:
                refuse_input(path, *inputs)
        if overwrite or one.image or one.table or one.labels:
            due.append(one)
        if one.labels is None:
            kept(one.place)
    return due


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
            facts = _facts(item, due.place, filling)
            made = origin.of(labels, **facts, image=origin.digest(item.image))
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
        _left(f"{error}: label maps are taken as they are")


def _left(text: str) -> None:
    warnings.warn(text, DataWarning, stacklevel=3)


def _paths(item: Drawn, target: Path) -> tuple[Path, Path]:
    image, labels = (target / part / f"{item.name}.tif" for part in (IMAGES, MASKS))
    return image, labels


def _all(item: Drawn, target: Path) -> Due:
    image, labels = _paths(item, target)
    return Due(item, labels, image, rois.table_path(labels), labels, "new")


def _rest(item: Drawn, target: Path, filling: Filling) -> Due:
    """Return what is not there, and what is not of today's ROIs."""
    image, labels = _paths(item, target)
    there = _found(image)
    mask = _found(labels)
    table = rois.table_path(labels)
    if mask is None:
        if os.path.lexists(table) and not _is_table(table):
            refuse_existing(table, False)
        return Due(item, labels, None if there else image, table, labels, "new")
    newer = _is_behind(item, mask, filling)
    return Due(
        item,
        mask,
        None if there else image,
        None if table.is_file() and not newer else table,
        mask if newer else None,
        "newer" if newer else "missing",
    )


def _found(path: Path) -> Path | None:
    """Return the image of this name, whatever its suffix is."""
    if path.is_file():
        return path
    return next((p for p in visible(path.parent) if p.stem == path.stem), None)


def _is_behind(item: Drawn, mask: Path, filling: Filling) -> bool:
    """Say whether a label map is as it was made, of ROIs that have changed since."""
    before, now = origin.read(mask), _facts(item, mask, filling)
    if "roiset" not in before or before["roiset"] == now["roiset"]:
        if before and before.get("filling") != now["filling"]:
            _warn(f"{mask}: was made with other settings, and is kept; --overwrite makes it anew")
        for path in (item.image,) if before else (item.image, item.rois):
            if _time(path) > mask.stat().st_mtime and not _is_same(path, before):
                _keep(path, mask)
        return False
    if before.get("rois") != now["rois"]:
        raise UserError(
            f"is there already, made of other ROIs ({before.get('rois')}) than {item.rois}",
            path=mask,
            remedy="Choose another folder with --out, or pass --overwrite.",
        )
    if origin.unchanged(mask, before):
        return True
    _keep(item.rois, mask, "was changed since it was made and ")
    return False


def _is_same(image: Path, before: dict[str, object]) -> bool:
    """Say whether a file that is newer has been copied only."""
    return "image" in before and before["image"] == origin.digest(image)


def _keep(newer: Path, mask: Path, more: str = "") -> None:
    _warn(f"{newer}: is newer than {mask}, which {more}is kept; --overwrite makes it anew")


def _warn(text: str) -> None:
    warnings.warn(text, DataWarning, stacklevel=5)


def _time(path: Path) -> float:
    """Return when a file was last changed, of a folder the last of its files."""
    files = [p for p in path.iterdir() if p.is_file()] if path.is_dir() else []
    return max(p.stat().st_mtime for p in (path, *files))


def _facts(item: Drawn, labels: Path, filling: Filling) -> dict[str, object]:
    try:
        where = Path(os.path.relpath(item.rois, labels.parent)).as_posix()
    except ValueError:  # another drive
        where = item.rois.name
    how = {name: value for name, value in asdict(filling).items() if value != _DEFAULT[name]}
    return {"rois": where, "roiset": origin.digest(item.rois), "filling": how}


_DEFAULT = {field.name: field.default for field in fields(Filling)}


def _is_table(path: Path) -> bool:
    """Say whether a file is a table as `labels` writes it: then it is of a run that was stopped."""
    wanted = ["label"] + [f.name for f in fields(rois.LabelRow) if f.name != "label"]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), None) == wanted
    except (OSError, ValueError, csv.Error):
        return False


def _check_size(due: Due, labels: xr.DataArray, target: Path) -> None:
    """Refuse an image in the folder that the label map would not fit."""
    image = _found(target / IMAGES / f"{due.item.name}.tif")
    if image is None:
        return
    there = images.read(image, mapped=True)
    sizes = {axis: there.sizes.get(axis, 1) for axis in "TZYX"}
    if sizes != {axis: labels.sizes.get(axis, 1) for axis in "TZYX"}:
        raise UserError(
            f"is there already and is of another size than {due.item.image}",
            path=image,
            remedy="Choose another folder with --out, or pass --overwrite.",
        )
