"""Choosing and running a tracking engine."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import kalman, lap, nearest, overlap
from imagej_dl.tracking.costs import Links
from imagej_dl.tracking.movie import pair
from imagej_dl.tracking.settings import TrackerSettings, default
from imagej_dl.tracking.spots import find
from imagej_dl.tracking.tracks import Tracks, build

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

Engine = Literal["auto", "trackmate", "embedded"]


@dataclass(frozen=True)
class Detected:
    """What a tracker is given: spots, their contours, and the number of the movie's frames."""

    spots: pd.DataFrame
    contours: list[np.ndarray]
    frames: int


Linker = Callable[[Detected, Any, Progress], Links]

TRACKERS: dict[str, Linker] = {
    "SPARSE_LAP_TRACKER": lambda d, s, p: lap.link(d.spots, s, p),
    "SIMPLE_SPARSE_LAP_TRACKER": lambda d, s, p: lap.link(d.spots, s, p),
    "KALMAN_TRACKER": lambda d, s, p: kalman.link(d.spots, d.frames, s, p),
    "ADVANCED_KALMAN_TRACKER": lambda d, s, p: kalman.link_advanced(d.spots, d.frames, s, p),
    "NEAREST_NEIGHBOR_TRACKER": lambda d, s, p: nearest.link(d.spots, s, p),
    "OVERLAP_TRACKER": lambda d, s, p: overlap.link(d.spots, d.contours, s, p),
}
"""The trackers of the embedded engine: spots and settings to links between the spots' rows."""


def track(
    labels: xr.DataArray,
    image: xr.DataArray | None = None,
    settings: TrackerSettings | None = None,
    engine: Engine = "auto",
    image_path: Path | None = None,
    fiji: str | None = None,
    progress: Progress = silent,
) -> Tracks:
    """Track the objects of a label movie.

    Parameters
    ----------
    labels : label movie with the axes T, Y, X and its calibration.
    image : the movie itself, T, Y, X and channels; for intensities, and for the calibration of
        labels that have none.
    settings : tracker and settings; TrackMate's LAP tracker with splitting unless given.
    engine : TrackMate in a Fiji, or the embedded engine; auto takes TrackMate where a Fiji with
        it is found.
    image_path : the file that TrackMate's window shall open with the tracks.
    fiji : the Fiji folder; that of the environment variable FIJI_HOME unless given.

    Raises
    ------
    UserError : for labels that are no 2-D movie, settings that the engine has not, and an engine
        that is not there.
    """
    settings = settings or default()
    movie, image = pair(labels, image)
    if image is not None:
        movie = images.calibrated_like(movie, image)
        # Contours are in the labels' unit: what measures under them must go by the same.
        image = images.with_data(image, image.data, **asdict(images.calibration(movie)))
    if movie.sizes["T"] < 2:
        warnings.warn("there is one frame only: nothing to link", DataWarning, stacklevel=2)
    bridge = None if engine == "embedded" else _trackmate(engine, fiji)
    if bridge is not None:
        return bridge.track(
            movie, image, settings, image_path=image_path, fiji=fiji, progress=progress
        )
    spots, contours = find(movie, image, progress)
    links = Links.none()
    if len(spots):
        detected = Detected(spots, contours, movie.sizes["T"])
        links = TRACKERS[settings.tracker](detected, settings.settings, progress)
    return build(spots, contours, links, movie, settings, "embedded", image_path)


def _trackmate(engine: str, fiji: str | None) -> Any:
    """The bridge to a real TrackMate where there is one; None lets auto fall back."""
    from imagej_dl.fiji import trackmate

    if trackmate.available(fiji):
        return trackmate
    if engine == "trackmate" or fiji is not None:
        raise UserError(
            "there is no Fiji with TrackMate",
            path=fiji,
            remedy="Name its folder with --fiji or FIJI_HOME, or use --engine embedded.",
        )
    return None
