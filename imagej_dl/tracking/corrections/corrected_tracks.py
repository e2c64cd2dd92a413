"""The objects of tracks that were corrected by hand in TrackMate: their pixels, and the changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.images import make
from imagej_dl.tracking.corrections.automatic_result import SAME, rows_at
from imagej_dl.tracking.corrections.automatic_result import read as read_automatic
from imagej_dl.tracking.corrections.changes import compare
from imagej_dl.tracking.corrections.drawing import draw, seeds_of
from imagej_dl.tracking.strays import Strays
from imagej_dl.tracking.trackmate import passthrough
from imagej_dl.tracking.tracks import Tracks

__all__ = ["Corrected", "correct", "read_automatic"]


@dataclass(frozen=True)
class Corrected:
    """Corrected tracks with their label movie.

    `changes` counts spots kept, changed (moved or redrawn), added and deleted, and links made
    and cut; it is empty when the automatic result is not known. `frames` are those with a
    changed, added or deleted spot, all when it is not known.
    """

    tracks: Tracks
    changes: dict[str, int]
    frames: np.ndarray


def correct(tracks: Tracks, automatic: Tracks | None = None) -> Corrected:
    """Return corrected tracks with the label movie of their objects.

    A spot that is as in the automatic result keeps the pixels of its object; of another the
    pixels inside its contour, as ImageJ fills it, are its object; of a spot without a contour
    those of a circle. Where objects overlap, the smaller one has the pixel, and a changed object
    before an unchanged one.

    Parameters
    ----------
    tracks : tracks of a TrackMate file; see :func:`imagej_dl.tracking.trackmate.reader.read`.
    automatic : the result that was corrected; see :func:`read_automatic`.

    Raises
    ------
    UserError : when the size of the movie is unknown, differs from the automatic result's, or is
        too large for the memory, and for a 3-D movie.

    Warns
    -----
    DataWarning : for spots that have no pixel of their own, and for those that the filters of the
        file hide; they are left out.
    """
    shape = tracks.shape
    if (slices := passthrough.slices(tracks.rest)) > 1:
        raise UserError(
            f"the tracks are of a 3-D movie ({slices} slices); corrections work on 2-D movies",
            remedy="If the slices are frames, set them in ImageJ's Image > Properties, and track "
            "again.",
        )
    if automatic is not None and shape != automatic.shape:
        raise UserError(
            f"the tracks are of {_words(shape)}, the automatic result is of "
            f"{_words(automatic.shape)}",
            remedy="Name the folder that these tracks were made in.",
        )
    if min(shape) < 1:
        raise UserError(
            "the file does not state the size of its movie",
            remedy="Open it in TrackMate with its image, and save it again.",
        )
    if hidden := len((tracks.everything or tracks).spots) - len(tracks.spots):
        warn(
            f"{hidden} spots that the filters hide are left out: they are background in the ground "
            "truth, and in masks to train on",
            remedy="If they are objects, remove the filters in TrackMate, and save the file again.",
        )
    size = tracks.calibration.pixel_width
    rows = np.full(len(tracks.spots), -1)
    try:
        labels = np.zeros(shape, np.uint32)
    except (MemoryError, ValueError) as error:
        raise UserError(
            f"the tracks are of {_words(shape)}, for which there is not enough memory",
            remedy="Unless the movie is that large, the file is damaged: save it again in "
            "TrackMate.",
        ) from error
    if automatic is not None:
        rows = _unchanged(tracks, automatic, size)
        numbers = np.zeros(len(automatic.spots), np.int64)
        numbers[rows[rows >= 0]] = np.flatnonzero(rows >= 0) + 1
        labels = np.array(automatic.painted(numbers), np.uint32)
    draw(labels, tracks, np.flatnonzero(rows < 0))
    seeds, others = seeds_of(labels, len(tracks.spots))
    seen = seeds >= 0
    if lost := int(np.count_nonzero(~seen)):
        warn(f"{lost} spots are left out: they lie outside the image or are covered by others")
    spots = tracks.spots.assign(label=np.arange(1, len(seen) + 1), pixel=seeds)
    cal = tracks.calibration
    own = make(labels, "TYX", **vars(cal))
    # An object may be in pieces: a broken one, and one that another covers in part.
    pieces = Strays(others[:, 0], others[:, 1], spots["id"].to_numpy()[others[:, 2] - 1])
    whole = replace(
        tracks, spots=spots, labels=images.as_labels(own), everything=None, strays=pieces
    )
    changes, frames = compare(tracks, automatic, rows)
    kept = whole if seen.all() else replace(whole.only(seen), everything=None)
    return Corrected(kept, changes, frames)


def _words(shape: tuple[int, int, int]) -> str:
    return f"{shape[0]} frames of {shape[2]} × {shape[1]} px"


def _unchanged(tracks: Tracks, automatic: Tracks, size: float) -> np.ndarray:
    """Return for each spot the row of the same one in the automatic result, −1 for none."""
    names = ["frame", "x", "y"]
    at = rows_at(tracks.spots[names].to_numpy(float), automatic.spots[names].to_numpy(float), size)
    for row in np.flatnonzero(at >= 0):
        contour = tracks.contours[row] if tracks.contours else np.zeros((0, 2))
        old = automatic.contours[at[row]]
        if contour.shape != old.shape or not np.allclose(contour, old, atol=SAME * size):
            at[row] = -1
    return at
