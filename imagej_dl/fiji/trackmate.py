"""TrackMate of the user's Fiji, versions 7 and 8: detection, tracking, its file, its window."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.errors import Cancelled, UserError
from imagej_dl.fiji import gateway, trackmate_filters
from imagej_dl.fiji.imageplus import to_imageplus
from imagej_dl.progress import Progress, note, silent

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from imagej_dl.tracking.costs import Links
    from imagej_dl.tracking.settings import TrackerSettings
    from imagej_dl.tracking.tracks import Tracks

_PACKAGE = "fiji.plugin.trackmate"
_DETECTOR = f"{_PACKAGE}.detection.LabelImageDetectorFactory"


def available(fiji: str | None = None) -> bool:
    """Say whether there is a Fiji with TrackMate; starts it, if one is named at all."""
    if gateway.choose(fiji)[0] == "embedded" and not gateway.is_running():
        return False
    gateway.start(fiji)
    return version() is not None


def version() -> str | None:
    """Return the version of the running Fiji's TrackMate, None where it has none."""
    from scyjava import jimport

    try:
        return str(jimport(f"{_PACKAGE}.TrackMate").PLUGIN_NAME_VERSION)
    except TypeError:  # JPype's word for a class that is not there
        return None


def track(
    labels: xr.DataArray,
    image: xr.DataArray | None,
    settings: TrackerSettings,
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
    settings : tracker, settings, and filters of spots and tracks, which TrackMate applies; it
        has none of links. Distances are in the unit of the calibration.
    image_path : the movie's file, linked in TrackMate's file so that its window opens it.
    fiji : see :func:`imagej_dl.fiji.gateway.choose`.

    Returns
    -------
    tracks whose `file` is the TrackMate file, with the features of all analyzers and TrackMate's
    log, of which `progress` is told the last line of each step. Spots are numbered as by the
    embedded engine; TrackMate's own are matched to them by position. What the filters hide is in
    `everything`.

    Raises
    ------
    UserError : what TrackMate refuses, in its own words; and when its spots are others.
    Cancelled : when `progress` raises it; TrackMate is told to stop.
    """
    from imagej_dl.tracking.spots import find
    from imagej_dl.tracking.tracks import build

    gateway.start(fiji)
    simple = settings.detector.simplify_contours
    spots, contours = find(labels, image, progress, simple)
    good = np.flatnonzero(spots["quality"].to_numpy() >= settings.initial_spot_filter)
    spots, contours = spots.iloc[good].reset_index(drop=True), [contours[i] for i in good]
    model, measured = _work(labels, image, settings, image_path, progress)
    row = _match(spots, model.getSpots())
    links = _links(model.getTrackModel(), row)
    tracks = build(spots, contours, links, labels, settings, "trackmate", image_path)
    shown = trackmate_filters.shown(model, settings, row) if settings.filtered else None
    if shown is not None and not shown.all():
        tracks = tracks.only(shown)
    return replace(tracks, file=_file(model, measured))


def _work(
    labels: xr.DataArray,
    image: xr.DataArray | None,
    settings: TrackerSettings,
    image_path: Path | None,
    progress: Progress,
) -> tuple[Any, Any]:
    """Run TrackMate; return its model and its settings."""
    from scyjava import jimport

    trackmate = jimport(f"{_PACKAGE}.TrackMate")
    model = jimport(f"{_PACKAGE}.Model")()
    model.setLogger(jimport(f"{_PACKAGE}.Logger$StringBuilderLogger")())
    model.setPhysicalUnits(labels.attrs.get("unit", "pixel"), "sec")
    detection = _settings(labels, settings)
    # Intensities are those of the movie, contours those of the labels: two images, one model.
    measured = detection if image is None else _settings(image, settings)
    if image_path is not None:
        measured.imageFileName = image_path.name
        measured.imageFolder = f"{image_path.resolve().parent}/"
    finder, worker = trackmate(model, detection), trackmate(model, measured)
    steps: list[tuple[str, Any, Callable[[], bool]]] = [
        ("TrackMate: spots", finder, finder.execDetection),
        ("TrackMate: filter", finder, finder.execInitialSpotFiltering),
        ("TrackMate: spot features", worker, lambda: worker.computeSpotFeatures(False)),
        ("TrackMate: spot filters", worker, lambda: worker.execSpotFiltering(False)),
        ("TrackMate: tracking", worker, worker.execTracking),
        ("TrackMate: link features", worker, lambda: worker.computeEdgeFeatures(False)),
        ("TrackMate: track features", worker, lambda: worker.computeTrackFeatures(False)),
        ("TrackMate: track filters", worker, lambda: worker.execTrackFiltering(False)),
    ]
    said = 0
    for name, engine, step in steps:
        if name == "TrackMate: spot filters":
            trackmate_filters.check_spots(model, settings)
        if name == "TrackMate: track filters":
            trackmate_filters.check_tracks(model, settings)
        if name == "TrackMate: tracking" and not model.getSpots().getNSpots(True):
            continue  # a tracker refuses to be given none
        _run(name, engine, step, progress)
        log = str(model.getLogger().toString())
        if lines := log[said:].strip():
            note(progress, f"TrackMate: {lines.splitlines()[-1].strip()}")
        said = len(log)
    return model, measured


def start_window(fiji: str | None = None) -> None:
    """Start a Fiji with TrackMate so that windows can be opened.

    Raises
    ------
    UserError : where there is no screen, no Fiji, or none with TrackMate.
    """
    if gateway.choose(fiji)[0] == "embedded" and not gateway.is_running():
        raise UserError(
            "TrackMate's window needs a Fiji with TrackMate, and none is named",
            remedy="Name its folder with --fiji or FIJI_HOME; tracks.xml opens in any other "
            "Fiji by Plugins > Tracking > Load a TrackMate file.",
        )
    gateway.start(fiji, display=True)
    if version() is None:
        raise UserError(
            "this Fiji has no TrackMate", path=fiji, remedy="Install it with Fiji's updater."
        )


def wait_until_closed() -> None:
    """Return when the user has closed ImageJ, or TrackMate's windows and all images."""
    from scyjava import jimport

    ij, window = jimport("ij.IJ"), jimport("java.awt.Window")
    # Swing opens TrackMate's window on its own thread, a moment later.
    patience = time.monotonic() + 10
    opened = False
    while (main := ij.getInstance()) is not None:
        others = [w for w in window.getWindows() if w.isVisible() and not w.equals(main)]
        opened |= any("TrackMate" in str(getattr(w, "getTitle", str)()) for w in others)
        if not others and (opened or time.monotonic() > patience):
            return
        time.sleep(0.2)


def open_window(xml: Path) -> None:
    """Open a TrackMate file in TrackMate's window, with the image that it names."""
    from scyjava import jimport

    jimport(f"{_PACKAGE}.LoadTrackMatePlugIn")().run(str(xml.resolve()))
    # A 16-bit image is black until its display range fits what is in it.
    for imp_id in jimport("ij.WindowManager").getIDList() or ():
        imp = jimport("ij.WindowManager").getImage(imp_id)
        imp.resetDisplayRange()
        imp.updateAndDraw()


def _settings(image: xr.DataArray, settings: TrackerSettings) -> Any:
    from scyjava import jimport

    made = jimport(f"{_PACKAGE}.Settings")(to_imageplus(image))
    detector = jimport(_DETECTOR)()
    made.detectorFactory = detector
    simple = {"SIMPLIFY_CONTOURS": settings.detector.simplify_contours}
    made.detectorSettings = _java_map(detector.getDefaultSettings(), simple)
    factory = jimport(f"{_PACKAGE}.providers.TrackerProvider")().getFactory(settings.tracker)
    if factory is None:
        raise UserError(f"this TrackMate ({version()}) has no tracker {settings.tracker}")
    made.trackerFactory = factory
    made.trackerSettings = _java_map(factory.getDefaultSettings(), settings.settings.to_map())
    made.addAllAnalyzers()
    trackmate_filters.add(made, settings)
    return made


def _java_map(defaults: Any, values: Mapping[str, Any]) -> Any:
    """Fill TrackMate's settings map with our values, each in the Java type of its default.

    TrackMate looks at the class: a Long where it wants an Integer is refused.
    """
    import jpype
    from jpype.types import JBoolean, JDouble, JInt, JString
    from scyjava import jimport

    for key, value in values.items():
        default = defaults.get(key)
        kind = str(default.getClass().getSimpleName()) if default is not None else ""
        if isinstance(value, Mapping):
            boxed = jimport("java.util.HashMap")()
            for name, weight in value.items():
                boxed.put(name, JDouble(weight))
        elif isinstance(value, bool) or kind == "Boolean":
            boxed = jpype.JObject(bool(value), JBoolean)
        elif kind == "Integer":
            boxed = jpype.JObject(int(value), JInt)
        elif kind == "Double" or isinstance(value, (int, float)) or value == "Infinity":
            boxed = jpype.JObject(float(value), JDouble)
        else:
            boxed = JString(str(value))
        defaults.put(key, boxed)
    return defaults


def _run(name: str, engine: Any, step: Callable[[], bool], progress: Progress) -> None:
    """Run a step of TrackMate's beside us, so that it can be cancelled while it works."""
    import jpype

    done: list[bool] = []
    failed: list[Exception] = []

    def work() -> None:
        # A daemon, since an attached thread that stays hangs the end of the process.
        jpype.java.lang.Thread.attachAsDaemon()
        try:
            done.append(bool(step()))
        except Exception as error:
            failed.append(error)
        finally:
            jpype.java.lang.Thread.detach()

    thread = threading.Thread(target=work, name=name, daemon=True)
    progress(name, 0, 1)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        try:
            progress(name, 0, 1)
        except Cancelled as cancelled:
            if engine is not None and hasattr(engine, "cancel"):
                engine.cancel(str(cancelled))
            thread.join()
            raise
    if failed:
        raise UserError(f"{name} failed: {failed[0]}") from failed[0]
    if not done[0]:
        raise UserError(f"{name} failed: {engine.getErrorMessage()}")
    progress(name, 1, 1)


def _match(spots: pd.DataFrame, collection: Any) -> dict[int, int]:
    """Return, for the ID of each of TrackMate's spots, the row of our spot at the same place."""
    from scipy.spatial import cKDTree

    theirs = [
        (
            int(s.ID()),
            int(s.getFeature("FRAME")),
            s.getDoublePosition(0),
            s.getDoublePosition(1),
        )
        for s in collection.iterable(False)
    ]
    if len(theirs) != len(spots):
        raise _other_spots(f"it found {len(theirs)} spots, imagej-dl {len(spots)}")
    pairs: dict[int, int] = {}
    table = np.array([(float(i), f, x, y) for i, f, x, y in theirs]).reshape(-1, 4)
    for key, group in spots.reset_index(drop=True).groupby("frame"):
        frame = int(str(key))
        there = table[table[:, 1] == frame]
        tree = cKDTree(group[["x", "y"]].to_numpy())
        distance, index = tree.query(there[:, 2:])
        if len(there) != len(group) or len(set(index.tolist())) != len(group):
            raise _other_spots(f"it found {len(there)} in frame {frame + 1}, not {len(group)}")
        if distance.max() > 1e-6 * (1 + there.max()):
            raise _other_spots(f"those of frame {frame + 1} lie elsewhere")
        rows = group.index.to_numpy()[index]
        pairs |= dict(zip(there[:, 0].astype(int).tolist(), rows.tolist(), strict=True))
    return pairs


def _other_spots(how: str) -> UserError:
    return UserError(
        f"the spots of this TrackMate ({version()}) are not those of the labels: {how}",
        remedy="Track with --engine embedded, which needs no TrackMate.",
    )


def _links(tracks: Any, row: dict[int, int]) -> Links:
    """Return TrackMate's links between the rows of our spots table, forward in time."""
    from imagej_dl.tracking.costs import Links

    found = []
    for edge in tracks.edgeSet():
        ends = (tracks.getEdgeSource(edge), tracks.getEdgeTarget(edge))
        early, late = sorted(ends, key=lambda spot: float(spot.getFeature("FRAME")))
        pair = row[int(early.ID())], row[int(late.ID())]
        found.append((*pair, float(tracks.getEdgeWeight(edge))))
    table = np.array(found).reshape(-1, 3)
    return Links(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2])


def _file(model: Any, settings: Any) -> bytes:
    """Return the TrackMate file that TrackMate itself writes of its model."""
    from scyjava import jimport

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tracks.xml")
        writer = jimport(f"{_PACKAGE}.io.TmXmlWriter")(
            jimport("java.io.File")(str(path)), jimport(f"{_PACKAGE}.Logger").VOID_LOGGER
        )
        writer.appendLog(f"Tracked by imagej-dl.\n{model.getLogger()}")
        writer.appendModel(model)
        writer.appendSettings(settings)
        writer.appendGUIState("ConfigureViews")
        display = jimport(f"{_PACKAGE}.gui.displaysettings.DisplaySettings")
        writer.appendDisplaySettings(display.defaultStyle().copy())
        writer.writeToFile()
        return path.read_bytes()
