"""Draw the contours of spots into a label movie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imagej_dl.tracking.tracks import Tracks

_CORNERS = 64  # of the circle that stands for a spot without a contour


def draw(labels: np.ndarray, tracks: Tracks, rows: np.ndarray) -> None:
    """Fill the contours of some spots with their row number + 1, the smallest last."""
    from imagej_dl.rois import Roi
    from imagej_dl.rois.masks import fill

    cal = tracks.calibration
    size = np.array([cal.pixel_width, cal.pixel_height])
    turn = 2 * np.pi * np.arange(_CORNERS) / _CORNERS
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    centre = tracks.spots[["x", "y"]].to_numpy(float)
    radii = tracks.spots["radius"].to_numpy(float)
    frames = tracks.spots["frame"].to_numpy()
    height, width = labels.shape[1:]
    drawn = []
    for row in rows:
        corners = tracks.contours[row] if tracks.contours else circle[:0]
        if not len(corners):
            corners = circle * radii[row]
        # TrackMate counts from the first pixel's centre, ImageJ's ROIs from its corner.
        points = ((centre[row] + corners) / size + 0.5).astype(np.float32)
        drawn.append(Roi("polygon", subpixel=True, points=points))
    if not drawn:
        return
    runs = fill(drawn, height).clip(height, width)
    sizes = np.bincount(runs.owner, weights=runs.lengths, minlength=len(drawn))
    of_frame = frames[rows][runs.owner]
    for run in np.lexsort((runs.y, -sizes[runs.owner], of_frame)):
        line = labels[of_frame[run], runs.y[run]]
        line[runs.x1[run] : runs.x2[run]] = rows[runs.owner[run]] + 1


def seeds_of(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a pixel of each piece of each label, which is in one frame.

    Returns
    -------
    seeds : for each label a pixel (index in its frame) of its largest piece, −1 for none.
    others : (pieces, 3) frame, pixel and label of every further piece.
    """
    from skimage.measure import label

    seeds = np.full(count + 1, -1)
    others = [np.zeros((0, 3), np.int64)]
    for number, frame in enumerate(labels):
        pieces = label(frame, background=0, connectivity=2)
        _, first, size = np.unique(pieces, return_index=True, return_counts=True)
        first = first[np.argsort(size, kind="stable")]
        own = frame.ravel()[first]
        seeds[own] = first
        further = (own > 0) & (seeds[own] != first)
        frames = np.full(np.count_nonzero(further), number)
        others.append(np.column_stack([frames, first[further], own[further]]).astype(np.int64))
    return seeds[1:], np.concatenate(others)
