"""Store corrected ROIs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imagej_dl import project
from imagej_dl.correction.changes import Changes
from imagej_dl.correction.records import LABELS, record
from imagej_dl.correction.store import CorrectionStore
from imagej_dl.errors import UserError
from imagej_dl.filesystem.containment import contained


@dataclass(frozen=True)
class Correction:
    """A corrected image.

    name : of the image.
    path : of its RoiSet; None where it has no object.
    count : ROIs in it.
    backup : the file that the RoiSet before was renamed to; None if there was none, or the same.
    changes : against the proposal; None without one.
    """

    name: str
    path: Path | None
    count: int
    backup: Path | None
    changes: Changes | None


@contained
def save(
    path: str | os.PathLike[str],
    name: str,
    source: str | os.PathLike[str] | bytes,
    *,
    sparse: bool = False,
) -> Correction:
    """Store the corrected ROIs of an image as Labeling/NAME/RoiSet.zip, and count the changes.

    Parameters
    ----------
    path, name : the project's folder and the image's name.
    source : a RoiSet.zip or .roi file, or the bytes of a RoiSet.zip.
    sparse : not all objects of the image are drawn; otherwise all are.

    Raises
    ------
    UserError : as :func:`imagej_dl.project.save_rois`, and when no correction has begun.
    """
    store = CorrectionStore.open(path)
    stored = project.save_rois(path, name, source)
    if name in store.state.empty:
        store.state.empty.remove(name)
    others = {*store.state.sparse} - {name}
    proposed = name in store.state.proposed and (store.folder / name / LABELS).is_file()
    if proposed and sparse != (name in store.state.sparse):
        store.state.corrected.pop(name, None)  # other changes count now
    store.state.sparse = sorted({*others, name} if sparse else others)
    others = {*store.state.whole} - {name}
    store.state.whole = sorted(others if sparse or proposed else {*others, name})
    changes = _recorded(store, name)
    return Correction(name, stored.path, stored.count, stored.backup, changes)


@contained
def mark_empty(path: str | os.PathLike[str], name: str) -> Correction:
    """Record that there is no object on an image: it is then trained on as background.

    Raises
    ------
    UserError : when there is no such image, ROIs are drawn on it, or no correction has begun.
    """
    store = CorrectionStore.open(path)
    sheet = project.sheet(path, name)
    if sheet.drawn:
        raise UserError(
            f"holds ROIs, so {name} cannot be marked as without objects",
            path=sheet.rois,
            remedy="Delete or rename that file first, if it is wrong.",
        )
    project.prepare(sheet)
    store.state.empty = sorted({*store.state.empty, name})
    store.state.sparse = sorted({*store.state.sparse} - {name})
    store.state.whole = sorted({*store.state.whole} - {name})
    return Correction(name, None, 0, None, _recorded(store, name))


def _recorded(store: CorrectionStore, name: str) -> Changes | None:
    record(store, [project.sheet(store.project, name)])
    store.save()
    found = store.state.corrected.get(name)
    return found.changes if found else None
