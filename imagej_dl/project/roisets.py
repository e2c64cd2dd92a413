"""Storing the ROIs drawn on an image, without losing those before."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from imagej_dl import rois
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import locks, temporaries
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.filesystem.containment import contained
from imagej_dl.filesystem.names import cut
from imagej_dl.project.annotation_queue import prepare, sheet
from imagej_dl.project.folders import BACKUPS
from imagej_dl.rois.report import LEFT_OUT, some_of

_WAIT = 60.0


@dataclass(frozen=True)
class Saved:
    """Where ROIs were stored, how many, and what the RoiSet before is now called, if any."""

    path: Path
    count: int
    backup: Path | None


@contained
def save_rois(
    project: str | os.PathLike[str], name: str, source: str | os.PathLike[str] | bytes
) -> Saved:
    """Store the ROIs drawn on an image of a project as its RoiSet.zip, whole or not at all.

    A RoiSet that is there is kept beside it as RoiSet_backups/RoiSet_001.zip, 002 and so on. The
    image is made ready where it is still in Raw only (see :func:`imagej_dl.project.prepare`).

    Parameters
    ----------
    project, name : the project's folder and the image's name.
    source : a RoiSet.zip or .roi file, or the bytes of a RoiSet.zip; stored as it is.

    Raises
    ------
    UserError : when there is no such image, the file is no RoiSet, or ROIs lie on frames or
        slices that the image has not, or outside of it; nothing is stored then.
    """
    there = sheet(project, name)
    with tempfile.TemporaryDirectory(prefix=temporaries.prefix()) as folder:
        given = Path(folder) / "RoiSet.zip"
        if isinstance(source, bytes):
            given.write_bytes(source)
            found, shown = rois.read(given), "the ROIs"
        else:
            found, shown = rois.read(source), os.fspath(source)
            shutil.copyfile(source, given)
        if not zipfile.is_zipfile(given):  # a single ROI, whatever its name is
            rois.write(found, given, overwrite=True)
        image = there.read()
        _check_fit(found, image, shown, name)
        prepare(there)
        target = there.rois.with_suffix(".zip")
        new = given.read_bytes()
        # Two at once would give their backups one number.
        with locks.held(target, "saving ROIs", wait=_WAIT):
            if target.is_file() and target.read_bytes() == new:
                return Saved(target, len(found), None)
            kept = backup(target) if target.is_file() else None
            with atomic(target) as temporary:
                temporary.write_bytes(new)
    return Saved(target, len(found), kept)


def _check_fit(found: list[rois.Roi], image: xr.DataArray, shown: str, name: str) -> None:
    """Refuse ROIs of another image: `labels` would leave them out, and they would be lost."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _, report = rois.label_map(found, image)
    except UserError as error:
        raise error.at(shown) from error
    strange = [row for row in report.rows if row.note.startswith(f"{LEFT_OUT} lies ")]
    if strange:
        why = strange[0].note.removeprefix(f"{LEFT_OUT} ")
        raise UserError(
            f"{len(strange)} of {len(found)} ROIs do not fit the image {name}: "
            f"{some_of([row.name for row in strange])} ({strange[0].name} {why})",
            path=shown,
            remedy="Check that they were drawn on this image.",
        )
    for item in caught:
        warn(str(item.message), path=shown)


def backup(target: Path) -> Path:
    """Copy a RoiSet to the next free number in RoiSet_backups beside it; return that path."""
    folder = target.parent / BACKUPS
    stem = cut(target.stem, len("_000.zip"))
    pattern = re.compile(rf"{re.escape(stem)}_(\d+)\.zip")
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    last = max((int(match[1]) for name in names if (match := pattern.fullmatch(name))), default=0)
    content = target.read_bytes()
    before = folder / f"{stem}_{last:03}.zip"
    if last and before.read_bytes() == content:
        return before  # as when it was stopped just after this step
    with atomic(folder / f"{stem}_{last + 1:03}.zip") as temporary:
        temporary.write_bytes(content)
    return folder / f"{stem}_{last + 1:03}.zip"
