"""Detectors and filters: the embedded engine's and a real TrackMate's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulated

from imagej_dl import images, tracking
from imagej_dl.errors import UserError

pytestmark = pytest.mark.fiji


def _by_trackmate(folder: str) -> tuple[list, list]:
    """Threshold detector, whole contours, filters of all kinds: TrackMate's own, and ours."""
    from jpype.types import JBoolean, JDouble, JInt
    from scyjava import jimport

    from imagej_dl import fiji
    from imagej_dl.fiji.imageplus import to_imageplus

    labels, _ = simulated.movie(20, 40, 5)
    movie = images.with_data(labels, (np.asarray(labels) > 0) * np.float32(0.8))
    fiji.start()
    package = "fiji.plugin.trackmate"
    settings = jimport(f"{package}.Settings")(to_imageplus(movie))
    factory = jimport(f"{package}.detection.ThresholdDetectorFactory")()
    settings.detectorFactory = factory
    settings.detectorSettings = factory.getDefaultSettings()
    for key, value in (
        ("INTENSITY_THRESHOLD", JDouble(0.5)),
        ("SIMPLIFY_CONTOURS", JBoolean(False)),
        ("TARGET_CHANNEL", JInt(1)),
    ):
        settings.detectorSettings.put(key, value)
    settings.initialSpotFilterValue = JDouble(40.0)
    feature = jimport(f"{package}.features.FeatureFilter")
    settings.addSpotFilter(feature("CIRCULARITY", 0.5, True))
    settings.addSpotFilter(feature("AREA", 150.0, False))
    settings.addTrackFilter(feature("NUMBER_SPOTS", 5.0, True))
    tracker = jimport(f"{package}.tracking.jaqaman.SparseLAPTrackerFactory")()
    settings.trackerFactory = tracker
    settings.trackerSettings = tracker.getDefaultSettings()
    settings.addAllAnalyzers()
    model = jimport(f"{package}.Model")()
    model.setLogger(jimport(f"{package}.Logger").VOID_LOGGER)
    engine = jimport(f"{package}.TrackMate")(model, settings)
    assert engine.process(), engine.getErrorMessage()
    writer = jimport(f"{package}.io.TmXmlWriter")(
        jimport("java.io.File")(str(Path(folder, "theirs.xml"))),
        jimport(f"{package}.Logger").VOID_LOGGER,
    )
    writer.appendModel(model)
    writer.appendSettings(settings)
    writer.writeToFile()
    theirs = tracking.read_trackmate(Path(folder, "theirs.xml"))
    ours = tracking.track(
        movie, settings=tracking.read_settings(Path(folder, "theirs.xml")), engine="embedded"
    )
    both = []
    for tracks in (theirs, ours):
        place = tracks.spots[["frame", "x", "y", "quality", "area"]].to_numpy().round(6)
        links = tracks.links
        both.append(
            [
                place.tolist(),
                sorted(zip(links.sources.tolist(), links.targets.tolist(), strict=True)),
                len(tracks.everything.spots if tracks.everything else ()),
            ]
        )
    return both[0], both[1]


def test_detector_and_filters_agree(own_process: Any, fiji_home: Path, tmp_path: Path) -> None:
    theirs, ours = own_process(_by_trackmate, str(tmp_path))
    assert len(theirs[1]) > 100
    assert theirs[2] > len(theirs[0])
    assert theirs == ours


FILTERS: dict[str, dict[str, Any]] = {
    "spots": {"spot_filters": [{"feature": "AREA", "value": 60}]},
    "quality": {"initial_spot_filter": 120.0},
    "tracks": {"track_filters": [{"feature": "NUMBER_SPOTS", "value": 12}]},
    "intensity": {
        "spot_filters": [{"feature": "MEAN_INTENSITY_CH1", "value": 2500, "isabove": False}],
        "track_filters": [{"feature": "TRACK_DISPLACEMENT", "value": 9, "isabove": False}],
    },
    "links": {
        "initial_spot_filter": 60.0,
        "spot_filters": [{"feature": "AREA", "value": 60}],
        "edge_filters": [{"feature": "SPEED", "value": 0.02, "isabove": False}],
        "track_filters": [{"feature": "NUMBER_SPOTS", "value": 4}],
    },
    "nothing left": {"spot_filters": [{"feature": "AREA", "value": 1e9}]},
}


def _filtered(folder: str) -> dict[str, Any]:
    labels, image = simulated.movie(20, 40, 6)
    seen: dict[str, Any] = {}
    for name, filters in FILTERS.items():
        settings = tracking.make_settings(
            "KALMAN_TRACKER", detector={"SIMPLIFY_CONTOURS": False}, **filters
        )
        notes = simulated.Notes()
        both, files = [], []
        for engine in ("trackmate", "embedded"):
            tracks = tracking.track(labels, image, settings, engine, progress=notes)  # type: ignore[arg-type]
            everything = tracks.everything or tracks
            spots = tracks.spots[["id", "frame", "label"]].to_numpy().tolist()
            edges = tracks.edges.round(9).to_numpy().tolist()
            both.append([spots, edges, tracks.counts, everything.counts])
            files.append(tracks.file)
        seen[name] = {"both": both, "native": files[0] is not None, "notes": notes.said}
        if files[0] is not None:
            path = Path(folder, f"{name}.xml")
            path.write_bytes(files[0])
            back = tracking.read_trackmate(path)
            same = (back.settings == settings, back.counts, (back.everything or back).counts)
            seen[name]["file"] = (*same, "ound 952 spots" in path.read_text(encoding="utf-8"))
    wrong = tracking.make_settings(
        "KALMAN_TRACKER", spot_filters=[{"feature": "BEAUTY", "value": 1}]
    )
    try:
        tracking.track(labels, image, wrong, "trackmate")
    except UserError as error:
        seen["wrong"] = str(error)
    return seen


def test_filters_with_both_engines(own_process: Any, fiji_home: Path, tmp_path: Path) -> None:
    """Filters of spots and tracks are TrackMate's own there, and so is the file."""
    seen = own_process(_filtered, str(tmp_path))
    assert "spots have no feature BEAUTY" in seen.pop("wrong")
    for name, found in seen.items():
        theirs, ours = found["both"]
        assert theirs == ours, name
        shown, everything = theirs[2], theirs[3]
        assert shown["links"] > 100 or name == "nothing left", name
        assert found["native"] == (name != "links")
        if name == "quality":
            assert shown["spots"] < 940  # what this filter drops is nowhere
        else:
            assert shown["spots"] < everything["spots"], name
        if found["native"]:
            assert found["file"] == (True, shown, everything, True), name
    assert any("TrackMate: " in note for note in seen["spots"]["notes"])
