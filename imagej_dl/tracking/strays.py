"""Stray pieces of a label, which are no objects: a few per cent of it, or a label that is broken.

A label is broken in a frame if its pieces are one object in the frame before, and one in the frame
after: daughters that have their mother's label stay two.
"""

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


def find(spots: pd.DataFrame, frames: np.ndarray) -> tuple[np.ndarray, Strays, int]:
    """Find the stray pieces among the spots of a label movie.

    Parameters
    ----------
    spots : table of :func:`imagej_dl.tracking.spots.find`, a row for each piece of a label.
    frames : (T, Y, X) the label movie.

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
    first[1:] = (np.diff(frame[order]) != 0) | (np.diff(label[order]) != 0)
    largest = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    belongs = ~first & (size[order] <= SHARE * size[largest])
    large = np.flatnonzero(~first & ~belongs)
    if large.size:
        single = _single(frame[order], label[order], first & ~_several(first, belongs))
        for at in large:
            belongs[at] = _broken(spots, frames, order[at], largest[at], single)
    kept = np.ones(len(order), bool)
    stray = order[belongs]
    kept[stray] = False
    apart = np.unique(largest[~first & ~belongs])
    ids, pixel = spots["id"].to_numpy(), spots["pixel"].to_numpy()
    return kept, Strays(frame[stray], pixel[stray], ids[largest[belongs]]), len(apart)


def _several(first: np.ndarray, belongs: np.ndarray) -> np.ndarray:
    """Return which first pieces have other large ones after them."""
    group = np.cumsum(first) - 1
    return (np.bincount(group, weights=~first & ~belongs) > 0)[group]


def _single(frame: np.ndarray, label: np.ndarray, whole: np.ndarray) -> set[tuple[int, int]]:
    return set(zip(frame[whole].tolist(), label[whole].tolist(), strict=True))


def _broken(
    spots: pd.DataFrame,
    frames: np.ndarray,
    piece: int,
    main: int,
    single: set[tuple[int, int]],
) -> bool:
    """Return True if two pieces lie on one whole object in the frames before and after."""
    from skimage.measure import label as components

    frame = int(spots["frame"].iat[piece])
    if not 0 < frame < len(frames) - 1:
        return False
    numbered = components(frames[frame] == spots["label"].iat[piece], connectivity=2)
    at = [numbered == numbered.ravel()[spots["pixel"].iat[row]] for row in (piece, main)]
    for other in (frame - 1, frame + 1):
        under = [frames[other][mask] for mask in at]
        most = {int(np.bincount(labels[labels > 0]).argmax()) if labels.any() else 0
                for labels in under}  # fmt: skip
        if len(most) > 1 or (other, *most) not in single:
            return False
    return True


def joined(spots: pd.DataFrame, frames: np.ndarray) -> tuple[np.ndarray, Strays, tuple[str, ...]]:
    """Return which spots are no stray pieces, those pieces, and what to say of them.

    Warns
    -----
    DataWarning : when labels have several large pieces in a frame.
    """
    kept, found, apart = find(spots, frames)
    if apart:
        warn(
            f"{apart} labels are in several large pieces in a frame: each piece is a spot of its "
            "own"
        )
    count = len(found.spot)
    notes = (f"{count} stray pieces of labels joined to their objects",) if count else ()
    return kept, found, notes
