"""Pairs of label maps: files, folders, projects; what does not pair is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from imagej_dl import ctc, evaluation, images, tracking
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.evaluation import pairing


def _labels(path, seed=0, frames=None):
    rng = np.random.default_rng(seed)
    shape = (20, 20) if frames is None else (frames, 20, 20)
    array = np.kron(rng.integers(0, 5, shape), np.ones((3, 3), int)).astype(np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(images.make(array, "YX" if frames is None else "TYX"), path)


def test_two_files(tmp_path):
    _labels(tmp_path / "a.tif")
    report = evaluation.evaluate(tmp_path / "a.tif", tmp_path / "a.tif")
    assert report.mean_average_precision == 1.0
    assert "1.000" in report.table()


def test_movies_count_frame_by_frame(tmp_path):
    _labels(tmp_path / "a.tif", frames=4)
    image = images.read(tmp_path / "a.tif")
    shuffled = image.copy()
    shuffled.data[2] = np.where(image.data[2] > 0, image.data[2] + 10, 0)
    images.write(shuffled, tmp_path / "b.tif")
    report = evaluation.evaluate(tmp_path / "b.tif", tmp_path / "a.tif")
    assert report.matchings[0].average_precision == 1.0
    assert report.matchings[0].n_true == sum(len(np.unique(f)) - 1 for f in image.data)


def test_frames_that_a_file_stores_as_slices_are_no_volume_without_a_word(tmp_path):
    _labels(tmp_path / "a.tif", frames=4)
    movie = images.read(tmp_path / "a.tif")
    other = np.where(movie.data > 0, 5 - movie.data, 0).astype(np.uint16)
    other[::2] = movie.data[::2]
    for name, array in {"stack": movie.data, "other": other}.items():
        images.write(images.make(array, "ZYX"), tmp_path / f"{name}.tif")
    said = "volumes of up to 4 slices, as a whole. If the slices are frames, pass --axes TYX"
    report = evaluation.evaluate(tmp_path / "other.tif", tmp_path / "stack.tif")
    assert said in report.table()
    assert report.mean_average_precision < 1
    report = evaluation.evaluate(tmp_path / "other.tif", tmp_path / "stack.tif", "TYX")
    assert "slices" not in report.table()
    assert report.mean_average_precision == 1
    with pytest.raises(UserError, match="If the slices are frames, pass --axes TYX"):
        evaluation.evaluate(tmp_path / "stack.tif", tmp_path / "a.tif")
    report = evaluation.evaluate(tmp_path / "stack.tif", tmp_path / "a.tif", "TYX")
    assert report.mean_average_precision == 1


def test_folders_of_files_and_of_folders(tmp_path):
    for name in ("one", "two"):
        _labels(tmp_path / "truth" / "masks" / f"{name}.tif", seed=len(name))
        _labels(tmp_path / "pred" / name / "labels.tif", seed=len(name))
    report = evaluation.evaluate(tmp_path / "pred", tmp_path / "truth")
    assert sorted(report.images) == ["one", "two"]
    assert report.mean_average_precision == 1.0


def test_missing_and_additional_predictions(tmp_path):
    for name in ("a", "b", "c"):
        _labels(tmp_path / "truth" / f"{name}.tif")
    for name in ("a", "x"):
        _labels(tmp_path / "pred" / f"{name}.tif")
    with pytest.raises(UserError, match="no prediction for 2 of 3 images: b, c"):
        evaluation.evaluate(tmp_path / "pred", tmp_path / "truth")
    (tmp_path / "truth" / "b.tif").unlink()
    (tmp_path / "truth" / "c.tif").unlink()
    with pytest.warns(DataWarning, match="1 predictions have no ground truth and are left out: x"):
        evaluation.evaluate(tmp_path / "pred", tmp_path / "truth")


def test_unequal_shapes_name_the_file(tmp_path):
    _labels(tmp_path / "a.tif")
    images.write(images.make(np.zeros((9, 9), np.uint16)), tmp_path / "b.tif")
    with pytest.raises(UserError, match="shape") as caught:
        evaluation.evaluate(tmp_path / "b.tif", tmp_path / "a.tif")
    assert caught.value.path == str(tmp_path / "b.tif")


def test_fewer_frames(tmp_path):
    _labels(tmp_path / "a.tif", frames=4)
    _labels(tmp_path / "b.tif", frames=3)
    with pytest.raises(UserError, match="fewer frames"):
        evaluation.evaluate(tmp_path / "b.tif", tmp_path / "a.tif")


def test_labels_against_a_challenge_truth(shared_data):
    folder = shared_data / "movie"
    report = evaluation.evaluate(folder / "detections.tif", folder / "truth")
    assert report.matchings[0].precision == 1.0
    assert report.matchings[0].recall == pytest.approx(775 / 814)


def test_labels_are_scored_against_whole_objects_not_against_markers(tmp_path):
    movie = np.zeros((3, 24, 24), np.uint16)
    movie[:, 4:16, 4:16] = 1
    images.write(images.make(movie, "TYX"), tmp_path / "labels.tif")
    markers = np.zeros_like(movie)
    markers[:, 9:11, 9:11] = 1
    folder = tmp_path / "01_GT"
    ctc.write_truth(ctc.CtcFolder(markers, np.array([[1, 0, 2, 0]])), folder)
    for path in (folder / "SEG").iterdir():
        path.unlink()
    with pytest.warns(DataWarning, match="no SEG: the masks of TRA are scored"):
        assert evaluation.evaluate(tmp_path / "labels.tif", folder).mean_average_precision == 0
    ctc.write_masks([(1, movie[1])], folder / "SEG", "man_seg", 3)
    with pytest.warns(DataWarning, match="2 of 3 frames are not in SEG and are left out"):
        report = evaluation.evaluate(tmp_path / "labels.tif", folder)
    assert report.mean_average_precision == 1
    assert report.matchings[0].n_true == 1


def test_daughters_that_share_the_id_of_their_track_are_warned_of(tmp_path):
    movie = np.zeros((3, 30, 40), np.uint16)
    movie[0, 8:22, 10:30] = 1
    movie[1:, 8:22, 10:20] = 1
    movie[1:, 8:22, 20:30] = 2
    images.write(images.make(movie, "TYX"), tmp_path / "labels.tif")
    tracks = tracking.track(images.read(tmp_path / "labels.tif"))
    assert tracks.counts["divisions"] == 1
    tracking.write(tracks, tmp_path / "out")
    with pytest.warns(DataWarning, match="both daughters of a cell count as one object"):
        report = evaluation.evaluate(tmp_path / "out" / "tracked.tif", tmp_path / "labels.tif")
    assert report.matchings[0].n_pred == 3
    masks = tmp_path / "out" / "CTC" / "01_RES"
    assert evaluation.evaluate(masks, tmp_path / "labels.tif").mean_average_precision == 1


@pytest.mark.parametrize("kind", ["missing", "empty", "mixed"])
def test_nothing_to_compare(tmp_path, kind):
    _labels(tmp_path / "a.tif")
    (tmp_path / "empty").mkdir()
    truth = {"missing": "none.tif", "empty": "empty", "mixed": "empty"}[kind]
    pred = tmp_path / ("empty" if kind == "empty" else "a.tif")
    with pytest.raises(UserError):
        evaluation.evaluate(pred, tmp_path / truth)


def test_json_report(tmp_path):
    _labels(tmp_path / "a.tif")
    report = evaluation.evaluate(tmp_path / "a.tif", tmp_path / "a.tif")
    report.write(tmp_path / "scores.json")
    found = json.loads((tmp_path / "scores.json").read_text())
    assert found["mean_average_precision"] == 1.0
    assert [t["threshold"] for t in found["thresholds"]] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert len(found["images"]["a"]) == 5
    with pytest.raises(UserError, match="already there"):
        report.write(tmp_path / "scores.json")


def test_hidden_files_are_no_label_maps(tmp_path):
    _labels(tmp_path / "flat" / "a.tif")
    (tmp_path / "flat" / "._a.tif").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "flat" / "a.jpg").write_bytes(b"a photograph")
    assert pairing.find(tmp_path / "flat") == {"a": tmp_path / "flat" / "a.tif"}
    _labels(tmp_path / "deep" / "a" / "labels.tif")
    _labels(tmp_path / "deep" / ".trash" / "labels.tif")
    assert pairing.find(tmp_path / "deep") == {"a": tmp_path / "deep" / "a" / "labels.tif"}


def test_of_two_called_alike_one_is_left_out_with_a_word(tmp_path):
    for name in ("a.png", "a.tif"):
        (tmp_path / name).touch()
    with pytest.warns(DataWarning, match=r"left out.*a\.png"):
        assert pairing.find(tmp_path) == {"a": tmp_path / "a.tif"}


def test_perfect_emptiness_has_no_score(tmp_path):
    images.write(images.make(np.zeros((8, 8), np.uint16)), tmp_path / "a.tif")
    report = evaluation.evaluate(tmp_path / "a.tif", tmp_path / "a.tif")
    assert report.mean_average_precision is None
    assert "0.000" not in report.table()
    assert "There are no objects in the ground truth or the prediction" in report.table()
    report.write(tmp_path / "scores.json")
    text = (tmp_path / "scores.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text)["thresholds"][0]["average_precision"] is None
