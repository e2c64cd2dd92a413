"""Count what the user changed of a proposal."""

from __future__ import annotations

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict

from imagej_dl.errors import UserError
from imagej_dl.evaluation.matching import mostly_known
from imagej_dl.evaluation.overlap import overlap
from imagej_dl.images.labels import marks
from imagej_dl.rois import Labelled

SAME = 0.99
"""IoU above which an object counts as kept: a stray pixel is no correction."""

MATCHED = 0.5
"""IoU above which two objects are the same one; at most one partner can have it."""


class Changes(BaseModel):
    """The changes between proposed and corrected objects; the planes of a stack are counted apart.

    kept : objects left as they were (IoU above .99).
    changed : objects redrawn (IoU above .5).
    added, deleted : objects without such a partner in the proposal, in the correction.
    changed_px : pixels of an object, proposed or corrected, that are not of the same object in
        both.
    object_px : pixels of an object, proposed or corrected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kept: int = 0
    changed: int = 0
    added: int = 0
    deleted: int = 0
    changed_px: int = 0
    object_px: int = 0

    @property
    def share(self) -> float:
        """Return the share of the object pixels that were changed, 0 to 1; 0 without objects."""
        return self.changed_px / self.object_px if self.object_px else 0.0

    def __add__(self, other: Changes) -> Changes:
        """Add the changes on another image."""
        names = type(self).model_fields
        return Changes(**{name: getattr(self, name) + getattr(other, name) for name in names})


def compare(
    proposed: xr.DataArray, corrected: xr.DataArray | Labelled, sparse: bool = False
) -> Changes:
    """Compare two label maps of one image, dims of T, Z, Y, X.

    Parameters
    ----------
    corrected : the label map, or that of ROIs with its marks. What is proposed where they ignore
        all was neither kept nor deleted.
    sparse : not all objects are drawn: so it is also with what is proposed where nothing is drawn.

    Raises
    ------
    UserError : when their shapes differ.
    """
    labels, marked = (
        (corrected.labels, corrected.marks)
        if isinstance(corrected, Labelled)
        else (corrected, None)
    )
    if proposed.shape != labels.shape:
        raise UserError(
            f"the proposal has the shape {proposed.shape}, the correction {labels.shape}"
        )
    changes = Changes()
    for index in np.ndindex(*labels.shape[:-2]):
        before, after = np.asarray(proposed.data[index]), np.asarray(labels.data[index])
        there = None if marked is None else np.asarray(marked.data[index])
        known = marks.known(after, there, marks.RING if sparse else None)
        changes += _plane(before if known is None else mostly_known(before, known), after)
    return changes


def _plane(proposed: np.ndarray, corrected: np.ndarray) -> Changes:
    found = overlap(corrected, proposed)
    ious = found.ious
    matched = ious > MATCHED
    kept = int(np.count_nonzero(ious > SAME))
    union = int(np.count_nonzero((proposed > 0) | (corrected > 0)))
    pairs = int(np.count_nonzero(matched))
    return Changes(
        kept=kept,
        changed=pairs - kept,
        added=len(found.truth) - pairs,
        deleted=len(found.pred) - pairs,
        changed_px=union - int(found.shared[matched].sum()),
        object_px=union,
    )
