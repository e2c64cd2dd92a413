"""Count what the user changed of a proposal."""

from __future__ import annotations

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict

from imagej_dl.errors import UserError
from imagej_dl.evaluation.overlap import overlap

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


def compare(proposed: xr.DataArray, corrected: xr.DataArray) -> Changes:
    """Compare two label maps of one image, dims of T, Z, Y, X.

    Raises
    ------
    UserError : when their shapes differ.
    """
    if proposed.shape != corrected.shape:
        raise UserError(
            f"the proposal has the shape {proposed.shape}, the correction {corrected.shape}"
        )
    shape = (-1, proposed.sizes["Y"], proposed.sizes["X"])
    before = np.asarray(proposed.data).reshape(shape)
    after = np.asarray(corrected.data).reshape(shape)
    return sum((_plane(a, b) for a, b in zip(before, after, strict=True)), Changes())


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
