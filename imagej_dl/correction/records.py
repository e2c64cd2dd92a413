"""Find the corrected images on disk, whoever stored their RoiSets."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl import images, rois
from imagej_dl.correction.changes import compare
from imagej_dl.correction.state import Corrected
from imagej_dl.correction.store import CorrectionStore, stamp
from imagej_dl.errors import DataWarning, UserError, warn
from imagej_dl.project import Sheet

PROPOSAL, LABELS = "proposed_RoiSet.zip", "proposed.tif"


def finished(store: CorrectionStore, sheet: Sheet) -> bool:
    """Return whether an image needs no proposal: ROIs are drawn on it, or it has no object."""
    return sheet.drawn or sheet.name in store.state.empty


def record(store: CorrectionStore, sheets: list[Sheet]) -> None:
    """Compare new corrections with their proposals, and add them to the state."""
    state = store.state
    for sheet in sheets:
        proposed = state.proposed.get(sheet.name)
        if proposed is None or not finished(store, sheet):
            continue
        digest = digest_of(sheet.rois) if sheet.drawn else ""
        known = state.corrected.get(sheet.name)
        if known is not None and known.rois == digest:
            continue
        before = store.folder / sheet.name / LABELS
        if not before.is_file():
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)  # they came when it was stored
                proposal = images.read_labels(before, as_is=True)
                changes = compare(proposal, drawn(sheet, proposal), is_sparse(store, sheet, False))
        except UserError as error:
            warn(f"{error}: its corrections are not counted")
            continue
        state.corrected[sheet.name] = Corrected(
            round=proposed.round, by=proposed.by, rois=digest, changes=changes
        )


def labels(sheet: Sheet, like: xr.DataArray) -> xr.DataArray:
    """Return the label map of an image's RoiSet as `labels` makes it; empty where it has none."""
    return drawn(sheet, like).labels


def drawn(sheet: Sheet, like: xr.DataArray) -> rois.Labelled:
    """Return the label map of an image's RoiSet with the marks."""
    if not sheet.drawn:
        dims = [str(axis) for axis in like.dims if axis != "C"]
        shape = [like.sizes[axis] for axis in dims]
        nothing = images.with_data(like, np.zeros(shape, np.uint16), dims)
        return rois.Labelled(nothing, rois.LabelReport([], 0))
    try:
        return rois.labelled(rois.read(sheet.rois), like)
    except UserError as error:
        raise error.at(sheet.rois) from error


def is_sparse(store: CorrectionStore, sheet: Sheet, drawn_sparsely: bool) -> bool:
    """Return whether not all objects of an image are drawn.

    Of an image that was stored the user has said so then, whether or not something had been
    proposed; `drawn_sparsely` says it of those that were drawn otherwise.
    """
    if not sheet.drawn:
        return False
    stored = {*store.state.corrected, *store.state.whole}
    elsewhere = drawn_sparsely and sheet.name not in stored
    return elsewhere or sheet.name in store.state.sparse


def digest_of(path: Path) -> str:
    """Return a digest of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def training_images(
    store: CorrectionStore, sheets: list[Sheet], drawn_sparsely: bool = False
) -> dict[str, str]:
    """Return the names of the images to train on, with digests that change with image or ROIs."""
    found = {}
    for sheet in sheets:
        if finished(store, sheet):
            when, size = stamp(sheet.source or sheet.image)
            sparse = ":sparse" if is_sparse(store, sheet, drawn_sparsely) else ""
            digest = digest_of(sheet.rois) if sheet.drawn else ""
            found[sheet.name] = f"{digest}:{when}:{size}{sparse}"
    return found
