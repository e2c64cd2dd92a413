"""Stray pieces of a label: a few per cent of it, apart from the rest, that are no objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import warn

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.1
"""Of the largest piece of a label in a frame; a piece that is no larger is a stray one.

The smaller daughter of a division that has her mother's label is larger than that.
"""


@dataclass(frozen=True)
class Strays:
    """Pieces that belong to the spot of their label's largest piece.

    frame, pixel : frame of each, and the flat index of one of its pixels in the frame.
    spot : id of the spot that it belongs to.
    """

    frame: np.ndarray
    pixel: np.ndarray
    spot: np.ndarray

    def of(self, spots: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return which of these belong to spots of a table, and the rows of those."""
        ids = spots["id"].to_numpy()
        order = np.argsort(ids, kind="stable")
        at = np.searchsorted(ids[order], self.spot).clip(max=max(len(ids) - 1, 0))
        known = np.zeros(len(self.spot), bool) if not len(ids) else ids[order][at] == self.spot
        return np.flatnonzero(known), order[at[known]] if len(ids) else at[known]


def find(spots: pd.DataFrame) -> tuple[np.ndarray, Strays, int]:
    """Find the stray pieces among the spots of a label movie.

    Parameters
    ----------
    spots : table of :func:`imagej_dl.tracking.spots.find`, a row for each piece of a label.

    Returns
    -------
    kept : which spots are no stray pieces.
    strays : those that are, with the spots that they belong to.
    apart : number of labels in a frame with several pieces that are not.
    """
    frame, label = spots["frame"].to_numpy(), spots["label"].to_numpy()
    size = spots["quality"].to_numpy(float)  # in pixels
    order = np.lexsort((-size, label, frame))
    first = np.ones(len(order), bool)
    same = (np.diff(frame[order]) == 0) & (np.diff(label[order]) == 0)
    first[1:] = ~same
    largest = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    small = ~first & (size[order] <= SHARE * size[largest])
    kept = np.ones(len(order), bool)
    kept[order[small]] = False
    stray = order[small]
    several = np.unique(largest[~first & ~small])
    ids, pixel = spots["id"].to_numpy(), spots["pixel"].to_numpy()
    return kept, Strays(frame[stray], pixel[stray], ids[largest[small]]), len(several)


def joined(spots: pd.DataFrame) -> tuple[np.ndarray, Strays, tuple[str, ...]]:
    """Return which spots are no stray pieces, those pieces, and what to say of them.

    Warns
    -----
    DataWarning : when labels have several large pieces in a frame.
    """
    kept, found, apart = find(spots)
    if apart:
        warn(
            f"{apart} labels are in several large pieces in a frame: each piece is a spot of its "
            "own"
        )
    count = len(found.spot)
    notes = (f"{count} stray pieces of labels joined to their objects",) if count else ()
    return kept, found, notes
