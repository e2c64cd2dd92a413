"""The frames of a movie and of its ground truth that are tuned on, and those held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagej_dl.ctc import GroundTruth
from imagej_dl.errors import warn

if TYPE_CHECKING:
    import xarray as xr

Part = tuple["xr.DataArray", GroundTruth]
_LEAST = 2  # frames: fewer have no link


def split(labels: xr.DataArray, truth: GroundTruth, share: float) -> tuple[Part, Part | None]:
    """Hold out the last frames.

    Parameters
    ----------
    labels : label movie, T, Y, X, of as many frames as the ground truth has.
    share : of the frames to hold out, 0 to below 1.

    Returns
    -------
    first, last : each the labels and the ground truth of its frames; no last where the share is 0
        or the frames are too few.

    Warns
    -----
    DataWarning : when none can be held out.
    """
    frames = labels.sizes["T"]
    at = frames - round(share * frames)
    if share <= 0:
        return (labels, truth), None
    parts = [
        (labels.isel(T=slice(*bounds)), truth.cut(*bounds)) for bounds in ((0, at), (at, frames))
    ]
    if min(at, frames - at) < _LEAST or not all(len(part.tracks.tracks) for _, part in parts):
        warn(
            f"{frames} frames are too few to hold some out: tuning uses all of them, and there"
            " is no score on unseen frames"
        )
        return (labels, truth), None
    return parts[0], parts[1]
