"""TrackMate's XML: files of TrackMate 6 and 8 are read, ours are of the same form."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import lineages
import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import UserError
from imagej_dl.tracking import declared


@pytest.fixture(scope="module")
def tracked(shared_data):
    golden = tracking.read_trackmate(
        shared_data / "trackmate-8-goldens" / "movie-dense" / "lap_all.xml"
    )
    labels = images.read(shared_data / "movie-dense" / "detections.tif")
    return golden, tracking.track(labels, settings=golden.settings, engine="embedded")


def test_read_trackmate_8(shared_data):
    folder = shared_data / "trackmate-8-goldens" / "movie"
    for name in ("lap_all", "lap_penalty", "overlap"):
        found = tracking.read_trackmate(folder / f"{name}.xml")
        edges = pd.read_csv(folder / f"{name}_edges.csv")
        rows = found.links
        pairs = sorted(zip(rows.sources.tolist(), rows.targets.tolist(), strict=True))
        assert pairs == sorted(zip(edges["source"], edges["target"], strict=True))
        assert found.shape == (40, 320, 320)
        assert found.calibration.unit == "µm"
        assert found.calibration.frame_interval == 300.0
    assert found.settings.tracker == "OVERLAP_TRACKER"


def test_read_trackmate_6(shared_data):
    folder = shared_data / "trackmate-6-goldens"
    found = tracking.read_trackmate(folder / "trackmate_tracks_with_splitting_merging.xml")
    edges = pd.read_csv(folder / "trackmate_tracks_with_splitting_merging_edges.csv")
    assert len(found.edges) == len(edges)
    assert sorted(found.edges["cost"]) == pytest.approx(sorted(edges["link_cost"]))
    assert found.contours == []
    assert found.settings.settings.allow_track_merging


def test_same_elements_as_trackmate_8(shared_data, tracked, tmp_path):
    """Every element and attribute path of TrackMate's file is in ours, features apart."""
    tracking.write_trackmate(tracked[1], tmp_path / "tracks.xml")

    def paths(file):
        found, features = set(), set()
        for name, group in (("Model", "*"), ("Settings", "*")):
            for part in ET.parse(file).getroot().findall(f"{name}/{group}"):
                for element in part.iter():
                    if element.tag in ("Feature", "Analyzer"):
                        features.add(element.get("feature") or element.get("key"))
                        continue
                    keys = {k for k in element.attrib if not k.isupper() or "_" not in k}
                    found |= {(part.tag, element.tag, key) for key in keys | {""}}
        return found, features

    golden = shared_data / "trackmate-8-goldens" / "movie-dense" / "lap_all.xml"
    theirs, their_features = paths(golden)
    ours, our_features = paths(tmp_path / "tracks.xml")
    assert ours == theirs
    assert our_features <= their_features


def test_feature_values_equal_trackmate(shared_data, tracked):
    golden, ours = tracked
    rows = {number: row for row, number in enumerate(golden.spots["id"])}
    file = shared_data / "trackmate-8-goldens" / "movie-dense" / "lap_all.xml"
    theirs = {
        (rows[int(e.get("SPOT_SOURCE_ID"))], rows[int(e.get("SPOT_TARGET_ID"))]): e
        for e in ET.parse(file).getroot().iter("Edge")
    }
    edges = declared.of_edges(ours)
    for key in declared.EDGE.keys() - {"SPOT_SOURCE_ID", "SPOT_TARGET_ID"}:
        pairs = zip(ours.edges["source"], ours.edges["target"], strict=True)
        expected = [float(theirs[pair].get(key, "nan")) for pair in pairs]
        np.testing.assert_allclose(edges[key], expected, rtol=1e-6, atol=1e-8)
    table = declared.of_tracks(ours, edges)
    # Which of several first or last spots a displacement is measured from or to hangs in
    # TrackMate on the order of a hash table.
    of_ends = {"TRACK_DISPLACEMENT", "CONFINEMENT_RATIO", "MEAN_STRAIGHT_LINE_SPEED",
               "LINEARITY_OF_FORWARD_PROGRESSION", "MAX_DISTANCE_TRAVELED"}  # fmt: skip
    frames = ours.spots.groupby("track_id")["frame"]
    firsts = frames.agg(lambda f: (f == f.min()).sum())
    lasts = frames.agg(lambda f: (f == f.max()).sum())
    compared = 0
    for track in ET.parse(file).getroot().iter("Track"):
        number = ours.spots["track_id"][rows[int(track.find("Edge").get("SPOT_SOURCE_ID"))]]
        unclear = of_ends if firsts[number] > 1 or lasts[number] > 1 else set()
        for key in declared.TRACK.keys() - {"TRACK_ID", "TRACK_INDEX"} - unclear:
            expected = float(track.get(key))
            assert table[key][number] == pytest.approx(expected, nan_ok=True), key
            compared += key in of_ends
    assert compared > 40


def test_round_trip(tracked, tmp_path):
    ours = tracked[1]
    tracking.write_trackmate(ours, tmp_path / "tracks.xml")
    back = tracking.read_trackmate(tmp_path / "tracks.xml")
    pd.testing.assert_frame_equal(back.edges, ours.edges)
    columns = ["id", "frame", "x", "y", "radius", "area", "track_id"]
    pd.testing.assert_frame_equal(back.spots[columns], ours.spots[columns])
    for one, other in zip(back.contours, ours.contours, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (back.settings, back.shape) == (ours.settings, ours.shape)
    assert back.counts == ours.counts


def test_settings_with_penalties_round_trip(tmp_path):
    chosen = tracking.make_settings(
        "SPARSE_LAP_TRACKER",
        {"LINKING_FEATURE_PENALTIES": {"AREA": 1.0}, "SPLITTING_FEATURE_PENALTIES": {"RADIUS": 2}},
    )
    tracks = tracking.track(lineages.division(), settings=chosen, engine="embedded")
    tracking.write_trackmate(tracks, tmp_path / "tracks.xml")
    assert tracking.read_trackmate(tmp_path / "tracks.xml").settings == chosen


def test_uncalibrated_movie_counts_frames(tmp_path):
    labels = lineages.gap()
    labels.attrs |= {"frame_interval": 0.0, "unit": "pixel"}
    tracks = tracking.track(labels, engine="embedded")
    tracking.write_trackmate(tracks, tmp_path / "tracks.xml")
    back = tracking.read_trackmate(tmp_path / "tracks.xml")
    assert back.calibration.frame_interval == 0.0
    assert back.spots["t"].tolist() == back.spots["frame"].tolist()


@pytest.mark.parametrize("length", [10, 300, 5000])
def test_truncated_file(tracked, tmp_path, length):
    path = tmp_path / "tracks.xml"
    tracking.write_trackmate(tracked[1], path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match="not whole XML"):
        tracking.read_trackmate(path)


def test_doctype_is_refused(tmp_path):
    path = tmp_path / "tracks.xml"
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        "<TrackMate><Model/><Log>&e;</Log></TrackMate>"
    )
    with pytest.raises(UserError, match="DOCTYPE"):
        tracking.read_trackmate(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<a/>", "not a TrackMate file"),
        ("<TrackMate><Model><AllSpots><SpotsInFrame><Spot ID='x'/></SpotsInFrame></AllSpots>"
         "</Model></TrackMate>", "damaged"),
        ("<TrackMate><Model><AllTracks><Track TRACK_ID='0'><Edge SPOT_SOURCE_ID='1'"
         " SPOT_TARGET_ID='2'/></Track></AllTracks></Model></TrackMate>", "links spot 1"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, text, words):
    path = tmp_path / "tracks.xml"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        tracking.read_trackmate(path)
