"""TrackMate's XML: files of TrackMate 6 and 8 are read, ours are of the same form."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET

import lineages
import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.tracking import features as declared

# Of tracks with several first or last spots: from and to which of them a displacement is measured
# hangs in TrackMate on the order of a hash table.
_OF_ENDS = {"TRACK_DISPLACEMENT", "CONFINEMENT_RATIO", "MEAN_STRAIGHT_LINE_SPEED",
            "LINEARITY_OF_FORWARD_PROGRESSION", "MAX_DISTANCE_TRAVELED"}  # fmt: skip


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
    frames = ours.spots.groupby("track_id")["frame"]
    firsts = frames.agg(lambda f: (f == f.min()).sum())
    lasts = frames.agg(lambda f: (f == f.max()).sum())
    compared = 0
    for track in ET.parse(file).getroot().iter("Track"):
        number = ours.spots["track_id"][rows[int(track.find("Edge").get("SPOT_SOURCE_ID"))]]
        unclear = _OF_ENDS if firsts[number] > 1 or lasts[number] > 1 else set()
        for key in declared.TRACK.keys() - {"TRACK_ID", "TRACK_INDEX"} - unclear:
            expected = float(track.get(key))
            assert table[key][number] == pytest.approx(expected, nan_ok=True), key
            compared += key in _OF_ENDS
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
    with pytest.raises(UserError, match="not well-formed XML"):
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
        ("<TrackMate><Model><AllSpots><SpotsInFrame><Spot ID='7' POSITION_X='NaN' POSITION_Y='1'"
         " FRAME='0'/></SpotsInFrame></AllSpots></Model></TrackMate>", "no valid position"),
        ("<TrackMate><Model><AllSpots><SpotsInFrame><Spot ID='7' POSITION_X='1' POSITION_Y='1e308'"
         " FRAME='0'/></SpotsInFrame></AllSpots></Model></TrackMate>", "no valid position"),
        ("<TrackMate><Model><AllSpots><SpotsInFrame><Spot ID='7' POSITION_X='1' POSITION_Y='1'"
         " FRAME='-5'/></SpotsInFrame></AllSpots></Model></TrackMate>", "no valid position"),
        ("<TrackMate><Model><AllTracks><Track TRACK_ID='0'><Edge SPOT_SOURCE_ID='1'"
         " SPOT_TARGET_ID='2'/></Track></AllTracks></Model></TrackMate>", "links spot 1"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, text, words):
    path = tmp_path / "tracks.xml"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        tracking.read_trackmate(path)


# What tells elements of one name apart; see TrackMate's own writer.
_KEYS = {"Spot": ["ID"], "Track": ["TRACK_ID"], "TrackID": ["TRACK_ID"], "Feature": ["feature"],
         "Edge": ["SPOT_SOURCE_ID", "SPOT_TARGET_ID"], "SpotsInFrame": ["frame"],
         "Analyzer": ["key"]}  # fmt: skip


def _flat(element, above=()):
    """Every element of a file by its path: its attributes and its text."""
    path = (*above, (element.tag, *map(element.get, _KEYS.get(element.tag, []))))
    found = {path: (dict(element.attrib), (element.text or "").split())}
    for child in element:
        found |= _flat(child, path)
    return found


def _same(one, other):
    try:
        return float(one) == pytest.approx(float(other), rel=1e-9, abs=1e-12, nan_ok=True)
    except ValueError:
        return one == other


@pytest.mark.slow
@pytest.mark.parametrize(
    "file",
    [
        "trackmate-6-goldens/trackmate_tracks_with_splitting_merging.xml",
        "trackmate-8-goldens/movie/lap_all.xml",
        "trackmate-8-goldens/movie-dense/overlap.xml",
    ],
)
def test_nothing_of_trackmates_files_is_lost(shared_data, tmp_path, file):
    """Read and written back: each element, attribute and text of TrackMate's is there."""
    tracking.write_trackmate(tracking.read_trackmate(shared_data / file), tmp_path / "back.xml")
    theirs = _flat(ET.parse(shared_data / file).getroot())
    ours = _flat(ET.parse(tmp_path / "back.xml").getroot())
    assert theirs.keys() <= ours.keys()
    for path, (attributes, text) in theirs.items():
        here, words = ours[path]
        tag = path[-1][0]
        assert attributes.keys() <= here.keys(), path
        # Versions, words that newer TrackMates say otherwise, and what hangs on which of several
        # first or last spots is taken are ours.
        if tag not in ("TrackMate", "Feature"):
            for key in attributes.keys() - _OF_ENDS - {"folder"}:
                assert _same(attributes[key], here[key]), (path, key)
        assert len(words) == len(text), path
        assert all(map(_same, words, text)), path


def test_what_is_not_known_is_kept(tmp_path):
    """Elements and features of other programs, names and colours given by hand."""
    tracks = tracking.track(lineages.division(), engine="embedded")
    tracking.write_trackmate(tracks, tmp_path / "a.xml")
    tree = ET.parse(tmp_path / "a.xml")
    root = tree.getroot()
    ET.SubElement(root, "OfTheFuture", a="1").text = "words"
    ET.SubElement(root.find("Model"), "Lineages", b="2")
    ET.SubElement(root.find("Settings"), "CropRoi", c="3")
    root.find("Log").text = "what was done"
    declared_spots = root.find("Model/FeatureDeclarations/SpotFeatures")
    ET.SubElement(declared_spots, "Feature", feature="DNA", name="DNA", shortname="DNA",
                  dimension="NONE", isint="false")  # fmt: skip
    spot, edge, track = (next(root.iter(tag)) for tag in ("Spot", "Edge", "Track"))
    spot.set("DNA", "2.5")
    spot.set("MANUAL_SPOT_COLOR", "-65536")
    spot.set("name", "mother")
    edge.set("MANUAL_EDGE_COLOR", "-1")
    track.set("name", "the first")
    tree.write(tmp_path / "b.xml")
    back = tracking.read_trackmate(tmp_path / "b.xml")
    tracking.write_trackmate(back, tmp_path / "c.xml")
    first, second = (ET.parse(tmp_path / name).getroot() for name in ("b.xml", "c.xml"))
    assert second.findtext("OfTheFuture") == "words"
    assert second.find("Model/Lineages").get("b") == "2"
    assert second.find("Settings/CropRoi").get("c") == "3"
    assert second.findtext("Log") == "what was done"
    assert second.find(".//Feature[@feature='DNA']") is not None
    for tag in ("Spot", "Edge", "Track"):
        assert next(second.iter(tag)).attrib == next(first.iter(tag)).attrib
    # What is taken out of the tracks does not come back.
    fewer = back.only((back.spots["id"] != int(spot.get("ID"))).to_numpy())
    tracking.write_trackmate(dataclasses.replace(fewer, everything=None), tmp_path / "d.xml")
    assert ET.parse(tmp_path / "d.xml").getroot().find(f".//Spot[@ID='{spot.get('ID')}']") is None


def test_settings_of_other_detectors_and_trackers_are_kept(tmp_path):
    tracking.write_trackmate(tracking.track(lineages.gap(), engine="embedded"), tmp_path / "a.xml")
    text = (tmp_path / "a.xml").read_text()
    text = text.replace('DETECTOR_NAME="LABEL_IMAGE_DETECTOR"', 'DETECTOR_NAME="CELLPOSE" D="30"')
    text = text.replace('TRACKER_NAME="SPARSE_LAP_TRACKER"', 'TRACKER_NAME="TRACKASTRA" E="1"')
    (tmp_path / "b.xml").write_text(text)
    tracking.write_trackmate(tracking.read_trackmate(tmp_path / "b.xml"), tmp_path / "c.xml")
    root = ET.parse(tmp_path / "c.xml").getroot()
    assert root.find("Settings/DetectorSettings").get("D") == "30"
    assert root.find("Settings/TrackerSettings").get("E") == "1"


def test_a_newer_version_is_said(tmp_path):
    tracking.write_trackmate(tracking.track(lineages.gap(), engine="embedded"), tmp_path / "a.xml")
    text = (tmp_path / "a.xml").read_text().replace('version="8.1.7"', 'version="9.0.0"')
    (tmp_path / "b.xml").write_text(text)
    with pytest.warns(DataWarning, match=r"TrackMate 9\.0\.0, which is newer"):
        back = tracking.read_trackmate(tmp_path / "b.xml")
    assert back.counts["spots"] == 9


def test_an_entity_bomb_is_refused_at_once(tmp_path):
    bomb = ['<!ENTITY e0 "lol">']
    bomb += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)]
    (tmp_path / "bomb.xml").write_text(
        f'<?xml version="1.0"?><!DOCTYPE t [{"".join(bomb)}]>'
        "<TrackMate><Model>&e11;</Model></TrackMate>"
    )
    for read in (tracking.read_trackmate, tracking.read_settings):
        with pytest.raises(UserError, match="DOCTYPE"):
            read(tmp_path / "bomb.xml")


def test_two_spots_of_one_id_are_refused(tmp_path):
    spot = "<Spot ID='1' FRAME='0' POSITION_X='1' POSITION_Y='1' POSITION_Z='0' RADIUS='1'" \
           " QUALITY='1'/>"  # fmt: skip
    (tmp_path / "a.xml").write_text(
        "<TrackMate version='8'><Model><AllSpots><SpotsInFrame frame='0'>"
        f"{spot}{spot}</SpotsInFrame></AllSpots></Model></TrackMate>"
    )
    with pytest.raises(UserError, match="two spots with the same ID"):
        tracking.read_trackmate(tmp_path / "a.xml")


def _written(tmp_path, change):
    """Our file of a division after a change of its text."""
    tracks = tracking.track(lineages.division(), engine="embedded")
    tracking.write_trackmate(tracks, tmp_path / "plain.xml")
    text = change((tmp_path / "plain.xml").read_text())
    (tmp_path / "changed.xml").write_text(text)
    return tracks, tmp_path / "changed.xml"


def test_links_back_in_time_are_turned(tmp_path):
    """As TrackMate 7 writes what is linked by hand from a later spot; one may be there twice."""

    def turn(text):
        one, other = re.findall(
            r'(<Edge SPOT_SOURCE_ID="(\d+)" SPOT_TARGET_ID="(\d+)"[^>]*>)', text
        )[:2]
        back = (
            one[0]
            .replace(f'E_ID="{one[1]}"', 'E_ID="#"')
            .replace(f'T_ID="{one[2]}"', f'T_ID="{one[1]}"')
        )
        text = text.replace(one[0], back.replace("#", one[2]))
        return text.replace(other[0], other[0] * 2)

    tracks, path = _written(tmp_path, turn)
    found = tracking.read_trackmate(path)
    ends = ["source", "target"]
    assert found.edges[ends].values.tolist() == tracks.edges[ends].values.tolist()
    assert found.counts == tracks.counts


def test_a_link_within_a_frame_is_left_out(tmp_path):
    def loop(text):
        return re.sub(r'(E_ID="(\d+)" SPOT_TARGET_ID=)"\d+"', r'\1"\2"', text, count=1)

    tracks, path = _written(tmp_path, loop)
    with pytest.warns(DataWarning, match="1 links within one frame"):
        assert len(tracking.read_trackmate(path).edges) == len(tracks.edges) - 1


def test_slices_and_crop_are_written_back(tmp_path):
    def deep(text):
        return text.replace('nslices="1"', 'nslices="7"').replace('xstart="0"', 'xstart="3"')

    _, path = _written(tmp_path, deep)
    tracking.write_trackmate(tracking.read_trackmate(path), tmp_path / "again.xml")
    root = ET.parse(tmp_path / "again.xml").getroot()
    assert root.find("Settings/ImageData").get("nslices") == "7"
    assert root.find("Settings/BasicSettings").get("xstart") == "3"


def test_pixels_without_a_size(tmp_path):
    def flat(text):
        return re.sub('pixelwidth="[^"]*"', 'pixelwidth="0.0"', text)

    _, path = _written(tmp_path, flat)
    with pytest.raises(UserError, match=r"changed\.xml: is a damaged.*a pixel is 0 ×"):
        tracking.read_trackmate(path)


def test_margins_are_declared_and_read_back(tmp_path):
    labels = lineages.division()
    tracks = tracking.track(labels)
    tracking.write_trackmate(tracks, tmp_path / "tracks.xml")
    root = ET.parse(tmp_path / "tracks.xml").getroot()
    for group, key in (("Spot", "MARGIN"), ("Edge", "LINK_MARGIN"), ("Track", "TRACK_MARGIN")):
        path = f"Model/FeatureDeclarations/{group}Features/Feature[@feature='{key}']"
        assert root.find(path).get("isint") == "false"
    margins = [float(e.get("LINK_MARGIN")) for e in root.iter("Edge")]
    assert len(margins) == tracks.counts["links"]
    shown = json.loads(root.findtext("DisplaySettings"))
    assert (shown["spotColorByFeature"], shown["trackColorByFeature"]) == ("MARGIN", "LINK_MARGIN")
    again = tracking.read_trackmate(tmp_path / "tracks.xml")
    assert again.settings == tracks.settings
    assert again.edges["margin"].to_numpy() == pytest.approx(tracks.edges["margin"].to_numpy())
    assert again.spots["margin"].to_numpy() == pytest.approx(tracks.spots["margin"].to_numpy())
    tracking.write_trackmate(again, tmp_path / "again.xml")
    assert len(ET.parse(tmp_path / "again.xml").findall(".//Feature[@feature='LINK_MARGIN']")) == 1
    # Other trackers know no margins: their files are as they were.
    plain = tracking.track(labels, settings=tracking.default_settings(), engine="embedded")
    tracking.write_trackmate(plain, tmp_path / "plain.xml")
    assert "MARGIN" not in (tmp_path / "plain.xml").read_text()
