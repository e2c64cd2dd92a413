"""Scores of label maps have StarDist's definitions."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from imagej_dl import evaluation
from imagej_dl.errors import UserError
from imagej_dl.evaluation.overlap import overlap

SCORES = {
    "accuracy": "average_precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "f1",
    "panoptic_quality": "panoptic_quality",
    "mean_matched_score": "mean_matched_iou",
    "n_true": "n_true",
    "n_pred": "n_pred",
    "tp": "true_positives",
    "fp": "false_positives",
    "fn": "false_negatives",
}


def _pair(seed, shape=(80, 90)):
    """Random blobs, and the same shifted and partly lost."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), 3)
    truth = ndimage.label(smooth > 0.05)[0].astype(np.uint16)
    pred = np.roll(truth, rng.integers(0, 3, len(shape)), axis=tuple(range(len(shape))))
    pred[np.isin(pred, rng.choice(truth.max() + 1, 3))] = 0
    pred[:20] = ndimage.label(smooth[:20] > 0.03)[0] * 2 + 500
    pred[pred == 500] = 0
    return truth, pred


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_equal_to_stardist(seed):
    stardist = pytest.importorskip("stardist.matching")
    truth, pred = _pair(seed)
    theirs = stardist.matching(truth, pred, thresh=list(evaluation.THRESHOLDS))
    for ours, expected in zip(evaluation.match(truth, pred), theirs, strict=True):
        for theirs_name, name in SCORES.items():
            assert getattr(ours, name) == pytest.approx(getattr(expected, theirs_name)), name


@pytest.mark.slow
def test_equal_to_stardist_over_images_and_volumes():
    stardist = pytest.importorskip("stardist.matching")
    pairs = [_pair(seed, (12, 30, 40)) for seed in range(3)]
    theirs = stardist.matching_dataset(*zip(*pairs, strict=True), thresh=0.6, show_progress=False)
    ours = evaluation.total(evaluation.match(*pair, thresholds=[0.6]) for pair in pairs)[0]
    for theirs_name, name in SCORES.items():
        assert getattr(ours, name) == pytest.approx(getattr(theirs, theirs_name)), name


def test_by_hand():
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 0]])
    pred = np.array([[5, 5, 5, 0, 0, 0, 7, 9]])
    found = overlap(truth, pred)
    assert found.ious.tolist() == [0.75, 0.5]
    half, strict = evaluation.match(truth, pred, [0.5, 0.75])
    assert (half.true_positives, half.false_positives, half.false_negatives) == (2, 1, 0)
    assert half.average_precision == pytest.approx(2 / 3)
    assert half.panoptic_quality == pytest.approx(1.25 / 2.5)
    assert (strict.true_positives, strict.mean_matched_iou) == (1, 0.75)


def test_without_any_object_there_is_no_score():
    nothing, some = np.zeros((4, 4), int), np.eye(4, dtype=int)
    none = evaluation.match(nothing, nothing)[0]
    assert none.n_true == none.n_pred == 0
    for name in ("average_precision", "precision", "recall", "f1", "panoptic_quality"):
        assert math.isnan(getattr(none, name)), name
    assert none.to_json()["average_precision"] is None
    json.dumps(none.to_json(), allow_nan=False)
    both = evaluation.total([[none], evaluation.match(some, some, (0.5,))])[0]
    assert both.average_precision == 1.0


def test_objects_on_one_side_only():
    nothing, some = np.zeros((4, 4), int), np.eye(4, dtype=int)
    for pair, counts in (
        ((some, nothing), (0, 0, 1)),
        ((nothing, some), (0, 1, 0)),
    ):
        found = evaluation.match(*pair)[0]
        assert (found.true_positives, found.false_positives, found.false_negatives) == counts
        assert found.average_precision == found.f1 == found.panoptic_quality == 0.0


def test_image_without_background():
    full = np.repeat([[1, 2]], 3, axis=0)
    assert evaluation.match(full, full)[0].average_precision == 1.0


def test_unequal_shapes():
    with pytest.raises(UserError, match=r"\(4, 5\), the ground truth \(4, 4\)"):
        evaluation.match(np.zeros((4, 4), int), np.zeros((4, 5), int))
