"""Tuning: never worse than TrackMate's defaults, resumable, of these data only."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.commands.tune_tracking import TuneTracking
from imagej_dl.errors import Cancelled, Enough, UserError
from imagej_dl.evaluation import ctc as scores
from imagej_dl.evaluation import tuning
from imagej_dl.progress import silent
from imagej_dl.tracking import ctc

pytest.importorskip("optuna")


def _labels():
    """Cells that jump farther than TrackMate's defaults follow; one is missed once."""
    array = np.zeros((5, 90, 200), np.uint16)
    for frame in range(5):
        for cell in range(3):
            if (frame, cell) != (2, 1):
                x = 4 + 30 * frame + 3 * cell
                array[frame, 8 + 28 * cell : 16 + 28 * cell, x : x + 8] = cell + 1
    return images.make(array, "TYX", unit="µm", frame_interval=60.0, title="jumps.tif")


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The same cells tracked as far as they jump."""
    far = {"LINKING_MAX_DISTANCE": 40.0, "GAP_CLOSING_MAX_DISTANCE": 80.0}
    chosen = tracking.make_settings("SPARSE_LAP_TRACKER", far)
    tracks = tracking.track(_labels(), settings=chosen, engine="embedded")
    folder = tmp_path_factory.mktemp("truth") / "01_GT"
    ctc.write_truth(ctc.layout(tracks), folder)
    return folder


_SPACE = {"LINKING_MAX_DISTANCE": [5.0, 60.0], "MAX_FRAME_GAP": [1, 3]}


def _tune(truth, folder, **values):
    values = {"space": _SPACE, "trials": 8} | values
    return tuning.tune(_labels(), scores.read_truth(truth), folder, **values)


def test_finds_better_than_the_defaults(truth, tmp_path):
    found = _tune(truth, tmp_path / "out")
    assert found.best["TRA"] > found.default["TRA"]
    assert found.trials == 8
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["best"]["TRA"] == found.best["TRA"]
    assert len(pd.read_csv(tmp_path / "out" / "trials.csv")) == 8
    # The best settings are a settings file, and give that score.
    chosen = tracking.read_settings(tmp_path / "out" / "best.json")
    assert chosen == found.settings
    tracks = tracking.track(_labels(), settings=chosen, engine="embedded")
    again = scores.score(ctc.layout(tracks), scores.read_truth(truth))
    assert again["TRA"] == found.best["TRA"]


def test_the_first_trial_is_trackmates_default(truth, tmp_path):
    found = _tune(truth, tmp_path / "out", trials=1, space=None)
    assert found.best == found.default
    assert found.settings == tracking.default_settings()


def test_goes_on_after_a_stop(truth, tmp_path):
    def stop(stage, done, total):
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        _tune(truth, tmp_path / "out", progress=stop)
    assert not (tmp_path / "out" / "best.json").exists()
    with pytest.raises(UserError, match=r"already there.*--resume"):
        _tune(truth, tmp_path / "out")
    assert _tune(truth, tmp_path / "out", resume=True).trials == 8
    # All are done: to go on is to report again.
    assert _tune(truth, tmp_path / "out", resume=True).trials == 8


def test_enough_reports_what_is_there(truth, tmp_path):
    def enough(stage, done, total):
        if done == 2:
            raise Enough

    assert _tune(truth, tmp_path / "out", progress=enough).trials == 2


@pytest.mark.parametrize(
    "other", [{"objective": "LNK"}, {"space": {"LINKING_MAX_DISTANCE": [5.0, 50.0]}}]
)
def test_trials_of_another_tuning_are_refused(truth, tmp_path, other):
    _tune(truth, tmp_path / "out", trials=1)
    with pytest.raises(UserError, match="its trials are of another"):
        _tune(truth, tmp_path / "out", resume=True, **other)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"LINKING_DISTANCE": [1, 2]}, "Did you mean LINKING_MAX_DISTANCE"),
        ({"LINKING_MAX_DISTANCE": 5}, "no list"),
        ({"MAX_FRAME_GAP": [-1, 2]}, "MAX_FRAME_GAP"),
        ({}, "no setting"),
    ],
)
def test_wrong_spaces(truth, tmp_path, space, words):
    with pytest.raises(UserError, match=words):
        _tune(truth, tmp_path / "out", space=space)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("tracker", sorted(tracking.TRACKERS))
def test_every_tracker_has_a_space(truth, tmp_path, tracker):
    found = _tune(truth, tmp_path / "out", tracker=tracker, space=None, trials=3)
    assert found.settings.tracker == tracker
    assert found.best["TRA"] >= found.default["TRA"]


@pytest.mark.parametrize("objective", ["LNK", "CHOTA"])
def test_other_objectives(truth, tmp_path, objective):
    found = _tune(truth, tmp_path / "out", objective=objective, trials=4)
    assert 0 <= found.default[objective] <= found.best[objective] <= 1


def test_what_to_install_is_said(truth, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match=r"not installed.*imagej-dl\[tune\]"):
        _tune(truth, tmp_path / "out")


def test_command(truth, tmp_path, capsys):
    images.write(_labels(), tmp_path / "labels.tif")
    (tmp_path / "space.json").write_text(json.dumps(_SPACE))
    values = {"labels": tmp_path / "labels.tif", "truth": truth, "space": tmp_path / "space.json"}
    TuneTracking.declare({**values, "out": tmp_path / "out", "trials": 3}).run(silent)
    said = capsys.readouterr().out
    assert "with TrackMate's defaults" in said
    assert "3 trials" in said
    short = _labels().isel(T=slice(0, 4))
    images.write(short, tmp_path / "labels.tif", overwrite=True)
    with pytest.raises(UserError, match="4 frames, the truth"):
        TuneTracking.declare({**values, "out": tmp_path / "other"}).run(silent)
