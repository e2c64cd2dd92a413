"""Label maps of a project that are due: missing, or older than their ROIs.

A label map keeps what it was made of (see :mod:`imagej_dl.images.labels.provenance`). That tells
one that is older than its RoiSet from one that a user has corrected, which is never replaced
unasked.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from imagej_dl import rois
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import refuse_existing, refuse_input
from imagej_dl.images.formats import registry
from imagej_dl.images.labels import marks, provenance
from imagej_dl.project.folders import Drawn, visible
from imagej_dl.project.rasterizing import Filling

IMAGES, MASKS = "images", "masks"

Why = Literal["new", "missing", "newer"]


@dataclass(frozen=True)
class Due:
    """The files to be made of an image and its ROIs.

    image, table, labels, marks : their paths, None for a file that exists and is kept; `place` is
    that of the label map, whether it exists or not. Marks are written where ROIs make some.
    why : "new" where there is no label map, "missing" where some of the files are missing,
    "newer" where the ROIs changed after it was made.
    """

    item: Drawn
    place: Path
    image: Path | None
    table: Path | None
    labels: Path | None
    filling: Filling
    why: Why
    marks: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """The paths of what is due."""
        return [p for p in (self.image, self.table, self.labels, self.marks) if p is not None]


def find_due(
    items: list[Drawn],
    target: Path,
    filling: Filling,
    *,
    overwrite: bool = False,
    kept: Callable[[Path], None] = lambda path: None,
) -> list[Due]:
    """Return the files that are due in a folder with `images` and `masks`; nothing is written.

    Parameters
    ----------
    filling : settings; what is not changed in it is as it was when a label map was made before, and
        of a new one as in all the others, if these agree.
    overwrite : make all files anew, with these settings alone.
    kept : called with the path of each label map that is kept.

    Raises
    ------
    UserError : when an input, a file of another program, or the label map of other ROIs would be
        overwritten.

    Warns
    -----
    DataWarning : for label maps that are kept though ROIs or image are newer, or though they
        were made with other settings; for those that are made without settings they had before.
    """
    inputs = [path for item in items for path in (item.image, item.rois)]
    due = []
    usual = _Usual(target, filling)
    for item in items:
        one = _all(item, target, filling) if overwrite else _rest(item, target, filling, usual)
        for path in one.paths:
            refuse_input(path, *inputs)
        if one.paths:
            due.append(one)
        if one.labels is None:
            kept(one.place)
    return due


def _paths(item: Drawn, target: Path) -> tuple[Path, Path]:
    image, labels = (target / part / f"{item.name}.tif" for part in (IMAGES, MASKS))
    return image, labels


class _Usual:
    """The settings of new label maps beside others in a folder, found when they are asked for."""

    def __init__(self, target: Path, asked: Filling) -> None:
        self._target, self._asked = target, asked

    @cached_property
    def filling(self) -> Filling:
        """Those that all others were made with; where they differ, none of them, with a warning."""
        before = [provenance.read(path) for path in visible(self._target / MASKS)]
        made = [self._asked.after(_filling_in(facts)) for facts in before if "roiset" in facts]
        if all(one == made[0] for one in made):
            return made[0] if made else self._asked
        warn(
            "its label maps were made with different settings, and new ones are made with "
            + (_words(self._asked.changed) or "none of these"),
            path=self._target,
        )
        return self._asked


def _filling_in(facts: dict[str, object]) -> dict[str, Any]:
    """Return the settings in the provenance of a label map."""
    found = facts.get("filling")
    return found if isinstance(found, dict) else {}


def _words(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _all(item: Drawn, target: Path, filling: Filling) -> Due:
    image, labels = _paths(item, target)
    if (mask := existing_image(labels)) is not None:
        before = _filling_in(provenance.read(mask))
        if lost := {name: before[name] for name in before if name not in filling.changed}:
            warn(f"was made with {_words(lost)}, and is made again without", path=mask)
    return Due(
        item,
        labels,
        image,
        rois.table_path(labels),
        labels,
        filling,
        "new",
        marks.path_of(labels),
    )


def _rest(item: Drawn, target: Path, filling: Filling, usual: _Usual) -> Due:
    """Return the files that are missing or were made of earlier ROIs."""
    image, labels = _paths(item, target)
    picture = existing_image(image)
    mask = existing_image(labels)
    table = rois.table_path(labels)
    if mask is None:
        if os.path.lexists(table) and not _is_table(table):
            refuse_existing(table, False)
        if os.path.lexists(marks.path_of(labels)):
            refuse_existing(marks.path_of(labels), False)
        place = marks.path_of(labels)
        image_due = None if picture else image
        return Due(item, labels, image_due, table, labels, usual.filling, "new", place)
    filling = filling.after(_filling_in(provenance.read(mask)))
    newer = _is_outdated(item, mask, filling)
    return Due(
        item,
        mask,
        None if picture else image,
        None if table.is_file() and not newer else table,
        mask if newer else None,
        filling,
        "newer" if newer else "missing",
        marks.path_of(mask) if newer or _lacks_marks(mask) else None,
    )


def _lacks_marks(mask: Path) -> bool:
    """Return True if a label map was made with marks, and these are missing."""
    return bool(provenance.read(mask).get(marks.STEM)) and not marks.path_of(mask).exists()


def existing_image(path: Path) -> Path | None:
    """Return the image of the same name with any suffix; None where there is none."""
    if path.is_file():
        return path
    return next((p for p in visible(path.parent) if registry.stem(p) == path.stem), None)


def _is_outdated(item: Drawn, mask: Path, filling: Filling) -> bool:
    """Return True for an unedited label map whose ROIs changed after it was made."""
    before, now = provenance.read(mask), provenance_facts(item, mask, filling)
    if "roiset" not in before:
        before = {}  # not made of ROIs: a prediction, for instance
    if not before or before["roiset"] == now["roiset"]:
        if before and before.get("filling") != now["filling"]:
            warn(
                "was made with other settings, and is kept; pass --overwrite to replace it",
                path=mask,
            )
        for path in (item.image,) if before else (item.image, item.rois):
            if _time(path) > mask.stat().st_mtime and not _is_copy(path, before):
                _warn_kept(path, mask)
        return False
    # A RoiSet.zip may have taken the place of a .roi, or of Fluffy's masks.
    if PurePosixPath(str(before.get("rois"))).parent != PurePosixPath(str(now["rois"])).parent:
        raise UserError(
            f"exists, made from other ROIs ({before.get('rois')}) than {item.rois}",
            path=mask,
            remedy="Choose another folder with --out, or pass --overwrite.",
        )
    if provenance.unchanged(mask, before):
        return True
    _warn_kept(item.rois, mask, "was changed since it was made and ")
    return False


def _is_copy(image: Path, before: dict[str, object]) -> bool:
    """Return True if a newer file has the content that the label map was made of."""
    return "image" in before and before["image"] == provenance.digest(image)


def _warn_kept(newer: Path, mask: Path, more: str = "") -> None:
    warn(f"is newer than {mask}, which {more}is kept; pass --overwrite to replace it", path=newer)


def _time(path: Path) -> float:
    """Return the modification time of a file, or the latest in a folder."""
    files = [p for p in path.iterdir() if p.is_file()] if path.is_dir() else []
    return max(p.stat().st_mtime for p in (path, *files))


def provenance_facts(item: Drawn, labels: Path, filling: Filling) -> dict[str, object]:
    """Return the provenance of a label map: its ROIs, their digest, and the settings."""
    try:
        where = Path(os.path.relpath(item.rois, labels.parent)).as_posix()
    except ValueError:  # another drive
        where = item.rois.name
    return {"rois": where, "roiset": provenance.digest(item.rois), "filling": filling.changed}


def _is_table(path: Path) -> bool:
    """Return True for a table as `labels` writes it, left by a run that was stopped."""
    wanted = ["label"] + [f.name for f in fields(rois.LabelRow) if f.name != "label"]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), None) == wanted
    except (OSError, ValueError, csv.Error):
        return False
