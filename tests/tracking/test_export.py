"""The folder of results: what is in it, and that it is whole or not there."""

from __future__ import annotations

import json

import lineages
import numpy as np
import pandas as pd
import pytest

from imagej_dl import ctc, images, tracking
from imagej_dl.ctc import from_tracks
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.tracking import export
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.tracks import build


def test_all_files(tmp_path):
    labels = lineages.division()
    tracks = tracking.track(labels, engine="embedded")
    tracking.write(tracks, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "tracks.xml", "tracked.tif", "spots.csv", "edges.csv", "lineage.csv", "settings.json",
        "CTC",
    }  # fmt: skip
    spots = pd.read_csv(tmp_path / "out" / "spots.csv")
    assert list(spots)[:8] == [
        "id", "track_id", "tracked_label", "frame", "label", "x", "y", "z",
    ]  # fmt: skip
    tracked = images.read(tmp_path / "out" / "tracked.tif")
    assert tracked.attrs["unit"] == "µm"
    for spot in spots.itertuples():
        here = np.asarray(labels)[spot.frame] == spot.label
        assert set(np.asarray(tracked)[spot.frame][here]) == {spot.tracked_label}
    edges = pd.read_csv(tmp_path / "out" / "edges.csv")
    assert set(edges["source"]) | set(edges["target"]) <= set(spots["id"])
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert settings["engine"] == "embedded"
    assert settings["settings"]["ALLOW_TRACK_SPLITTING"] is True


def test_ctc_folder_round_trip(tmp_path):
    tracks = tracking.track(lineages.division(), engine="embedded")
    ctc.write(tracks, tmp_path / "01_RES")
    found = ctc.read(tmp_path / "01_RES")
    assert found.masks.dtype == np.uint16
    assert found.tracks.tolist() == ctc.table(tracks).tolist()
    for number, begin, end, _ in found.tracks.tolist():
        seen = np.flatnonzero((found.masks == number).any(axis=(1, 2)))
        assert seen.tolist() == list(range(begin, end + 1))


def test_existing_folder_is_refused_and_left(tmp_path):
    tracks = tracking.track(lineages.gap(), engine="embedded")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="already there"):
        tracking.write(tracks, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    tracking.write(tracks, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "tracks.xml").is_file()


def test_failure_leaves_no_folder(tmp_path, monkeypatch):
    tracks = tracking.track(lineages.gap(), engine="embedded")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(ctc, "write", fail)
    with pytest.raises(RuntimeError):
        tracking.write(tracks, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [("1 0 0", "table of tracks"), ("1 0 x 0", "table of tracks"), ("1 0\n0 0", "table of tracks")],
)
def test_bad_table(tmp_path, lines, words):
    tracks = tracking.track(lineages.gap(), engine="embedded")
    ctc.write(tracks, tmp_path / "01_RES")
    (tmp_path / "01_RES" / "res_track.txt").write_text(lines)
    with pytest.raises(UserError, match=words):
        ctc.read(tmp_path / "01_RES")


def test_missing_mask(tmp_path):
    ctc.write(tracking.track(lineages.gap(), engine="embedded"), tmp_path / "01_RES")
    (tmp_path / "01_RES" / "mask002.tif").unlink()
    with pytest.raises(UserError, match="no mask of frame 2"):
        ctc.read(tmp_path / "01_RES")


def test_lineage_table():
    table = export.lineage(tracking.track(lineages.division(), engine="embedded"))
    assert table["id"].tolist() == [1, 2, 3, 4]
    assert table["parent"].tolist() == [0, 0, 1, 1]
    assert table["generation"].tolist() == [0, 0, 1, 1]
    assert table["children"].tolist() == ["3 4", "", "", ""]
    assert table["fate"].tolist() == ["divides", "movie ends", "movie ends", "movie ends"]
    assert table["stop"].tolist() == [120.0, 300.0, 300.0, 300.0]
    after = export.lineage(tracking.track(lineages.gap(), engine="embedded"))
    assert after["fate"].tolist() == ["goes on", "movie ends", "movie ends"]
    assert after["generation"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("merges", "fates"),
    [("cheapest", ["movie ends", "goes on"]), ("end", ["goes on", "goes on", "movie ends"])],
)
def test_what_merges_does_not_end(merges, fates):
    movie = np.zeros((6, 60, 120), np.uint16)
    for frame in range(3):
        movie[frame, 20:30, 20 + 8 * frame : 30 + 8 * frame] = 1
        movie[frame, 20:30, 80 - 8 * frame : 90 - 8 * frame] = 2
    movie[3:, 20:30, 46:64] = 3
    chosen = tracking.make_settings(
        "SPARSE_LAP_TRACKER",
        {"LINKING_MAX_DISTANCE": 20, "ALLOW_TRACK_MERGING": True, "MERGING_MAX_DISTANCE": 25},
    )
    tracks = tracking.track(images.make(movie, "TYX"), settings=chosen)
    assert tracks.counts["merges"] == 1
    table = export.lineage(tracks, tracks.segments(True, merges))
    assert table["fate"].tolist() == fates


def test_lineage_of_nothing(tmp_path):
    tracks = tracking.track(lineages.movie({}, {}), engine="embedded")
    tracking.write(tracks, tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "lineage.csv").empty


def test_ctc_gaps_are_cut_or_filled():
    labels = lineages.movie(*({1: (10 + 2 * t, 10), 2: (40, 40)} for t in range(5)))
    array = np.array(labels)
    array[2][array[2] == 1] = 0
    tracks = tracking.track(images.with_data(labels, array), engine="embedded")
    cut, filled = ctc.layout(tracks), ctc.layout(tracks, gaps="fill")
    assert cut.tracks.tolist() == [[1, 0, 1, 0], [2, 0, 4, 0], [3, 3, 4, 1]]
    assert filled.tracks.tolist() == [[1, 0, 4, 0], [2, 0, 4, 0]]
    np.testing.assert_array_equal(filled.masks[2] == 1, np.asarray(labels)[2] == 1)
    assert cut.masks[2].max() == filled.masks[2].max() == 2


def test_a_filled_gap_never_covers_others_wholly():
    """Another object lies where the lost one would be: one pixel is enough for the format."""
    one, other = {1: (10, 10)}, {2: (10, 10)}
    labels = lineages.movie(one, one, other, one, one)
    chosen = tracking.make_settings("SPARSE_LAP_TRACKER", {"LINKING_MAX_DISTANCE": 0.0})
    tracks = tracking.track(labels, settings=chosen, engine="embedded")
    links = Links(np.array([0, 1, 3]), np.array([1, 3, 4]), np.zeros(3))
    tracks = build(tracks.spots, tracks.contours, links, labels, chosen, "embedded")
    found = ctc.layout(tracks, gaps="fill")
    assert found.tracks.tolist() == [[1, 0, 4, 0], [2, 2, 2, 0]]
    assert np.bincount(found.masks[2].ravel())[1:].tolist() == [1, 63]


def test_merges_keep_the_cheapest_or_end():
    settings = tracking.make_settings("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_MERGING": True})
    tracks = tracking.track(lineages.merge(), settings=settings, engine="embedded")
    assert tracks.counts["merges"] == 1
    with pytest.warns(DataWarning, match="1 links into merged"):
        kept = ctc.layout(tracks).tracks
    with pytest.warns(DataWarning, match="2 links into merged"):
        ended = ctc.layout(tracks, merges="end").tracks
    assert kept.tolist() == [[1, 0, 5, 0], [2, 0, 2, 0]]
    assert ended.tolist() == [[1, 0, 2, 0], [2, 0, 2, 0], [3, 3, 5, 0]]


def test_truth_folder(tmp_path):
    tracks = tracking.track(lineages.division(), engine="embedded")
    ctc.write_truth(ctc.layout(tracks), tmp_path / "01_GT")
    assert sorted(p.name for p in (tmp_path / "01_GT").iterdir()) == ["SEG", "TRA"]
    back = ctc.read(tmp_path / "01_GT")
    np.testing.assert_array_equal(back.masks, ctc.layout(tracks).masks)
    assert back.tracks.tolist() == ctc.table(tracks).tolist()


def test_what_a_former_run_left_goes_and_what_is_the_users_stays(tmp_path):
    """Pictures of other tracks beside the new ones would be taken for theirs."""
    tracks = tracking.track(lineages.gap(), engine="embedded")

    def draw(folder):
        for name in ("report.html", "tracks.png", "lineage.png"):
            (folder / name).write_text("drawn")
        (folder / "tracks.geff").mkdir()
        (folder / "tracks.geff" / "zarr.json").write_text("{}")

    out = tmp_path / "out"
    tracking.write(tracks, out, more=draw)
    (out / "notes.png").write_text("mine")
    tracking.write(tracks, out, overwrite=True, more=draw)
    assert (out / "tracks.geff" / "zarr.json").is_file()
    (out / "lineage.png").write_text("mine")
    with pytest.warns(DataWarning, match=r"^lineage\.png in .*out existed before"):
        tracking.write(tracks, out, overwrite=True)
    names = {path.name for path in out.iterdir()}
    assert not names & {"report.html", "tracks.png", "tracks.geff"}
    assert (out / "lineage.png").read_text() == (out / "notes.png").read_text() == "mine"
    assert tracking.read_settings(out / "settings.json").tracker == "SPARSE_LAP_TRACKER"


def test_a_challenge_folder_of_other_tracks_is_named(tmp_path, monkeypatch):
    tracks = tracking.track(lineages.gap(), engine="embedded")
    tracking.write(tracks, tmp_path / "out")
    monkeypatch.setattr(from_tracks, "_LIMIT", 0)
    with pytest.warns(DataWarning) as said:
        tracking.write(tracks, tmp_path / "out", overwrite=True)
    assert "CTC/01_RES in" in str(said[-1].message)


def test_names_that_xml_cannot_hold(tmp_path):
    """Else the file is there, and no program reads it."""
    labels = lineages.gap()
    labels.attrs["unit"] = "\x01m"
    tracks = tracking.track(labels, engine="embedded", image_path=tmp_path / "mo\x02vie.tif")
    tracking.write_trackmate(tracks, tmp_path / "tracks.xml")
    back = tracking.read_trackmate(tmp_path / "tracks.xml")
    assert (back.calibration.unit, back.image_path) == ("?m", tmp_path / "mo?vie.tif")
