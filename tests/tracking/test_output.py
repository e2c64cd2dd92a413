"""The folder of results: what is in it, and that it is whole or not there."""

from __future__ import annotations

import json

import lineages
import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import UserError
from imagej_dl.tracking import ctc


def test_all_files(tmp_path):
    labels = lineages.division()
    tracks = tracking.track(labels, engine="embedded")
    tracking.write(tracks, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"tracks.xml", "tracked.tif", "spots.csv", "edges.csv", "settings.json", "CTC"}
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
    [("1 0 0", "table of tracks"), ("1 0 x 0", "table of tracks")],
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
