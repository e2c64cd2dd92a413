"""Stray pieces of a label, which are no objects: a few per cent of it, or a label that is broken.

A label is broken in a frame if its pieces are one object in the frame before, and one in the frame
after: daughters that have their mother's label stay two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import warn
from imagej_dl.images.labels.connected_components import numbered
from imagej_dl.tracking.spots import rows_of

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
    ids, pixel = spots["id"].to_numpy(), spots["pixel"].to_numpy()
    order = np.lexsort((-size, label, frame))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(frame[order]) != 0) | (np.diff(label[order]) != 0)
    largest = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    belongs = ~first & (size[order] <= SHARE * size[largest])
    large = np.flatnonzero(~first & ~belongs)
    if large.size:
        whole = order[first & ~np.isin(largest, largest[large])]
        single = set(zip(frame[whole].tolist(), label[whole].tolist(), strict=True))
        pieces = lru_cache(1)(lambda number: _Pieces(frames[number]))  # they come by frame
        for at in large:
            rows = [order[at], largest[at]]
            belongs[at] = _broken(int(frame[order[at]]), pixel[rows], frames, single, pieces)
    kept = np.ones(len(order), bool)
    stray = order[belongs]
    kept[stray] = False
    apart = np.unique(largest[~first & ~belongs])
    return kept, Strays(frame[stray], pixel[stray], ids[largest[belongs]]), len(apart)


class _Pieces:
    """The pieces of the labels of a frame, and where each of them is."""

    def __init__(self, labels: np.ndarray) -> None:
        from scipy.ndimage import find_objects

        self.numbers = numbered(labels)
        self.boxes = find_objects(self.numbers)

    def under(self, pixel: int, other: np.ndarray) -> int:
        """Return the label of another frame that most of the piece with this pixel lies on."""
        number = self.numbers.ravel()[pixel]
        box = self.boxes[number - 1]
        labels = other[box][self.numbers[box] == number]
        ids, count = np.unique(labels[labels > 0], return_counts=True)
        return int(ids[count.argmax()]) if len(ids) else 0


def _broken(
    frame: int,
    pixels: np.ndarray,
    frames: np.ndarray,
    single: set[tuple[int, int]],
    pieces: Callable[[int], _Pieces],
) -> bool:
    """Return True if two pieces lie on one whole object in the frames before and after."""
    if not 0 < frame < len(frames) - 1:
        return False
    for other in (frame - 1, frame + 1):
        most = {pieces(frame).under(pixel, frames[other]) for pixel in pixels.tolist()}
        if len(most) > 1 or (other, *most) not in single:
            return False
    return True


def joined(
    spots: pd.DataFrame, contours: list[np.ndarray], frames: np.ndarray
) -> tuple[pd.DataFrame, list[np.ndarray], Strays, tuple[str, ...]]:
    """Return the spots that are no stray pieces, their contours, those pieces, and what to say.

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
    return *rows_of(spots, contours, kept), found, notes
