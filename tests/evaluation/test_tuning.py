"""Tuning: never worse than TrackMate's defaults, resumable, of these data only."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from imagej_dl import ctc, images, simulation, tracking
from imagej_dl.commands.tune_tracking import TuneTracking
from imagej_dl.errors import Cancelled, DataWarning, Enough, UserError
from imagej_dl.evaluation import ctc_metrics as scores
from imagej_dl.evaluation import tuning
from imagej_dl.evaluation.tuning_report import Held, Tuned
from imagej_dl.progress import silent

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


_FAR = {"LINKING_MAX_DISTANCE": 40.0}
_SPACE = {"LINKING_MAX_DISTANCE": [5.0, 60.0], "MAX_FRAME_GAP": [1, 3]}


def _tune(truth, folder, **values):
    values = {"space": _SPACE, "trials": 8, "held_out": 0.0} | values
    return tuning.tune(_labels(), ctc.read_truth(truth), folder, **values)


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
    again = scores.score(ctc.layout(tracks), ctc.read_truth(truth))
    assert again["TRA"] == found.best["TRA"]


def test_the_first_trial_is_trackmates_default(truth, tmp_path):
    found = _tune(truth, tmp_path / "out", trials=1, space=None)
    assert found.best == found.default
    assert found.settings == tracking.default_settings().in_unit("µm")


def test_the_last_frames_are_kept_apart(truth, tmp_path):
    """What is found on frames 0 to 2 is scored on frames 3 and 4, which no trial sees."""
    found = _tune(truth, tmp_path / "out", held_out=0.4)
    assert found.held.frames == (3, 4)
    whole = ctc.read_truth(truth)
    for chosen, told, held in (
        (found.settings, found.best, found.held.best),
        (tracking.make_settings("SPARSE_LAP_TRACKER"), found.default, found.held.default),
    ):
        for bounds, said in (((0, 3), told), ((3, 5), held)):
            part = _labels().isel(T=slice(*bounds))
            tracks = tracking.track(part, settings=chosen, engine="embedded")
            assert scores.score(ctc.layout(tracks), whole.cut(*bounds)) == said
    assert found.held.best["TRA"] == 1 > found.held.default["TRA"]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["held_out"]["frames"] == [3, 4]
    assert report["held_out"]["best"]["TRA"] == 1
    with pytest.raises(UserError, match="another labels"):
        _tune(truth, tmp_path / "out", resume=True)
    with pytest.warns(DataWarning, match="5 frames are too few to hold some out"):
        assert _tune(truth, tmp_path / "few", trials=1, held_out=0.1).held is None


@pytest.fixture(scope="module")
def changing():
    """A cell jumps, but not in the last frames, where another one appears as far away."""
    at = [10, 40, 70, 100, 100, 100, 130, 130]
    masks = np.zeros((8, 60, 150), np.uint16)
    for frame, x in enumerate(at):
        masks[frame, 40:48, 8:16] = 2
        masks[frame, 8:16, x : x + 8] = 1 if frame < 6 else 3
    rows = np.array([[1, 0, 5, 0], [2, 0, 7, 0], [3, 6, 7, 0]])
    labels = images.make(masks.copy(), "TYX")
    return labels, ctc.GroundTruth(ctc.CtcFolder(masks, rows), {})


def test_what_is_worse_on_the_frames_held_out_is_not_kept(changing, tmp_path):
    space = {"LINKING_MAX_DISTANCE": [15.0, 40.0, 50.0]}
    found = tuning.tune(*changing, tmp_path / "out", space=space, trials=6, held_out=0.5)
    assert found.best["TRA"] == 1 > found.default["TRA"]
    assert found.held.best["TRA"] < found.held.default["TRA"] == 1
    assert found.keeps_defaults
    assert found.settings == tracking.make_settings("SPARSE_LAP_TRACKER").in_unit("pixel")
    assert tracking.read_settings(tmp_path / "out" / "best.json") == found.settings
    assert found.found.settings.linking_max_distance > 15
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["keeps_defaults"]
    assert report["settings"] == found.settings.to_json()
    assert report["best_settings"] == found.found.to_json()


@pytest.mark.parametrize(
    ("best", "auto", "kept", "better"),
    [(0.9, 0.95, False, True), (0.7, 0.8, True, False), (0.8, None, False, False)],
)
def test_the_command_says_what_is_better_than_the_trials_best(capsys, best, auto, kept, better):
    default, tuned = (tracking.make_settings("SPARSE_LAP_TRACKER", v) for v in ({}, _FAR))
    held = Held((3, 4), {"TRA": best}, {"TRA": 0.8}, auto and {"TRA": auto})
    scores = {"TRA": 1.0}
    command = TuneTracking.declare({"labels": "l.tif", "truth": "t", "out": "out"})
    command._report(Tuned(default if kept else tuned, scores, scores, 5, held, tuned))
    said = capsys.readouterr().out
    assert ("best.json has the defaults" in said) == kept == held.prefers_defaults("TRA")
    assert ("AUTO" in said) == better


@pytest.mark.parametrize(
    ("space", "lacks"),
    [({"LINKING_MAX_DISTANCE": [1.0, 2.0]}, True), ({"LINKING_MAX_DISTANCE": [1.0, 20.0]}, False)],
)
def test_defaults_that_a_space_does_not_hold_are_not_called_so(
    changing, tmp_path, capsys, space, lacks
):
    found = tuning.tune(*changing, tmp_path / "out", space=space, trials=1, held_out=0.0)
    assert found.lacks_defaults == lacks
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["default_settings"] == found.usual.to_json()
    TuneTracking.declare({"labels": "l.tif", "truth": "t", "out": "out"})._report(found)
    assert ("does not hold the tracker's defaults" in capsys.readouterr().out) == lacks


def test_the_command_says_that_divisions_were_given_up(capsys):
    found, usual = ({"TRA": 1.0, "tp_div(1)": n, "gt_divisions": 9} for n in (0, 4))
    command = TuneTracking.declare({"labels": "l.tif", "truth": "t", "out": "out"})
    settings = tracking.default_settings()
    command._report(Tuned(settings, found, usual, 5, None, settings))
    said = capsys.readouterr().out
    assert "Divisions: 0 of 9 and 0 false ones, with the defaults 4 and 0" in said
    assert "If lineages matter" in said
    command._report(Tuned(settings, usual, found, 5, None, settings))
    said = capsys.readouterr().out
    assert "Divisions: 4 of 9" in said
    assert "If lineages matter" not in said


@pytest.mark.parametrize("tracker", ["AUTO", "SPARSE_LAP_TRACKER"])
def test_the_first_trial_has_exactly_the_defaults(changing, tmp_path, tracker):
    """Also those that the search space does not hold: AUTO's reach that follows the movie."""
    labels = changing[0].assign_attrs(pixel_width=0.1, pixel_height=0.1)
    found = tuning.tune(labels, changing[1], tmp_path, tracker, trials=1, held_out=0.0)
    usual = tracking.default_settings("auto" if tracker == "AUTO" else "embedded")
    assert found.settings == usual.in_unit("pixel")
    row = pd.read_csv(tmp_path / "trials.csv").iloc[0]
    values = usual.settings.to_map()
    assert all(row[key] == value for key, value in values.items() if key in row)


def test_gaps_are_scored_as_they_are_written(truth, tmp_path):
    """This truth lacks the object that is missed once: painted, it is one too many."""
    space = {"LINKING_MAX_DISTANCE": [40.0], "GAP_CLOSING_MAX_DISTANCE": [80.0]}
    cut = _tune(truth, tmp_path / "cut", space=space, trials=1)
    painted = _tune(truth, tmp_path / "fill", space=space, trials=1, gaps="fill")
    assert cut.best["DET"] == 1 > painted.best["DET"]


def test_parts_of_the_truth():
    """Tracks are cut at the bounds; a parent without a frame there is none."""
    rows = np.array([[1, 0, 2, 0], [2, 3, 5, 1], [3, 3, 3, 1], [4, 5, 5, 3]])
    masks = np.arange(6).reshape(6, 1, 1)
    whole = ctc.GroundTruth(ctc.CtcFolder(masks, rows), {1: masks[1], 4: masks[4]})
    last = whole.cut(3, 6)
    assert last.tracks.tracks.tolist() == [[2, 0, 2, 0], [3, 0, 0, 0], [4, 2, 2, 3]]
    assert last.tracks.masks.ravel().tolist() == [3, 4, 5]
    assert list(last.segmentation) == [1]
    assert whole.cut(1, 4).tracks.tracks.tolist() == [
        [1, 0, 1, 0],
        [2, 2, 2, 1],
        [3, 2, 2, 1],
    ]


@pytest.mark.slow
def test_motile_is_tuned_as_well(truth, tmp_path):
    pytest.importorskip("motile", reason="motile is not installed")
    space = {"LINKING_MAX_DISTANCE": [5.0, 60.0]}
    found = _tune(truth, tmp_path / "out", tracker="MOTILE", space=space, trials=3)
    assert found.settings.tracker == "MOTILE"
    assert found.best["TRA"] >= found.default["TRA"]


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


def test_the_first_scored_is_the_default_after_a_stop(truth, tmp_path, monkeypatch):
    """Whatever stops the first trial: else the next would pass for the tracker's defaults."""
    real, stopped = tuning.Trials.score, []

    def killed(*arguments):
        if len(stopped) < 2:
            stopped.append(1)
            # As a process that is killed: what the failed trial leaves is all there is.
            monkeypatch.setattr(tuning.Path, "unlink", lambda *_, **__: None)
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(tuning.Trials, "score", killed)
    for resume in (False, True):
        with pytest.raises(KeyboardInterrupt):
            _tune(truth, tmp_path / "out", trials=2, resume=resume)
    found = _tune(truth, tmp_path / "out", trials=2, resume=True)
    table = pd.read_csv(tmp_path / "out" / "trials.csv")
    assert table["LINKING_MAX_DISTANCE"][0] == 15
    assert found.trials == 2
    assert found.default["TRA"] == table["TRA"][0]


def test_a_stop_within_the_first_trial_leaves_nothing(truth, tmp_path):
    calls = []

    def stop(stage, done, total):
        calls.append((stage, done, total))
        if len(calls) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        _tune(truth, tmp_path / "out", progress=stop)
    assert calls == [("tuning", 0, 8)] * 2
    assert _tune(truth, tmp_path / "out", trials=1).trials == 1


def test_settings_that_an_engine_fails_under_are_left_out(truth, tmp_path, monkeypatch):
    real, calls = tuning.Trials.score, []

    def fails(*arguments):
        calls.append(1)
        if len(calls) in failing:
            raise UserError("no solution within the TIME_LIMIT")
        return real(*arguments)

    monkeypatch.setattr(tuning.Trials, "score", fails)
    failing = (2,)
    with pytest.warns(DataWarning, match="trial 2 is left out: no solution"):
        assert _tune(truth, tmp_path / "out", trials=4).trials == 3
    calls.clear()
    failing = (1,)
    with pytest.raises(UserError, match="no solution"):
        _tune(truth, tmp_path / "other")


def test_enough_reports_what_is_there(truth, tmp_path):
    def enough(stage, done, total):
        if done == 2:
            raise Enough

    assert _tune(truth, tmp_path / "out", progress=enough).trials == 2


@pytest.mark.parametrize(
    "other",
    [{"objective": "LNK"}, {"gaps": "fill"}, {"space": {"LINKING_MAX_DISTANCE": [5.0, 50.0]}}],
)
def test_trials_of_another_tuning_are_refused(truth, tmp_path, other):
    _tune(truth, tmp_path / "out", trials=1)
    with pytest.raises(UserError, match="its trials were run with another"):
        _tune(truth, tmp_path / "out", resume=True, **other)


def test_trials_of_other_data_are_refused(truth, tmp_path):
    """Also where shape and sum are the same; nothing is tracked before it is said."""
    out, given = tmp_path / "out", ctc.read_truth(truth)
    _tune(truth, out, trials=1)
    moved = given.tracks.masks[:, ::-1].copy()
    for other in (
        replace(given, tracks=ctc.CtcFolder(moved, given.tracks.tracks)),
        replace(given, tracks=ctc.CtcFolder(given.tracks.masks, given.tracks.tracks[:-1])),
        replace(given, segmentation={0: given.segmentation[0]}),
    ):
        with pytest.raises(
            UserError, match=r"trials\.log were run with other ground truth"
        ) as said:
            tuning.tune(_labels(), other, out, space=_SPACE, held_out=0.0, resume=True)
        assert said.value.path == str(truth)
        assert "another folder" in said.value.remedy
    for labels in (_labels()[:, ::-1], _labels().assign_attrs(pixel_width=0.5)):
        with pytest.raises(UserError, match=r"jumps\.tif.*were run with other labels"):
            tuning.tune(labels, given, out, space=_SPACE, held_out=0.0, resume=True)
    assert _tune(truth, out, trials=2, resume=True).trials == 2


def test_trials_of_a_version_without_fingerprints_go_on(truth, tmp_path, monkeypatch):
    with monkeypatch.context() as former:
        former.setattr(tuning.tuning_study, "hold", lambda *_: None)
        _tune(truth, tmp_path / "out", trials=1)
    assert _tune(truth, tmp_path / "out", trials=2, resume=True).trials == 2


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"LINKING_DISTANCE": [1, 2]}, "Did you mean LINKING_MAX_DISTANCE"),
        ({"LINKING_MAX_DISTANCE": 5}, "must be a list"),
        ({"MAX_FRAME_GAP": [-1, 2]}, "MAX_FRAME_GAP"),
        ({}, "no setting"),
    ],
)
def test_wrong_spaces(truth, tmp_path, space, words):
    with pytest.raises(UserError, match=words):
        _tune(truth, tmp_path / "out", space=space)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
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
    assert "with the defaults" in said
    assert "On frames 4 to 5, not tuned on: TRA" in said
    assert "3 trials" in said
    short = _labels().isel(T=slice(0, 4))
    images.write(short, tmp_path / "labels.tif", overwrite=True)
    with pytest.raises(UserError, match="4 frames, the ground truth"):
        TuneTracking.declare({**values, "out": tmp_path / "other"}).run(silent)


def test_bounds_in_the_wrong_order_name_the_file(truth, tmp_path):
    images.write(_labels(), tmp_path / "labels.tif")
    (tmp_path / "space.json").write_text('{"LINKING_MAX_DISTANCE": [40, 5]}')
    values = {"labels": tmp_path / "labels.tif", "truth": truth, "out": tmp_path / "out"}
    with pytest.raises(UserError, match=r"space\.json: the bounds .* wrong order: 40, 5"):
        TuneTracking.declare({**values, "space": tmp_path / "space.json"}).run(silent)


def test_other_files_of_the_user_are_not_replaced(truth, tmp_path):
    (tmp_path / "report.json").write_text("mine")
    with pytest.raises(UserError, match=r"report\.json: is already there"):
        _tune(truth, tmp_path, trials=1)
    assert (tmp_path / "report.json").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("gaps", ["cut", "fill"])
def test_a_trial_scores_what_the_settings_give(gaps):
    """Spots and their matches are kept from trial to trial: nothing may change by that."""
    found = simulation.movie(7, (80, 80), 6, seed=3)
    masks = np.array(found.labels)
    truth = ctc.GroundTruth(ctc.CtcFolder(masks.copy(), found.lineage), {2: masks[2].copy()})
    masks[3][masks[3] == masks[3].max()] = 0
    masks[5, 2:4, 2:4] = masks[5].max()  # a stray piece
    labels = images.with_data(found.labels, masks)
    runs = tuning.Trials(labels, truth, "CHOTA", gaps)
    for tracker, values in (
        ("SPARSE_LAP_TRACKER", {"LINKING_MAX_DISTANCE": 9.0}),
        ("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_SPLITTING": True, "ALLOW_TRACK_MERGING": True}),
        ("AUTO", {}),
        ("AUTO", {"MAX_FRAME_GAP": 1}),
    ):
        # What is painted into gaps takes the long way in any case.
        for before in ({}, {"fill_gaps": True}, {"split_fused": True})[
            : 1 if gaps == "fill" else 3
        ]:
            chosen = tracking.make_settings(tracker, values, **before)
            tracks = tracking.track(labels, settings=chosen, engine="embedded")
            said = scores.score(ctc.layout(tracks, gaps), truth, ("CHOTA",))
            assert runs.score(chosen) == said, (tracker, values, before)


def test_a_segmented_frame_after_the_last_is_refused(truth, tmp_path):
    true = ctc.read_truth(truth)
    true.segmentation[5] = true.tracks.masks[4]
    with pytest.raises(UserError, match="segments frame 5; the result has 5 frames"):
        tuning.tune(_labels(), true, tmp_path / "out", space=_SPACE, trials=1, held_out=0.0)


def test_a_tuning_goes_on_with_the_space_that_it_began_with(truth, tmp_path):
    _tune(truth, tmp_path / "out", trials=1)
    assert _tune(truth, tmp_path / "out", trials=2, resume=True, space=None).trials == 2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["space"] == _SPACE
