"""Our files in a real TrackMate, and what it saves of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import simulated

from imagej_dl import images, tracking
from imagej_dl.tracking.trackers import registry

pytestmark = pytest.mark.fiji


def _settings_seen(folder: str) -> dict[str, tuple[bool, str, dict, list, list]]:
    """What TrackMate reads of the settings in our files, one for each tracker and detector."""
    from scyjava import jimport

    from imagej_dl import fiji

    labels, image = simulated.movie(3, 5, 1)
    images.write(image, Path(folder, "movie.tif"))
    fiji.start()
    package = "fiji.plugin.trackmate"
    seen = {}
    for key in filter(registry.in_trackmate, tracking.TRACKERS):
        settings = _every_setting(key)
        tracks = tracking.track(
            labels, image, settings, "embedded", image_path=Path(folder, "movie.tif")
        )
        path = Path(folder, f"{key}.xml")
        tracking.write_trackmate(tracks, path)
        reader = jimport(f"{package}.io.TmXmlReader")(jimport("java.io.File")(str(path)))
        found = reader.readSettings(reader.readImage())
        tracker = {str(k): str(v) for k, v in dict(found.trackerSettings).items()}
        detector = {str(k): str(v) for k, v in dict(found.detectorSettings).items()}
        lists = [
            [[str(f.feature), float(f.value), bool(f.isAbove)] for f in group]
            for group in (found.getSpotFilters(), found.getTrackFilters())
        ]
        ok = bool(reader.isReadingOk()) and float(found.initialSpotFilterValue) == 3.0
        keys = f"{found.trackerFactory.getKey()} {found.detectorFactory.getKey()}"
        seen[key] = (ok, keys, tracker | detector, *lists)
    return seen


def _every_setting(key: str) -> Any:
    values = {"LINKING_MAX_DISTANCE": 21.0} if "OVERLAP" not in key else {"MIN_IOU": 0.125}
    name = "THRESHOLD_DETECTOR" if "LAP" in key else "MASK_DETECTOR"
    detector = {"DETECTOR_NAME": name, "SIMPLIFY_CONTOURS": False}
    return tracking.make_settings(
        key,
        values,
        detector=detector | ({"INTENSITY_THRESHOLD": 0.25} if "LAP" in key else {}),
        initial_spot_filter=3.0,
        spot_filters=[{"feature": "AREA", "value": 2.5}],
        track_filters=[{"feature": "TRACK_DURATION", "value": 9e9, "isabove": False}],
    )


def test_trackmate_reads_our_settings(own_process: Any, fiji_home: Path, tmp_path: Path) -> None:
    for key, (ok, keys, values, spots, tracks) in own_process(
        _settings_seen, str(tmp_path)
    ).items():
        settings = _every_setting(key)
        assert ok, key
        assert keys == f"{key} {settings.detector.detector_name}"
        assert values["SIMPLIFY_CONTOURS"].lower() == "false"
        for name, value in settings.settings.to_map().items():
            expected = "inf" if value == "Infinity" else str(value).lower()
            assert values[name].lower().replace("infinity", "inf") == expected, name
        assert spots == [["AREA", 2.5, True]]
        assert tracks == [["TRACK_DURATION", 9e9, False]]


def _edited(folder: str) -> tuple[dict, dict, list[str]]:
    """Open our file in TrackMate's reader, edit the model as its window does, save it."""
    from jpype.types import JDouble
    from scyjava import jimport

    from imagej_dl import fiji
    from imagej_dl.tracking import corrections

    labels, image = simulated.movie(8, 12, 3)
    images.write(image, Path(folder, "movie.tif"))
    tracks = tracking.track(labels, engine="embedded", image_path=Path(folder, "movie.tif"))
    tracking.write(tracks, Path(folder, "auto"))
    fiji.start()
    package, java = "fiji.plugin.trackmate", jimport("java.io.File")
    quiet = jimport(f"{package}.Logger").VOID_LOGGER

    def save(model: Any, settings: Any, name: str) -> None:
        writer = jimport(f"{package}.io.TmXmlWriter")(java(str(Path(folder, name))), quiet)
        writer.appendModel(model)
        writer.appendSettings(settings)
        writer.appendGUIState("ConfigureViews")
        writer.writeToFile()

    reader = jimport(f"{package}.io.TmXmlReader")(java(str(Path(folder, "auto", "tracks.xml"))))
    model = reader.getModel()
    settings = reader.readSettings(reader.readImage())
    save(model, settings, "same.xml")
    whole = jimport("java.lang.Integer")
    spots = sorted(model.getSpots().iterable(3, True), key=lambda spot: int(spot.ID()))
    model.beginUpdate()
    spots[0].putFeature("POSITION_X", JDouble(float(spots[0].getFeature("POSITION_X")) + 1.5))
    model.updateFeatures(spots[0])
    model.removeSpot(spots[1])
    model.addSpotTo(jimport(f"{package}.Spot")(60.0, 60.0, 0.0, 3.0, -1.0), whole(3))
    for edge in list(model.getTrackModel().edgesOf(spots[2]))[:1]:
        model.removeEdge(edge)
    model.endUpdate()
    save(model, settings, "edited.xml")
    automatic = corrections.read_automatic(Path(folder, "auto"))
    same = corrections.correct(tracking.read_trackmate(Path(folder, "same.xml")), automatic)
    edited = corrections.correct(tracking.read_trackmate(Path(folder, "edited.xml")), automatic)
    ours = tracking.read_trackmate(Path(folder, "auto", "tracks.xml")).edges
    theirs = tracking.read_trackmate(Path(folder, "same.xml")).edges
    lost = [] if ours.equals(theirs) else ["edges"]
    if tracking.read_settings(Path(folder, "same.xml")).in_unit("") != tracks.settings:
        lost.append("settings")
    return same.changes, edited.changes, lost


def test_what_trackmate_saves_comes_back(own_process: Any, fiji_home: Path, tmp_path: Path) -> None:
    same, edited, lost = own_process(_edited, str(tmp_path))
    assert lost == []
    assert same["spots kept"] == sum(same.values()) > 60
    assert edited["spots changed"] == edited["spots added"] == edited["spots deleted"] == 1
    assert edited["spots kept"] == same["spots kept"] - 2
    assert (edited["links made"], edited["links cut"]) == (0, 1)
