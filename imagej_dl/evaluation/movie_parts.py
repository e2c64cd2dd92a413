"""Some frames of a movie and of its truth: those tuned on, and those kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import warn
from imagej_dl.evaluation.ctc_metrics import Truth
from imagej_dl.tracking.ctc import CtcFolder

if TYPE_CHECKING:
    import xarray as xr

Part = tuple["xr.DataArray", Truth]
_LEAST = 2  # frames: fewer have no link


def split(labels: xr.DataArray, truth: Truth, share: float) -> tuple[Part, Part | None]:
    """Keep the last frames apart.

    Parameters
    ----------
    labels : label movie, T, Y, X, of as many frames as the truth has.
    share : of the frames to keep apart, 0 to below 1.

    Returns
    -------
    first, last : each the labels and the truth of its frames; no last where the share is 0 or
        the frames are too few.

    Warns
    -----
    DataWarning : when none can be kept apart.
    """
    frames = labels.sizes["T"]
    at = frames - round(share * frames)
    if share <= 0:
        return (labels, truth), None
    parts = [
        (labels.isel(T=slice(*bounds)), cut(truth, *bounds)) for bounds in ((0, at), (at, frames))
    ]
    if min(at, frames - at) < _LEAST or not all(len(part.tracks.tracks) for _, part in parts):
        warn(
            f"{frames} frames are too few to keep some apart: all are tuned on, and no score says"
            " how good the settings are elsewhere"
        )
        return (labels, truth), None
    return parts[0], parts[1]


def cut(truth: Truth, begin: int, end: int) -> Truth:
    """Return the truth of the frames from `begin` to before `end`, counted from 0.

    A track whose parent has no frame there has none.
    """
    rows = truth.tracks.tracks
    rows = rows[(rows[:, 1] < end) & (rows[:, 2] >= begin)].copy()
    rows[:, 1] = np.maximum(rows[:, 1], begin) - begin
    rows[:, 2] = np.minimum(rows[:, 2], end - 1) - begin
    rows[~np.isin(rows[:, 3], rows[:, 0]), 3] = 0
    found = truth.segmentation.items()
    segmentation = {number - begin: mask for number, mask in found if begin <= number < end}
    return Truth(CtcFolder(truth.tracks.masks[begin:end], rows), segmentation, truth.path)
