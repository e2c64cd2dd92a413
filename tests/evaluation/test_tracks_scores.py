"""Scores of tracks: py-ctcmetrics' own, perfect results perfect, broken ones named."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tifffile

from imagej_dl import ctc, evaluation, images, tracking
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.evaluation import ctc_metrics as challenge


@pytest.fixture(scope="module")
def result(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracks") / "out"
    labels = images.read(shared_data / "movie-dense" / "detections.tif")
    tracking.write(tracking.track(labels, engine="embedded"), folder)
    return folder


@pytest.fixture(scope="module")
def full_layout(shared_data, tmp_path_factory):
    """The truth in the challenge's layout: 01_GT/TRA and 01_GT/SEG."""
    source = shared_data / "movie-dense" / "truth"
    folder = tmp_path_factory.mktemp("truth") / "01_GT"
    shutil.copytree(source, folder / "TRA")
    (folder / "SEG").mkdir()
    for path in source.glob("man_track*.tif"):
        shutil.copy(path, folder / "SEG" / path.name.replace("man_track", "man_seg"))
    return folder


@pytest.mark.slow
def test_equal_to_py_ctcmetrics(result, full_layout):
    from ctc_metrics.scripts.evaluate import evaluate_sequence

    res = result / "CTC" / "01_RES"
    wanted = ["Valid", "SEG", "DET", "TRA", "LNK", "CT", "TF", "BC"]
    theirs = evaluate_sequence(str(res), str(full_layout), wanted, threads=1)
    ours = evaluation.evaluate(res, full_layout).tracks
    for name in ("SEG", "DET", "TRA", "LNK", "CT", "TF", "BC(0)", "BC(1)", "BC(2)"):
        assert ours[name] == pytest.approx(theirs[name]), name


def test_plain_truth_folder_and_track_output(result, full_layout, shared_data):
    plain = evaluation.evaluate(result, shared_data / "movie-dense" / "truth").tracks
    assert plain == evaluation.evaluate(result, full_layout).tracks
    assert plain["TRA"] > 0.75
    assert plain["DET"] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(("movie", "least"), [("movie", 0.94), ("movie-dense", 0.80)])
def test_tracking_alone(movie, least, shared_data, tmp_path):
    """Labels with 5 and 8 % of the objects missing, and fused ones, to lineages."""
    labels = images.read(shared_data / movie / "detections.tif")
    tracking.write(tracking.track(labels, engine="embedded"), tmp_path / "out")
    report = evaluation.evaluate(tmp_path / "out", shared_data / movie / "truth")
    assert report.tracks["TRA"] > least
    assert f"{report.tracks['TRA']:.4f}" in report.table()


def test_truth_against_itself_is_perfect(shared_data, tmp_path):
    truth = shared_data / "movie" / "truth"
    scores = challenge.score(ctc.read(truth), ctc.read_truth(truth))
    for name in ("SEG", "DET", "TRA", "LNK", "CT", "TF", "BC(0)"):
        assert scores[name] == 1.0, name


def test_truth_without_segmentation_has_no_seg(result, full_layout, tmp_path):
    shutil.copytree(full_layout / "TRA", tmp_path / "01_GT" / "TRA")
    scores = evaluation.evaluate(result, tmp_path / "01_GT").tracks
    assert "SEG" not in scores
    assert scores["TRA"] > 0.75


def _write(folder, masks, rows, prefix="mask", table="res_track.txt"):
    folder.mkdir(parents=True)
    kind = np.uint16 if np.max(masks) < 2**16 else np.uint32
    for number, mask in enumerate(masks):
        tifffile.imwrite(folder / f"{prefix}{number:03d}.tif", np.asarray(mask, kind))
    np.savetxt(folder / table, np.array(rows).reshape(-1, 4), fmt="%d")
    return folder


@pytest.fixture
def truth(tmp_path):
    masks = np.zeros((3, 10, 10))
    masks[:, 2:5, 2:5] = 1
    rows = [[1, 0, 2, 0]]
    return _write(tmp_path / "truth", masks, rows, "man_track", "man_track.txt"), masks


def test_result_without_objects(truth, tmp_path):
    folder, masks = truth
    empty = _write(tmp_path / "01_RES", np.zeros_like(masks), [])
    with pytest.warns(DataWarning, match="no objects"):
        scores = evaluation.evaluate(empty, folder).tracks
    assert scores["TRA"] == scores["SEG"] == 0.0
    # So are those asked for besides: a tuning by CHOTA goes on.
    with pytest.warns(DataWarning, match="no objects"):
        found = challenge.score(ctc.read(empty), ctc.read_truth(folder), ("CHOTA",))
    assert found["CHOTA"] == 0.0


def test_what_the_truth_leaves_open_is_no_0_of_a_result_without_objects(tmp_path):
    true = np.zeros((2, 10, 10), np.uint16)
    true[1, 2:5, 2:5] = 1
    ctc.write_truth(ctc.CtcFolder(true, np.array([[1, 1, 1, 0]])), tmp_path / "01_GT")
    for path in (tmp_path / "01_GT" / "SEG").iterdir():
        path.unlink()
    empty = _write(tmp_path / "01_RES", np.zeros_like(true), [])
    whole = _write(tmp_path / "02_RES", true, [[1, 1, 1, 0]])
    with pytest.warns(DataWarning, match="no objects"):
        scores = evaluation.evaluate(empty, tmp_path / "01_GT").tracks
    assert not {"SEG", "LNK"} & scores.keys()
    assert not {"SEG", "LNK"} & evaluation.evaluate(whole, tmp_path / "01_GT").tracks.keys()
    assert scores["TRA"] == 0.0


def test_frames_without_objects(truth, tmp_path):
    folder, masks = truth
    masks = masks.copy()
    masks[2] = 0
    res = _write(tmp_path / "01_RES", masks, [[1, 0, 1, 0]])
    assert evaluation.evaluate(res, folder).tracks["DET"] == pytest.approx(2 / 3)


def test_frames_without_true_objects(tmp_path):
    masks = np.zeros((4, 10, 10))
    masks[1:3, 2:5, 2:5] = 1
    true = _write(tmp_path / "truth", masks, [[1, 1, 2, 0]], "man_track", "man_track.txt")
    masks[0, 7:9, 7:9] = 2
    res = _write(tmp_path / "01_RES", masks, [[1, 1, 2, 0], [2, 0, 0, 0]])
    scores = evaluation.evaluate(res, true).tracks
    assert (scores["SEG"], scores["AOGM_FP"], scores["AOGM_FN"]) == (1.0, 1, 0)


def test_one_frame(tmp_path):
    mask = np.eye(6) > 0
    res = _write(tmp_path / "01_RES", [mask], [[1, 0, 0, 0]])
    true = _write(tmp_path / "truth", [mask], [[1, 0, 0, 0]], "man_track", "man_track.txt")
    scores = evaluation.evaluate(res, true).tracks
    assert (scores["SEG"], scores["DET"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1, 0, 2, 9]], "parent 9"),
        ([[1, 2, 0, 0]], r"track 1 end \(frame 0\) before it begins \(2\)"),
        ([[1, 0, 1, 0]], "the mask of frame 2 has the id 1"),
        ([[1, 0, 2, 0], [1, 0, 2, 0]], "twice"),
        ([[1, 0, 2, 0], [2, 1, 1, 0]], "track 2 is not in the mask of frame 1"),
        ([[1, 0, 2, 2], [2, 0, 2, 0]], "before its parent"),
        ([[1, 0, 3, 0]], "end in frame 3, and the last frame is 2"),
        ([[1, 0, 2, 0], [2, 3, 3, 0]], "end in frame 3, and the last frame is 2"),
        ([[1, -1, 2, 0]], "begin in frame -1"),
        ([[1, 0, 2, 0], [-2, 0, 2, 0]], "has the id -2"),
    ],
)
def test_broken_results_are_named(truth, tmp_path, rows, words):
    folder, masks = truth
    res = _write(tmp_path / "01_RES", masks, rows)
    with pytest.raises(UserError, match=words) as caught:
        evaluation.evaluate(res, folder)
    assert caught.value.path == str(res)


def test_unequal_frames_and_shapes(truth, tmp_path):
    folder, masks = truth
    res = _write(tmp_path / "01_RES", masks[:2], [[1, 0, 1, 0]])
    with pytest.raises(UserError, match="2 frames, the ground truth 3"):
        evaluation.evaluate(res, folder)
    other = _write(tmp_path / "02_RES", masks[:, :8], [[1, 0, 2, 0]])
    with pytest.raises(UserError, match=r"in frame 0 .*shape"):
        evaluation.evaluate(other, folder)


def test_a_truth_that_segments_some_frames_and_tracks_none(result, full_layout, tmp_path):
    truth = tmp_path / "01_GT"
    (truth / "SEG").mkdir(parents=True)
    for number in (3, 17):
        shutil.copy(full_layout / "SEG" / f"man_seg{number:03}.tif", truth / "SEG")
    found = evaluation.evaluate(result, truth).tracks
    both = tmp_path / "both"
    shutil.copytree(full_layout / "TRA", both / "TRA")
    shutil.copytree(truth / "SEG", both / "SEG")
    assert found == {"SEG": pytest.approx(evaluation.evaluate(result, both).tracks["SEG"])}
    # The challenge's segmentation benchmark asks for no table of tracks.
    masks = tmp_path / "01_RES"
    shutil.copytree(result / "CTC" / "01_RES", masks)
    (masks / "res_track.txt").unlink()
    assert evaluation.evaluate(masks, truth).tracks == found
    tifffile.imwrite(masks / "mask017.tif", np.zeros((8, 9), np.uint16))
    with pytest.raises(UserError, match=r"in frame 17 .*shape") as caught:
        evaluation.evaluate(masks, truth)
    assert caught.value.path == str(masks)
    (masks / "mask017.tif").unlink()
    with pytest.raises(UserError, match="no mask of frame 17"):
        evaluation.evaluate(masks, truth)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*large pieces")
def test_tracks_of_a_sparse_truth_are_refused_and_its_objects_scored(result, full_layout, tmp_path):
    with pytest.raises(UserError, match="tracks are not scored sparsely") as caught:
        evaluation.evaluate(result, full_layout, sparse=True)
    assert caught.value.path == str(full_layout)
    # The remedy: a movie of label maps against the same folder, with every other track drawn.
    half = ctc.read(full_layout)
    kept = half.tracks[::2]
    kept[:, 3] = 0
    masks = np.where(np.isin(half.masks, kept[:, 0]), half.masks, 0)
    ctc.write_truth(ctc.CtcFolder(masks, kept), tmp_path / "half_GT")
    movie = result / "tracked.tif"
    dense = evaluation.evaluate(movie, tmp_path / "half_GT").matchings[0]
    sparse = evaluation.evaluate(movie, tmp_path / "half_GT", sparse=True).matchings[0]
    assert sparse.true_positives == dense.true_positives > 100
    assert dense.precision < 0.6
    assert sparse.precision > 0.9
    # SEG counts true objects alone, so what is not drawn changes nothing.
    shutil.rmtree(tmp_path / "half_GT" / "TRA")
    found = evaluation.evaluate(result, tmp_path / "half_GT", sparse=True).tracks
    assert found == evaluation.evaluate(result, tmp_path / "half_GT").tracks


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("1 0 4 0\n", "", "has no id 1, which is in the mask of frame 0"),
        ("2 0 4 0", "2 0 4 9", "with the parent 9, which is not a track"),
        ("2 0 4 0", "2 4 0 0", "has track 2 end .* before it begins"),
        ("2 0 4 0", "2 0 5 0", "end in frame 5, and the last frame is 4"),
        ("2 0 4 0", "2 0 4 1", "before its parent 1 begins"),
        ("2 0 4 0", "1 0 4 0", "lists an id twice"),
    ],
)
def test_a_broken_truth_is_named(old, new, problem, tmp_path):
    masks = np.zeros((5, 20, 20), np.uint16)
    masks[:, 2:8, 2:8], masks[:, 12:18, 12:18] = 1, 2
    found = ctc.CtcFolder(masks, np.array([[1, 0, 4, 0], [2, 0, 4, 0]]))
    ctc.write_result(found, tmp_path / "01_RES")
    ctc.write_truth(found, tmp_path / "01_GT")
    table = tmp_path / "01_GT" / "TRA" / "man_track.txt"
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=f"01_GT: .*{problem}"):
        evaluation.evaluate(tmp_path / "01_RES", tmp_path / "01_GT")


def test_a_row_past_the_last_frame_is_refused(shared_data):
    """As of a movie that was cut after it was tracked."""
    tracks = shared_data / "faults" / "tracking"
    with pytest.raises(UserError, match=r"bad1_RES: .*track 1 end in frame 9, .*last frame is 7"):
        evaluation.evaluate(tracks / "bad1_RES", tracks / "g1_GT")


def test_a_mark_and_line_ends_of_windows_are_read(shared_data):
    tracks = shared_data / "faults" / "tracking"
    assert evaluation.evaluate(tracks / "crlf_RES", tracks / "g1_GT").tracks["TRA"] == 1.0


def test_a_table_in_utf_16_is_named(truth, tmp_path):
    folder, masks = truth
    res = _write(tmp_path / "01_RES", masks, [[1, 0, 2, 0]])
    (res / "res_track.txt").write_text("1 0 2 0\n", encoding="utf-16")
    with pytest.raises(UserError, match=r"res_track\.txt: is text in UTF-16"):
        evaluation.evaluate(res, folder)


def test_two_masks_of_one_frame_are_refused(truth, tmp_path):
    folder, masks = truth
    res = _write(tmp_path / "01_RES", masks, [[1, 0, 2, 0]])
    shutil.copy(res / "mask000.tif", res / "mask00.tif")
    with pytest.raises(UserError, match=r"has the number of mask00"):
        evaluation.evaluate(res, folder)


def test_scores_of_large_ids_need_no_large_tables(tmp_path):
    """They are those of small ids, in the same order."""
    import tracemalloc

    masks = np.zeros((4, 20, 20), np.uint32)
    masks[:, 2:6, 2:6], masks[:2, 10:14, 10:14] = 1, 2
    masks[2:, 9:11, 10:14], masks[2:, 13:15, 10:14] = 3, 4
    rows = [[1, 0, 3, 0], [2, 0, 1, 0], [3, 2, 3, 2], [4, 2, 3, 2]]
    ids = np.array([0, 7, 2**31, 2**32 - 2, 2**32 - 1], np.uint32)
    large = [[int(ids[i]), first, last, int(ids[p])] for i, first, last, p in rows]
    found = []
    for name, labels, table in (("a", masks, rows), ("b", ids[masks], large)):
        res = _write(tmp_path / name / "01_RES", labels, table)
        true = _write(tmp_path / name / "t", labels, table, "man_track", "man_track.txt")
        (res / "mask001.tif").write_bytes((res / "mask000.tif").read_bytes())
        tracemalloc.start()
        found.append(evaluation.evaluate(res, true).tracks)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found[0] == found[1]
    assert found[0]["TRA"] == 1
    assert peak < 2**26
