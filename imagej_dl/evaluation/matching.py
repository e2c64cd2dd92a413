"""Scores of segmentations: objects matched one to one by intersection over union.

The definitions are those of StarDist's `matching` (Schmidt et al. 2018; panoptic quality:
Kirillov et al. 2019), whose "accuracy" is called average precision here, as in the literature.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.evaluation.overlap import Overlap, overlap

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Matching:
    """Counts of one or more images at one threshold; the scores follow from them.

    Where there is no object, true or predicted, they are undefined: NaN.
    """

    threshold: float
    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    sum_iou: float = 0.0

    def __add__(self, other: Matching) -> Matching:
        """Add the counts of other images (StarDist's `matching_dataset(by_image=False)`)."""
        if other.threshold != self.threshold:
            raise ValueError("matchings at different thresholds cannot be added")
        return Matching(
            self.threshold,
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.sum_iou + other.sum_iou,
        )

    @property
    def n_true(self) -> int:
        """Number of true objects."""
        return self.true_positives + self.false_negatives

    @property
    def n_pred(self) -> int:
        """Number of predicted objects."""
        return self.true_positives + self.false_positives

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN)."""
        return self._ratio(self.true_positives, self.n_true + self.false_positives)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return self._ratio(self.true_positives, self.n_pred)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return self._ratio(self.true_positives, self.n_true)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        return self._ratio(2 * self.true_positives, self.n_true + self.n_pred)

    @property
    def mean_matched_iou(self) -> float:
        """Mean intersection over union of the matched objects."""
        return self._ratio(self.sum_iou, self.true_positives)

    @property
    def panoptic_quality(self) -> float:
        """Sum of the matched IoU / (TP + FP / 2 + FN / 2)."""
        return self._ratio(2 * self.sum_iou, self.n_true + self.n_pred)

    def to_json(self) -> dict[str, Any]:
        """Return counts and scores; None for what is undefined."""
        names = ["average_precision", "precision", "recall", "f1"]
        names += ["panoptic_quality", "mean_matched_iou", "n_true", "n_pred"]
        found = asdict(self) | {name: getattr(self, name) for name in names}
        return {name: None if value != value else value for name, value in found.items()}

    def _ratio(self, above: float, below: float) -> float:
        if not self.n_true and not self.n_pred:
            return math.nan
        return above / below if below > 0 else 0.0


def match(
    truth: np.ndarray,
    pred: np.ndarray,
    thresholds: Iterable[float] = THRESHOLDS,
    *,
    known: np.ndarray | None = None,
) -> list[Matching]:
    """Match the objects of two label maps (2-D, or 3-D volumes) at each threshold.

    Parameters
    ----------
    known : where the ground truth says what is there, bool; None everywhere. An object, true or
        predicted, more than half of which is unknown is left out: it is no false negative, and no
        false positive. Others count with all of their pixels.

    Raises
    ------
    UserError : when the shapes differ.
    """
    if known is not None:
        truth, pred = mostly_known(truth, known), mostly_known(pred, known)
    found = overlap(truth, pred)
    return [_match(found, threshold) for threshold in thresholds]


def mostly_known(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return a label map without the objects more than half of which is unknown.

    Raises
    ------
    UserError : when the shapes differ.
    """
    if labels.shape != known.shape:
        raise UserError(f"the label map has the shape {labels.shape}, what is known {known.shape}")
    ids, sizes = np.unique(labels, return_counts=True)
    unknown, counts = np.unique(labels[~known], return_counts=True)
    left_out = unknown[2 * counts > sizes[np.searchsorted(ids, unknown)]]
    return np.where(np.isin(labels, left_out), 0, labels)


def _match(found: Overlap, threshold: float) -> Matching:
    """As many pairs at or above the threshold as can be, of these the largest sum of IoU."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    n_true, n_pred, ious = len(found.truth), len(found.pred), found.ious
    good = ious >= threshold
    if not good.any():
        return Matching(threshold, 0, n_pred, n_true)
    lone = (np.unique(x[good]).size == np.count_nonzero(good) for x in (found.rows, found.columns))
    if all(lone):  # no object has a choice: above an IoU of 0.5 it is so
        tp = int(np.count_nonzero(good))
        return Matching(threshold, tp, n_pred - tp, n_true - tp, float(ious[good].sum()))
    # Each true object may also stay alone, at a cost above that of any pair; a pair gains one,
    # and its IoU breaks ties without outweighing a pair, as in StarDist.
    weights = 2.0 - ious[good] / (2 * min(n_true, n_pred))
    rows = np.concatenate([found.rows[good], np.arange(n_true)])
    columns = np.concatenate([found.columns[good], n_pred + np.arange(n_true)])
    values = np.concatenate([weights, np.full(n_true, 3.0)])
    matrix = coo_array((values, (rows, columns)), shape=(n_true, n_pred + n_true)).tocsr()
    row, column = min_weight_full_bipartite_matching(matrix)
    partner = np.full(n_true, -1)
    partner[row] = column
    matched = good & (partner[found.rows] == found.columns)
    tp = int(np.count_nonzero(matched))
    return Matching(threshold, tp, n_pred - tp, n_true - tp, float(ious[matched].sum()))


def total(matchings: Iterable[list[Matching]]) -> list[Matching]:
    """Add the matchings of images, threshold by threshold."""
    return [sum(same[1:], same[0]) for same in zip(*matchings, strict=True)]
