"""Choosing and running a tracking engine."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl import images
from imagej_dl.errors import DataWarning, NotEnoughMemory
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import (
    choice,
    filters,
    gap_filling,
    linking_distance,
    trackers,
    undersegmentation,
)
from imagej_dl.tracking import features as declared
from imagej_dl.tracking.detectors import labelled
from imagej_dl.tracking.label_movie import pair
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.settings import TrackerSettings, default
from imagej_dl.tracking.spots import find
from imagej_dl.tracking.trackers.embedded import TRACKERS, Detected
from imagej_dl.tracking.tracks import Tracks, build

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class _Way:
    """By which engine, and what it needs to know."""

    engine: str
    bridge: Any = None
    fiji: str | None = None
    python: Path | None = None
    image_path: Path | None = None
    progress: Progress = silent
    changeable: bool = False


def track(
    labels: xr.DataArray,
    image: xr.DataArray | None = None,
    settings: TrackerSettings | None = None,
    engine: choice.Engine = "auto",
    image_path: Path | None = None,
    fiji: str | None = None,
    progress: Progress = silent,
    python: Path | None = None,
) -> Tracks:
    """Track the objects of a label movie.

    Parameters
    ----------
    labels : label movie with the axes T, Y, X and its calibration; or what the settings' detector
        makes one of.
    image : the movie itself, T, Y, X and channels; for intensities, and for the calibration of
        labels that have none.
    settings : detector, cuts, gap filling, tracker and filters; TrackMate's LAP tracker with
        splitting unless given, or the engine's own tracker, with distances by the objects' size
        and motion (:func:`imagej_dl.tracking.linking_distance.measured`).
    engine : TrackMate in a Fiji, the embedded engine, motile, btrack or Trackastra; auto takes
        what the settings' tracker is of, and TrackMate where a Fiji with it is found and its
        memory suffices.
    image_path : the file that TrackMate's window shall open with the tracks.
    fiji : the Fiji folder; that of the environment variable FIJI_HOME unless given.
    python : the Python that has motile, btrack or Trackastra; that of the environment variable
        IMAGEJ_DL_MOTILE_PYTHON (and so on) or this one unless given.

    Returns
    -------
    tracks : what passes the filters; its `everything` is what was found before them. With a
        filter of tracks, spots without a track are left out as well.

    Raises
    ------
    UserError : for labels that are no 2-D movie, settings that the engine has not, and an engine
        that is not there.
    """
    own = settings is None
    settings = settings or default(engine)
    engine = choice.of(engine, settings)
    movie, image = pair(labelled(labels, settings.detector), image)
    if image is not None:
        movie = images.calibrated_like(movie, image)
        # Contours are in the labels' unit: what measures under them must go by the same.
        image = images.with_data(image, image.data, **asdict(images.calibration(movie)))
    if movie.sizes["T"] < 2:
        warnings.warn("there is one frame only: nothing to link", DataWarning, stacklevel=2)
    if not np.asarray(movie).any():
        warnings.warn("there is no object in the labels", DataWarning, stacklevel=2)
    if own:
        settings = linking_distance.fitted(settings, linking_distance.measured(movie))
    else:
        linking_distance.warn_of(settings, movie)
    bridge = choice.trackmate(engine, fiji) if engine in ("auto", "trackmate") else None
    name = ("embedded" if bridge is None else "trackmate") if engine == "auto" else engine
    way = _Way(name, bridge, fiji, python, image_path, progress, engine == "auto")
    if settings.split_fused:
        movie = undersegmentation.split(movie, progress=progress)
    if settings.fill_gaps:
        regions = gap_filling.fill(movie, progress=progress)
        return gap_filling.onto(_track(regions, image, settings, way), movie, image, progress)
    return _track(movie, image, settings, way)


def _track(
    movie: xr.DataArray, image: xr.DataArray | None, settings: TrackerSettings, way: _Way
) -> Tracks:
    """Track a label movie by the engine chosen, or by the embedded one where that may be."""
    try:
        return _by_engine(movie, image, settings, way)
    except NotEnoughMemory as error:
        if not way.changeable:
            raise
        text = f"{error.problem}; the embedded engine tracks instead"
        warnings.warn(text, DataWarning, stacklevel=3)
        return _by_engine(movie, image, settings, replace(way, engine="embedded", bridge=None))


def _by_engine(
    movie: xr.DataArray, image: xr.DataArray | None, settings: TrackerSettings, way: _Way
) -> Tracks:
    # TrackMate has no filters of links: with them its links are filtered here.
    if way.bridge is not None and not settings.edge_filters:
        return way.bridge.track(
            movie,
            image,
            settings,
            image_path=way.image_path,
            fiji=way.fiji,
            progress=way.progress,
        )
    spots, contours = find(movie, image, way.progress, settings.detector.simplify_contours)
    good = spots["quality"].to_numpy() >= settings.initial_spot_filter
    spots, contours = _rows(spots, contours, good)
    visible = filters.of_spots(spots, settings.spot_filters)
    detected = Detected(*_rows(spots, contours, visible), movie.sizes["T"])
    links = Links.none()
    if len(detected.spots):
        links = _links(detected, movie, image, settings, way)
    rows = np.flatnonzero(visible)
    links = Links(rows[links.sources], rows[links.targets], links.costs)
    found = build(spots, contours, links, movie, settings, way.engine, way.image_path)
    if settings.edge_filters and len(links.costs):
        kept = filters.of_links(declared.of_edges(found), settings.edge_filters)
        links = found.links.take(kept)
        found = build(spots, contours, links, movie, settings, way.engine, way.image_path)
    return _shown(found, visible)


def _links(
    detected: Detected,
    movie: xr.DataArray,
    image: xr.DataArray | None,
    settings: TrackerSettings,
    way: _Way,
) -> Links:
    """Links between the spots by the engine chosen."""
    if way.engine == "embedded":
        return TRACKERS[settings.tracker](detected, settings.settings, way.progress)

    def regions() -> xr.DataArray:
        shown = build(detected.spots, detected.contours, Links.none(), movie, settings, "")
        return shown.painted(np.arange(1, len(detected.spots) + 1))

    if way.bridge is not None:
        return _by_trackmate(regions(), image, settings, way)
    return trackers.link(
        way.engine,
        detected.spots,
        movie,
        regions,
        settings.settings,
        image=image,
        python=way.python,
        progress=way.progress,
    )


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
    labels: xr.DataArray, image: xr.DataArray | None, settings: TrackerSettings, way: _Way
) -> Links:
    """Links by a real TrackMate that is shown only the spots which pass the filters."""
    plain = settings.unfiltered()
    theirs = way.bridge.track(labels, image, plain, fiji=way.fiji, progress=way.progress)
    row = theirs.spots["label"].to_numpy() - 1
    return Links(row[theirs.links.sources], row[theirs.links.targets], theirs.links.costs)
