"""Track a label movie: choose the engine, detect spots, link them, filter tracks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl import images
from imagej_dl.errors import NotEnoughMemory, UserError, warn
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import features as declared
from imagej_dl.tracking import filters, gap_filling, linking_distance, strays, undersegmentation
from imagej_dl.tracking.detectors import labelled
from imagej_dl.tracking.label_movie import LabelMovie, pair
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.settings import TrackerSettings, default
from imagej_dl.tracking.spots import find, rows_of
from imagej_dl.tracking.trackers import Detected, registry
from imagej_dl.tracking.trackers.base import EMBEDDED, TRACKMATE
from imagej_dl.tracking.tracks import Tracks, build, masks_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TRACKERS = {key: tracker.link for key, tracker in registry.embedded().items()}
"""The link functions of the embedded engine: detected spots, settings and progress to links."""


@dataclass(frozen=True)
class _Run:
    """The engine of a run, and its options."""

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
    engine: str = "auto",
    image_path: Path | None = None,
    fiji: str | None = None,
    progress: Progress = silent,
    python: Path | None = None,
) -> Tracks:
    """Track the objects of a label movie.

    Parameters
    ----------
    labels : label movie with the axes T, Y, X and its calibration; or the input of the detector
        that the settings name.
    image : the movie itself, T, Y, X and channels; for intensities, and for the calibration of
        labels that have none.
    settings : detector, splitting of fused objects, gap filling, tracker and filters. Without
        them our own tracker where the engine is "auto", which uses the masks; else TrackMate's
        LAP tracker with splitting, or the foreign engine's own tracker, with distances by the
        size and motion of the objects (:func:`imagej_dl.tracking.linking_distance.measured`).
    engine : "auto", or one of :func:`imagej_dl.tracking.trackers.registry.engines`. "auto" is an
        engine that has the tracker of the settings: TrackMate if a Fiji with it is found and its
        memory suffices, else the embedded engine.
    image_path : the file that TrackMate's window opens with the tracks.
    fiji : the Fiji folder; that of the environment variable FIJI_HOME if it is None.
    python : the Python that has the library of a foreign engine; that of the environment variable
        IMAGEJ_DL_ENGINE_PYTHON (with the engine's name in capitals), or this one, if it is None.

    Returns
    -------
    tracks : the tracks that pass the filters; `everything` holds all. With a filter of tracks,
        spots without a track are left out as well.

    Raises
    ------
    UserError : for labels that are no 2-D movie, settings that the engine cannot run, and an
        engine that is not installed.
    """
    fit_distances = settings is None
    settings = settings or default(engine)
    engine = registry.engine_of(engine, settings.tracker)
    movie, image = pair(labelled(labels, settings.detector), image)
    if image is not None:
        movie = images.calibrated_like(movie, image)
        # Contours are in the labels' unit: intensities under them are measured by the same.
        image = images.with_data(image, image.data, **asdict(images.calibration(movie)))
    if movie.sizes["T"] < 2:
        warn("there is one frame only: nothing to link")
    if not np.asarray(movie).any():
        warn("there are no objects in the labels")
    if not fit_distances:
        linking_distance.warn_of(settings, movie)
    elif settings.has_distances:
        settings = linking_distance.fitted(settings, linking_distance.measured(movie))
    bridge = trackmate(engine, fiji) if engine in ("auto", TRACKMATE) else None
    name = (EMBEDDED if bridge is None else TRACKMATE) if engine == "auto" else engine
    run = _Run(name, bridge, fiji, python, image_path, progress, engine == "auto")
    checked = LabelMovie(movie)
    if settings.split_fused:
        checked = undersegmentation.split_movie(checked, progress=progress)
    if settings.fill_gaps:
        regions = LabelMovie(gap_filling.fill(checked, progress=progress))
        tracks = _track(regions, image, settings, run)
        tracks = gap_filling.onto(tracks, checked, image, progress)
    else:
        tracks = _track(checked, image, settings, run)
    if settings.fill_gaps or settings.split_fused:  # which number objects anew
        tracks = _as_labelled(tracks, np.asarray(movie))
    return tracks


def _as_labelled(tracks: Tracks, frames: np.ndarray) -> Tracks:
    """Return tracks whose spots have the labels of a label movie (T, Y, X), 0 where it has none."""
    flat = frames.reshape(len(frames), -1)
    spots = tracks.spots
    label = flat[spots["frame"].to_numpy(), spots["pixel"].to_numpy()]
    return replace(tracks, spots=spots.assign(label=label.astype(np.int64)))


def trackmate(engine: str, fiji: str | None) -> Any:
    """Return the bridge to TrackMate in a Fiji; None where "auto" has to do without it."""
    from imagej_dl.fiji import trackmate as bridge

    if bridge.available(fiji):
        return bridge
    if engine == TRACKMATE or fiji is not None:
        raise UserError(
            "there is no Fiji with TrackMate",
            path=fiji,
            remedy="Name its folder with --fiji or FIJI_HOME, or use --engine embedded.",
        )
    return None


def _track(
    movie: LabelMovie, image: xr.DataArray | None, settings: TrackerSettings, run: _Run
) -> Tracks:
    """Track by the engine of the run; by the embedded one if "auto" runs out of memory."""
    try:
        return _by_engine(movie, image, settings, run)
    except NotEnoughMemory as error:
        if not run.changeable:
            raise
        text = f"{error.problem}; the embedded engine tracks instead"
        warn(text)
        return _by_engine(movie, image, settings, replace(run, engine=EMBEDDED, bridge=None))


def _by_engine(
    movie: LabelMovie, image: xr.DataArray | None, settings: TrackerSettings, run: _Run
) -> Tracks:
    # TrackMate has no filters of links: with them its links are filtered here.
    if run.bridge is not None and not settings.edge_filters:
        return run.bridge.track(
            movie.data,
            image,
            settings,
            image_path=run.image_path,
            fiji=run.fiji,
            progress=run.progress,
        )
    spots, contours = find(movie, image, run.progress, settings.detector.simplify_contours)
    pieces: strays.Strays | None = None
    notes: tuple[str, ...] = ()
    if registry.trackers()[settings.tracker].joins_strays:
        spots, contours, pieces, notes = strays.joined(spots, contours, movie.frames)
    good = spots["quality"].to_numpy() >= settings.initial_spot_filter
    spots, contours = rows_of(spots, contours, good)
    visible = filters.of_spots(spots, settings.spot_filters)
    found = _links(*rows_of(spots, contours, visible), movie, image, settings, run)
    rows = np.flatnonzero(visible)
    if found.of_spots is not None:
        margin = np.full(len(spots), np.nan)
        margin[rows] = found.of_spots
        spots = spots.assign(margin=margin)
    links = Links(rows[found.sources], rows[found.targets], found.costs, found.margins)
    tracks = build(spots, contours, links, movie, settings, run.engine, run.image_path)
    if settings.edge_filters and len(links.costs):
        kept = filters.of_links(declared.of_edges(tracks), settings.edge_filters)
        links = tracks.links.take(kept)
        tracks = build(spots, contours, links, movie, settings, run.engine, run.image_path)
    tracks = replace(tracks, strays=pieces, notes=(*notes, *found.notes))
    return _filtered(tracks, visible)


def _links(
    spots: pd.DataFrame,
    contours: list[np.ndarray],
    movie: LabelMovie,
    image: xr.DataArray | None,
    settings: TrackerSettings,
    run: _Run,
) -> Links:
    """Return the links between spots by the engine of the run."""
    if not len(spots):
        return Links.none()

    def label_image() -> xr.DataArray:
        return build(spots, contours, Links.none(), movie, settings, "").numbered()

    if run.bridge is not None:
        return _by_trackmate(label_image(), image, settings, run)
    detected = detected_in(movie, spots, contours, label_image, image, run.python)
    tracker = registry.trackers()[settings.tracker]
    tracker.check(detected)
    return tracker.link(detected, settings.settings, run.progress)


def detected_in(
    movie: LabelMovie,
    spots: pd.DataFrame,
    contours: list[np.ndarray],
    label_image: Callable[[], xr.DataArray],
    image: xr.DataArray | None = None,
    python: Path | None = None,
) -> Detected:
    """Return the input of a tracker: the spots of a label movie, and what they were found in."""
    frames, rows, columns = movie.shape
    cal = movie.calibration
    return Detected(
        spots,
        contours,
        frames,
        (rows, columns),
        (cal.pixel_width, cal.pixel_height),
        lambda: np.asarray(label_image()),
        image,
        python,
        masks_of(movie, spots),
        "px" if cal.unit == "pixel" else cal.unit,
    )


def _by_trackmate(
    labels: xr.DataArray, image: xr.DataArray | None, settings: TrackerSettings, run: _Run
) -> Links:
    """Return the links of TrackMate, which sees only the spots that pass the filters."""
    plain = settings.unfiltered()
    theirs = run.bridge.track(labels, image, plain, fiji=run.fiji, progress=run.progress)
    row = theirs.spots["label"].to_numpy() - 1
    return Links(row[theirs.links.sources], row[theirs.links.targets], theirs.links.costs)


def _filtered(tracks: Tracks, visible: np.ndarray) -> Tracks:
    """Leave out the spots that are not visible, and the tracks that the filters hide."""
    track_filters = tracks.settings.track_filters
    ids = tracks.spots["track_id"].to_numpy()
    if track_filters:
        shown = np.zeros(int(ids.max(initial=-1)) + 1, bool)
        if len(shown):
            features = declared.of_tracks(tracks, declared.of_edges(tracks))
            shown[features["TRACK_ID"]] = filters.of_tracks(features, track_filters)
        visible = visible & np.append(shown, False)[ids]
    return tracks if visible.all() else tracks.only(visible)
