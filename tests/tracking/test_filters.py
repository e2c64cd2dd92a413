"""Detectors and filters: what they let through, what files say of them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import lineages
import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import UserError
from imagej_dl.tracking import detectors, features, filters, settings


def _made(**others):
    return settings.make("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_SPLITTING": True}, **others)


def _filter(feature, value, isabove=True):
    return {"feature": feature, "value": value, "isabove": isabove}


def test_values_at_the_bound_pass():
    spots = pd.DataFrame({"area": [1.0, 2.0, 3.0, np.nan]})
    above = filters.of_spots(spots, [filters.Filter(feature="AREA", value=2)])
    below = filters.of_spots(spots, [filters.Filter(feature="AREA", value=2, isabove=False)])
    assert above.tolist() == [False, True, True, True]
    assert below.tolist() == [True, True, False, False]
    table = spots.rename(columns=str.upper)
    assert filters.of_tracks(table, [filters.Filter(feature="AREA", value=2, isabove=False)]).all(
        where=[True, True, False, True]
    )


@pytest.mark.parametrize("kind", ["spot", "edge", "track"])
def test_unknown_features_are_named_with_the_known(kind):
    chosen = _made(**{f"{kind}_filters": [_filter("ARREA", 1)]})
    with pytest.raises(UserError, match=r"no feature ARREA.*Known are"):
        tracking.track(lineages.gap(), settings=chosen, engine="embedded")


@pytest.mark.slow
def test_spot_filter_before_tracking(shared_data):
    labels = images.read(shared_data / "movie" / "detections.tif")
    whole = tracking.track(labels, engine="embedded")
    middle = float(whole.spots["area"].median())
    chosen = _made(spot_filters=[_filter("AREA", middle), _filter("CIRCULARITY", 0.9, False)])
    found = tracking.track(labels, settings=chosen, engine="embedded")
    expected = whole.spots[(whole.spots["area"] >= middle) & (whole.spots["circularity"] <= 0.9)]
    assert found.spots["id"].tolist() == expected["id"].tolist()
    # It is as if the objects had never been there.
    alone = whole.painted(np.where(whole.spots["id"].isin(expected["id"]), 1, 0))
    again = tracking.track(labels.where(alone > 0, 0), settings=_made(), engine="embedded")
    links = [list(zip(t.links.sources, t.links.targets, strict=True)) for t in (found, again)]
    assert links[0] == links[1]
    assert len(found.everything.spots) == len(whole.spots)


def test_quality_drops_spots_for_good():
    labels = lineages.division()
    area = tracking.track(labels, engine="embedded").spots["quality"].min()
    chosen = settings.make("SPARSE_LAP_TRACKER", initial_spot_filter=float(area) + 1)
    found = tracking.track(labels, settings=chosen, engine="embedded")
    assert len(found.spots) == 0
    assert found.everything is None
    assert found.tracked().max() == 0


def test_edge_filter_cuts_links():
    labels = lineages.movie({1: (10, 10)}, {1: (11, 10)}, {1: (21, 10)}, {1: (22, 10)})
    chosen = _made(edge_filters=[_filter("DISPLACEMENT", 5, False)])
    found = tracking.track(labels, settings=chosen, engine="embedded")
    assert found.counts["tracks"] == 2
    assert found.spots["track_id"].tolist() == [0, 0, 1, 1]


def test_track_filter_hides_tracks_and_lone_spots(tmp_path):
    labels = lineages.movie(
        {1: (5, 5), 2: (30, 30)}, {1: (5, 5), 2: (30, 30)}, {1: (5, 5)}, {1: (5, 5), 3: (45, 45)}
    )
    chosen = _made(track_filters=[_filter("NUMBER_SPOTS", 3)])
    tracks = tracking.track(labels, settings=chosen, engine="embedded")
    assert tracks.counts["tracks"] == 1
    assert set(tracks.spots["label"]) == {1}
    assert tracks.everything.counts["tracks"] == 2
    tracking.write(tracks, tmp_path / "out")
    assert set(np.unique(images.read(tmp_path / "out" / "tracked.tif"))) == {0, 1}
    root = ET.parse(tmp_path / "out" / "tracks.xml").getroot()
    assert len(root.findall("Model/AllTracks/Track")) == 2
    assert len(root.findall("Model/FilteredTracks/TrackID")) == 1
    assert root.find("Settings/TrackFilterCollection/Filter").attrib == {
        "feature": "NUMBER_SPOTS", "value": "3.0", "isabove": "true",
    }  # fmt: skip
    back = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    pd.testing.assert_frame_equal(back.edges, tracks.edges)
    assert back.spots["id"].tolist() == tracks.spots["id"].tolist()
    assert back.settings == chosen
    assert len(back.everything.spots) == 7


def test_hidden_spots_are_written_and_read(tmp_path):
    labels = lineages.gap()
    chosen = _made(spot_filters=[_filter("POSITION_X", 20)])
    tracks = tracking.track(labels, settings=chosen, engine="embedded")
    tracking.write_trackmate(tracks, tmp_path / "tracks.xml")
    spots = ET.parse(tmp_path / "tracks.xml").getroot().findall(".//Spot")
    assert sorted(s.get("VISIBILITY") for s in spots) == ["0"] * 4 + ["1"] * 5
    back = tracking.read_trackmate(tmp_path / "tracks.xml")
    assert len(back.spots) == 5
    tracking.write_trackmate(back, tmp_path / "again.xml")
    assert tracking.read_trackmate(tmp_path / "again.xml").counts == back.counts


def test_settings_survive_as_json_and_xml(tmp_path):
    chosen = _made(
        detector={"DETECTOR_NAME": "THRESHOLD_DETECTOR", "INTENSITY_THRESHOLD": 0.5},
        initial_spot_filter=12,
        spot_filters=[_filter("AREA", 5.5)],
        edge_filters=[_filter("SPEED", 2, False)],
        track_filters=[_filter("TRACK_DURATION", 60)],
    )
    (tmp_path / "a.json").write_text(json.dumps(chosen.to_json()))
    assert tracking.read_settings(tmp_path / "a.json") == chosen
    labels = lineages.gap()
    tracks = tracking.track(labels > 0, settings=chosen, engine="embedded")
    tracking.write(tracks, tmp_path / "out")
    assert tracking.read_settings(tmp_path / "out" / "settings.json") == chosen.in_unit("µm")
    assert tracking.read_settings(tmp_path / "out" / "tracks.xml") == chosen.in_unit("µm")


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"detector": {"DETECTOR_NAME": "MASK_DETEKTOR"}}, "Did you mean MASK_DETECTOR"),
        ({"detector": {"INTENSITY_THRESHOLD": 1}}, "INTENSITY_THRESHOLD"),
        ({"spot_filters": [{"feature": "AREA"}]}, r"spot_filters.0.value"),
        ({"spot_filters": [{"feature": "AREA", "value": 1, "above": True}]}, "above"),
        ({"spot_filter": []}, "unknown key 'spot_filter'"),
    ],
)
def test_wrong_settings_are_named(tmp_path, others, words):
    path = tmp_path / "lap.json"
    path.write_text(json.dumps({"tracker": "SPARSE_LAP_TRACKER", **others}))
    with pytest.raises(UserError, match=words):
        tracking.read_settings(path)


def test_xml_of_an_unknown_tracker_gives_no_settings(tmp_path):
    path = tmp_path / "tracks.xml"
    path.write_text(
        "<TrackMate version='8.0'><Settings><TrackerSettings TRACKER_NAME='MANUAL_TRACKER'/>"
        "</Settings></TrackMate>"
    )
    with pytest.raises(UserError, match="unknown tracker 'MANUAL_TRACKER'"):
        tracking.read_settings(path)
    path.write_text("<TrackMate version='8.0'><Model/></TrackMate>")
    with pytest.raises(UserError, match="no settings of a tracker"):
        tracking.read_settings(path)


@pytest.mark.parametrize("name", ["MASK_DETECTOR", "THRESHOLD_DETECTOR"])
def test_mask_and_threshold_find_the_objects(name):
    labels = lineages.division()
    movie = images.with_data(labels, (np.asarray(labels) > 0) * np.float32(0.8))
    two = np.stack([np.asarray(movie) * 0, np.asarray(movie)], axis=1)
    channels = images.make(two, "TCYX", unit="µm", frame_interval=60.0)
    whole = tracking.track(labels, engine="embedded")
    for given, channel in ((movie, 1), (channels, 2)):
        detector = {"DETECTOR_NAME": name, "TARGET_CHANNEL": channel}
        if name == "THRESHOLD_DETECTOR":
            detector["INTENSITY_THRESHOLD"] = 0.5
        found = tracking.track(given, settings=_made(detector=detector), engine="embedded")
        assert found.counts == whole.counts
        np.testing.assert_array_equal(found.spots[["x", "y"]], whole.spots[["x", "y"]])


def test_threshold_is_open_and_pixels_at_corners_are_apart():
    frame = np.zeros((1, 20, 20), np.float32)
    frame[0, 2:8, 2:8] = frame[0, 8:14, 8:14] = 0.6
    frame[0, 15:, 15:] = 0.5
    movie = images.make(frame, "TYX")
    found = detectors.labelled(movie, detectors.Threshold(intensity_threshold=0.5))
    assert sorted(np.unique(found)) == [0, 1, 2]
    with pytest.raises(UserError, match="no channel 3"):
        detectors.labelled(movie, detectors.Mask(target_channel=3))


def test_contours_may_follow_the_pixels():
    labels = lineages.gap()
    chosen = _made(detector={"SIMPLIFY_CONTOURS": False})
    spots = tracking.track(labels, settings=chosen, engine="embedded").spots
    assert set(spots["quality"]) == {64.0}
    np.testing.assert_allclose(spots["area"], 64.0)
    np.testing.assert_allclose(spots["perimeter"], 32.0)
    first = spots.iloc[0]
    assert (first["x"], first["y"]) == (13.5, 13.5)


def test_turning_by_hand():
    labels = lineages.movie({1: (10, 10)}, {1: (15, 10)}, {1: (15, 15)})
    tracks = tracking.track(labels, engine="embedded")
    edges = features.of_edges(tracks)
    assert np.isnan(edges["DIRECTIONAL_CHANGE_RATE"][0])
    assert edges["DIRECTIONAL_CHANGE_RATE"][1] == pytest.approx(np.pi / 2 / 60)
    row = features.of_tracks(tracks, edges).iloc[0]
    assert row["TOTAL_DISTANCE_TRAVELED"] == pytest.approx(10)
    assert row["CONFINEMENT_RATIO"] == pytest.approx(np.sqrt(50) / 10)
    assert row["MEAN_STRAIGHT_LINE_SPEED"] == pytest.approx(np.sqrt(50) / 120)
