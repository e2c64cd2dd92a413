"""`imagej-dl fill-gaps` and `track --fill-gaps`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from imagej_dl import images, progress
from imagej_dl.commands.fill_gaps import FillGaps
from imagej_dl.commands.track import Track
from imagej_dl.errors import UserError


def _write(path, missing):
    frames = np.zeros((7, 60, 60), np.uint16)
    frames[:, 8:22, 8:22] = 1
    frames[:, 36:50, 36:50] = 2
    frames[missing, 8:22, 8:22] = 0
    images.write(images.make(frames, "TYX", unit="µm", frame_interval=60.0), path)


def _fill(**values):
    FillGaps.declare(values).run(progress.silent)


def _track(**values):
    Track.declare({"engine": "embedded", **values}).run(progress.silent)


def test_fills_and_counts(tmp_path, capsys):
    _write(tmp_path / "a.tif", 3)
    _fill(labels=tmp_path / "a.tif", out=tmp_path / "b.tif")
    assert "14 objects in 7 frames, 13 before" in capsys.readouterr().out
    filled = images.read(tmp_path / "b.tif")
    assert (filled.dims, filled.attrs["unit"]) == (("T", "Y", "X"), "µm")
    assert np.asarray(filled)[3, 15, 15] > 0


def test_never_over_its_input_or_what_is_there(tmp_path):
    _write(tmp_path / "a.tif", 3)
    before = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "b.tif").write_text("mine")
    for out in ("a.tif", "b.tif"):
        with pytest.raises(UserError):
            _fill(labels=tmp_path / "a.tif", out=tmp_path / out)
    assert (tmp_path / "a.tif").read_bytes() == before
    assert (tmp_path / "b.tif").read_text() == "mine"


@pytest.mark.parametrize("wrong", [{"sigma": 0}, {"smallest": 0}, {"axes": "ZYX"}])
def test_wrong_values(tmp_path, wrong):
    _write(tmp_path / "a.tif", 3)
    with pytest.raises(UserError):
        _fill(labels=tmp_path / "a.tif", out=tmp_path / "b.tif", **wrong)
    assert not (tmp_path / "b.tif").exists()


def test_track_fills_gaps(tmp_path):
    _write(tmp_path / "a.tif", 3)
    found = []
    for fill in (False, True):
        out = tmp_path / str(fill)
        _track(labels=tmp_path / "a.tif", out=out, fill_gaps=fill)
        found.append(json.loads((out / "settings.json").read_text()))
    assert [f["fill_gaps"] for f in found] == [False, True]
    assert [f["counts"]["gaps"] for f in found] == [1, 0]


def test_track_takes_probabilities_with_a_threshold(tmp_path, capsys):
    frames = np.zeros((3, 30, 30), np.float32)
    frames[:, 8:20, 8:20] = 0.7
    images.write(images.make(frames, "TYX"), tmp_path / "p.tif")
    detector = {"DETECTOR_NAME": "THRESHOLD_DETECTOR", "INTENSITY_THRESHOLD": 0.5}
    settings = {"tracker": "OVERLAP_TRACKER", "detector": detector}
    (tmp_path / "s.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match="whole numbers"):
        _track(labels=tmp_path / "p.tif", out=tmp_path / "out")
    _track(labels=tmp_path / "p.tif", out=tmp_path / "out", settings=tmp_path / "s.json")
    assert "3 spots, 2 links, 1 tracks" in capsys.readouterr().out


def test_track_writes_what_it_is_asked_for(tmp_path):
    pytest.importorskip("geff")
    _write(tmp_path / "a.tif", 3)
    _track(labels=tmp_path / "a.tif", out=tmp_path / "out", geff=True, ctc_gaps="fill")
    assert (tmp_path / "out" / "tracks.geff" / ".zattrs").is_file()
    table = (tmp_path / "out" / "CTC" / "01_RES" / "res_track.txt").read_text()
    assert table.splitlines() == ["1 0 6 0", "2 0 6 0"]
