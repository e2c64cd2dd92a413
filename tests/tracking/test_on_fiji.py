"""The embedded engine against a real TrackMate on movies that no golden knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagej_dl import images, simulation, tracking
from imagej_dl.errors import UserError
from imagej_dl.tracking import declared

pytestmark = pytest.mark.fiji

CHOSEN = {
    "lap": ("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_SPLITTING": True, "ALLOW_TRACK_MERGING": True}),
    "kalman": ("KALMAN_TRACKER", {}),
    "advanced": (
        "ADVANCED_KALMAN_TRACKER",
        {"ALLOW_TRACK_SPLITTING": True, "LINKING_FEATURE_PENALTIES": {"AREA": 1.0}},
    ),
    "overlap": ("OVERLAP_TRACKER", {}),
    "boxes": (
        "OVERLAP_TRACKER",
        {"IOU_CALCULATION": "FAST", "SCALE_FACTOR": 1.5, "MIN_IOU": 0.05},
    ),
}


def _movie(frames: int, cells: int, seed: int) -> tuple[Any, Any]:
    """A simulated movie whose labels lack one object in twenty."""
    found = simulation.movie(frames, (512, 512), cells, seed)
    labels = np.array(found.labels)
    rng = np.random.default_rng(seed)
    for frame in labels:
        ids = np.unique(frame)[1:]
        frame[np.isin(frame, rng.choice(ids, len(ids) // 20, replace=False))] = 0
    return images.with_data(found.labels, labels), found.image


def _agree(folder: str, frames: int, cells: int, names: list[str]) -> dict[str, tuple]:
    labels, one = _movie(frames, cells, 77)
    second = 60_000 - np.asarray(one)  # of another brightness
    image = images.with_data(one, np.stack([np.asarray(one), second], axis=1), "TCYX")
    seen = {}
    for name in names:
        key, values = CHOSEN[name]
        settings = tracking.make_settings(key, values)
        theirs, ours = (
            tracking.track(labels, image, settings, engine)  # type: ignore[arg-type]
            for engine in ("trackmate", "embedded")
        )
        pairs = [
            list(zip(t.edges["source"], t.edges["target"], strict=True)) for t in (theirs, ours)
        ]
        path = Path(folder, f"{name}.xml")
        path.write_bytes(theirs.file or b"")
        worst = _worst(tracking.read_trackmate(path), ours) if pairs[0] == pairs[1] else np.inf
        seen[name] = (len(pairs[0]), pairs[0] == pairs[1], worst)
    return seen


def _worst(theirs: Any, ours: Any) -> float:
    """The largest relative difference of any feature of spots, of any but a few."""
    found = []
    _, table = declared.of_spots(ours)
    for key in table.columns.difference(["VISIBILITY", "ELLIPSE_THETA"]):
        name = {"POSITION_X": "x", "POSITION_Y": "y", "POSITION_Z": "z", "POSITION_T": "t"}
        a = table[key].to_numpy(float)
        b = theirs.spots[name.get(str(key), str(key).lower())].to_numpy(float)
        scale = np.maximum(np.abs(b), np.nanmean(np.abs(b)) + 1e-12)
        found.append(float(np.nanmax(np.abs(a - b) / scale)))
    return max(found)


@pytest.mark.parametrize(
    ("frames", "cells", "names"), [(60, 100, ["lap"]), (24, 60, [n for n in CHOSEN if n != "lap"])]
)
def test_every_edge_and_feature_agree(
    own_process: Any, fiji_home: Path, tmp_path: Path, frames: int, cells: int, names: list[str]
) -> None:
    found = own_process(_agree, str(tmp_path), frames, cells, names)
    for name, (edges, same, worst) in found.items():
        assert edges > 0.8 * (frames - 1) * cells, name
        assert same, name
        assert worst < 1e-3, name


def _by_trackmate(folder: str) -> tuple[list, list]:
    """Threshold detector, whole contours, filters of all kinds: TrackMate's own, and ours."""
    from jpype.types import JBoolean, JDouble, JInt
    from scyjava import jimport

    from imagej_dl import fiji
    from imagej_dl.fiji.imageplus import to_imageplus

    labels, _ = _movie(20, 40, 5)
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


class _Notes:
    """A listener that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, stage: str, done: int, total: int) -> None:
        pass

    def note(self, text: str) -> None:
        self.said.append(text)


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
    labels, image = _movie(20, 40, 6)
    seen: dict[str, Any] = {}
    for name, filters in FILTERS.items():
        settings = tracking.make_settings(
            "KALMAN_TRACKER", detector={"SIMPLIFY_CONTOURS": False}, **filters
        )
        notes = _Notes()
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


def _settings_seen(folder: str) -> dict[str, tuple[bool, str, dict, list, list]]:
    """What TrackMate reads of the settings in our files, one for each tracker and detector."""
    from scyjava import jimport

    from imagej_dl import fiji

    labels, image = _movie(3, 5, 1)
    images.write(image, Path(folder, "movie.tif"))
    fiji.start()
    package = "fiji.plugin.trackmate"
    seen = {}
    for key in tracking.TRACKERS:
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

    labels, image = _movie(8, 12, 3)
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
    if tracking.read_settings(Path(folder, "same.xml")) != tracks.settings:
        lost.append("settings")
    return same.changes, edited.changes, lost


def test_what_trackmate_saves_comes_back(own_process: Any, fiji_home: Path, tmp_path: Path) -> None:
    same, edited, lost = own_process(_edited, str(tmp_path))
    assert lost == []
    assert same["spots kept"] == sum(same.values()) > 60
    assert edited["spots changed"] == edited["spots added"] == edited["spots deleted"] == 1
    assert edited["spots kept"] == same["spots kept"] - 2
    assert (edited["links made"], edited["links cut"]) == (0, 1)
