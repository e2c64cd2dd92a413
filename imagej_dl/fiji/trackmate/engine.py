"""Detection and tracking by TrackMate, step by step; each can be cancelled."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.errors import Cancelled, NotEnoughMemory, UserError
from imagej_dl.fiji import gateway
from imagej_dl.fiji.trackmate import filters, settings, spots
from imagej_dl.fiji.trackmate.log import Log
from imagej_dl.fiji.trackmate.settings import PACKAGE
from imagej_dl.filesystem import temporaries
from imagej_dl.progress import Progress, silent

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.tracking.settings import TrackerSettings
    from imagej_dl.tracking.tracks import Tracks

_LESS = "TrackMate does not have enough memory: track with --engine embedded, which needs less."


def track(
    labels: xr.DataArray,
    image: xr.DataArray | None,
    chosen: TrackerSettings,
    *,
    image_path: Path | None = None,
    fiji: str | None = None,
    progress: Progress = silent,
) -> Tracks:
    """Detect the labels' spots with TrackMate's label image detector, and track them.

    Parameters
    ----------
    labels : label movie (T, Y, X) with its calibration.
    image : the movie, for intensity features.
    chosen : tracker, settings, and filters of spots and tracks, which TrackMate applies; it
        has no filters of links. Distances are in the unit of the calibration.
    image_path : the movie's file, linked in TrackMate's file so that its window opens it.
    fiji : see :func:`imagej_dl.fiji.gateway.choose`.

    Returns
    -------
    tracks whose `file` is the TrackMate file, with the features of all analyzers and TrackMate's
    log, of which `progress` gets the last line of each step. Spots are numbered as by the
    embedded engine; TrackMate's own are matched to them by position. Spots that the filters hide
    are in `everything`.

    Raises
    ------
    UserError : with TrackMate's own error message; and when its spots differ from ours.
    NotEnoughMemory : when Java runs out of memory.
    Cancelled : when `progress` raises it; TrackMate is cancelled.
    """
    from imagej_dl.tracking.label_movie import LabelMovie
    from imagej_dl.tracking.spots import find
    from imagej_dl.tracking.tracks import build

    gateway.leave_ctrl_c()
    gateway.start(fiji)
    simple = chosen.detector.simplify_contours
    movie = LabelMovie.of(labels)
    table, contours = find(movie, image, progress, simple)
    good = np.flatnonzero(table["quality"].to_numpy() >= chosen.initial_spot_filter)
    table, contours = table.iloc[good].reset_index(drop=True), [contours[i] for i in good]
    log = Log()
    model, measured = _work(spots.low_ids(labels), image, chosen, image_path, log, progress)
    row = spots.match(table, model.getSpots())
    links = spots.links(model.getTrackModel(), row)
    tracks = build(table, contours, links, movie, chosen, "trackmate", image_path)
    shown = filters.shown(model, chosen, row) if chosen.filtered else None
    if shown is not None and not shown.all():
        tracks = tracks.only(shown)
    return replace(tracks, file=_file(model, measured, log))


def _work(
    labels: xr.DataArray,
    image: xr.DataArray | None,
    chosen: TrackerSettings,
    image_path: Path | None,
    log: Log,
    progress: Progress,
) -> tuple[Any, Any]:
    """Run TrackMate; return its model and its settings."""
    from scyjava import jimport

    trackmate = jimport(f"{PACKAGE}.TrackMate")
    model = jimport(f"{PACKAGE}.Model")()
    model.setLogger(log.logger)
    timed = float(labels.attrs.get("frame_interval", 0)) > 0
    model.setPhysicalUnits(labels.attrs.get("unit", "pixel"), "sec" if timed else "frame")
    detection = settings.make(labels, chosen)
    # Intensities are those of the movie, contours those of the labels: two images, one model.
    measured = detection if image is None else settings.make(image, chosen)
    if image_path is not None:
        measured.imageFileName = image_path.name
        measured.imageFolder = f"{image_path.resolve().parent}/"
    detecting, tracking = trackmate(model, detection), trackmate(model, measured)
    steps: list[tuple[str, Any, Callable[[], bool]]] = [
        ("spots", detecting, detecting.execDetection),
        ("filter", detecting, detecting.execInitialSpotFiltering),
        ("spot features", tracking, lambda: tracking.computeSpotFeatures(True)),
        ("spot filters", tracking, lambda: tracking.execSpotFiltering(False)),
        ("tracking", tracking, tracking.execTracking),
        ("link features", tracking, lambda: tracking.computeEdgeFeatures(True)),
        ("track features", tracking, lambda: tracking.computeTrackFeatures(True)),
        ("track filters", tracking, lambda: tracking.execTrackFiltering(False)),
    ]
    for name, engine, step in steps:
        if name == "spot filters":
            filters.check_spots(model, chosen)
        if name == "track filters":
            filters.check_tracks(model, chosen)
        if name == "tracking" and not model.getSpots().getNSpots(True):
            continue  # without spots a tracker fails
        _run(f"TrackMate: {name}", engine, step, log, progress)
        log.tell(progress)
    return model, measured


def _run(name: str, engine: Any, step: Callable[[], bool], log: Log, progress: Progress) -> None:
    """Run a step of TrackMate in a thread of its own, so that it can be cancelled."""
    import jpype

    done: list[bool] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            # A daemon, since an attached thread that stays hangs the end of the process.
            jpype.java.lang.Thread.attachAsDaemon()
            done.append(bool(step()))
        except Exception as error:
            failed.append(error)
        finally:
            if jpype.isJVMStarted():
                jpype.java.lang.Thread.detach()

    thread = threading.Thread(target=work, name=name, daemon=True)
    log.begin()
    progress(name, 0, 100)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
            # It is done when the thread ends: each part of a step counts up to 100 % by itself.
            progress(name, min(log.percent, 99), 100)
    except (Cancelled, KeyboardInterrupt) as cancelled:
        engine.cancel(str(cancelled) or "cancelled")
        thread.join()
        raise
    if failed or not done[0]:
        words = str(failed[0] if failed else engine.getErrorMessage())
        problem, cause = f"{name} failed: {words}", next(iter(failed), None)
        if "OutOfMemoryError" in words:
            raise NotEnoughMemory(problem, remedy=_LESS) from cause
        raise UserError(problem) from cause
    progress(name, 100, 100)


def _file(model: Any, measured: Any, log: Log) -> bytes:
    """Return the TrackMate file that TrackMate itself writes of its model."""
    from scyjava import jimport

    with tempfile.TemporaryDirectory(prefix=temporaries.prefix()) as folder:
        path = Path(folder, "tracks.xml")
        writer = jimport(f"{PACKAGE}.io.TmXmlWriter")(
            jimport("java.io.File")(str(path)), jimport(f"{PACKAGE}.Logger").VOID_LOGGER
        )
        writer.appendLog(f"Tracked by imagej-dl.\n{log.text}")
        writer.appendModel(model)
        writer.appendSettings(measured)
        writer.appendGUIState("ConfigureViews")
        display = jimport(f"{PACKAGE}.gui.displaysettings.DisplaySettings")
        writer.appendDisplaySettings(display.defaultStyle().copy())
        writer.writeToFile()
        return path.read_bytes()
