"""Choosing and running a tracking engine."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import declared, filters, gaps, kalman, lap, nearest, overlap
from imagej_dl.tracking.costs import Links
from imagej_dl.tracking.detectors import labelled
from imagej_dl.tracking.movie import pair
from imagej_dl.tracking.settings import TrackerSettings, default
from imagej_dl.tracking.spots import find
from imagej_dl.tracking.tracks import Tracks, build

if TYPE_CHECKING:
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
    labels : label movie with the axes T, Y, X and its calibration; or what the settings' detector
        makes one of.
    image : the movie itself, T, Y, X and channels; for intensities, and for the calibration of
        labels that have none.
    settings : gap filling, detector, tracker and filters; TrackMate's LAP tracker with splitting
        unless given.
    engine : TrackMate in a Fiji, or the embedded engine; auto takes TrackMate where a Fiji with
        it is found.
    image_path : the file that TrackMate's window shall open with the tracks.
    fiji : the Fiji folder; that of the environment variable FIJI_HOME unless given.

    Returns
    -------
    tracks : what passes the filters; its `everything` is what was found before them. With a
        filter of tracks, spots without a track are left out as well.

    Raises
    ------
    UserError : for labels that are no 2-D movie, settings that the engine has not, and an engine
        that is not there.
    """
    settings = settings or default()
    movie, image = pair(labelled(labels, settings.detector), image)
    if image is not None:
        movie = images.calibrated_like(movie, image)
        # Contours are in the labels' unit: what measures under them must go by the same.
        image = images.with_data(image, image.data, **asdict(images.calibration(movie)))
    if movie.sizes["T"] < 2:
        warnings.warn("there is one frame only: nothing to link", DataWarning, stacklevel=2)
    bridge = None if engine == "embedded" else _trackmate(engine, fiji)
    if settings.fill_gaps:
        regions = gaps.fill(movie, progress=progress)
        found = _track(regions, image, settings, bridge, image_path, fiji, progress)
        return gaps.onto(found, movie, image, progress)
    return _track(movie, image, settings, bridge, image_path, fiji, progress)


def _track(
    movie: xr.DataArray,
    image: xr.DataArray | None,
    settings: TrackerSettings,
    bridge: Any,
    image_path: Path | None,
    fiji: str | None,
    progress: Progress,
) -> Tracks:
    """Track a label movie by TrackMate, the bridge to which is given, or without it."""
    # TrackMate has no filters of links: with them its links are filtered here.
    if bridge is not None and not settings.edge_filters:
        return bridge.track(
            movie, image, settings, image_path=image_path, fiji=fiji, progress=progress
        )
    spots, contours = find(movie, image, progress, settings.detector.simplify_contours)
    good = spots["quality"].to_numpy() >= settings.initial_spot_filter
    spots, contours = _rows(spots, contours, good)
    visible = filters.of_spots(spots, settings.spot_filters)
    detected = Detected(*_rows(spots, contours, visible), movie.sizes["T"])
    links = Links.none()
    if bridge is not None and len(detected.spots):
        links = _by_trackmate(bridge, detected, movie, image, settings, fiji, progress)
    elif len(detected.spots):
        links = TRACKERS[settings.tracker](detected, settings.settings, progress)
    rows = np.flatnonzero(visible)
    links = Links(rows[links.sources], rows[links.targets], links.costs)
    name = "embedded" if bridge is None else "trackmate"
    found = build(spots, contours, links, movie, settings, name, image_path)
    if settings.edge_filters and len(links.costs):
        kept = filters.of_links(declared.of_edges(found), settings.edge_filters)
        links = found.links.take(kept)
        found = build(spots, contours, links, movie, settings, name, image_path)
    return _shown(found, visible)


def _rows(
    spots: pd.DataFrame, contours: list[np.ndarray], kept: np.ndarray
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    if kept.all():
        return spots, contours
    rows = np.flatnonzero(kept)
    return spots.iloc[rows].reset_index(drop=True), [contours[row] for row in rows]


def _shown(found: Tracks, visible: np.ndarray) -> Tracks:
    """Leave out what the filters hide; it stays in `everything`."""
    track_filters = found.settings.track_filters
    ids = found.spots["track_id"].to_numpy()
    if track_filters:
        shown = np.zeros(int(ids.max(initial=-1)) + 1, bool)
        if len(shown):
            features = declared.of_tracks(found, declared.of_edges(found))
            shown[features["TRACK_ID"]] = filters.of_tracks(features, track_filters)
        visible = visible & np.append(shown, False)[ids]
    return found if visible.all() else found.only(visible)


def _by_trackmate(
    bridge: Any,
    detected: Detected,
    movie: xr.DataArray,
    image: xr.DataArray | None,
    settings: TrackerSettings,
    fiji: str | None,
    progress: Progress,
) -> Links:
    """Links by a real TrackMate that is shown only the spots which pass the filters."""
    shown = build(detected.spots, detected.contours, Links.none(), movie, settings, "trackmate")
    labels = shown.painted(np.arange(1, len(detected.spots) + 1))
    plain = settings.unfiltered()
    theirs = bridge.track(labels, image, plain, fiji=fiji, progress=progress)
    row = theirs.spots["label"].to_numpy() - 1
    return Links(row[theirs.links.sources], row[theirs.links.targets], theirs.links.costs)


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
