"""The overlaps of the objects of two label maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagej_dl.errors import UserError


@dataclass(frozen=True)
class Overlap:
    """Objects of two label maps of one shape, and how much they overlap.

    `truth` and `pred` are the labels without background, `truth_sizes` and `pred_sizes` their
    pixels; entry k says that objects number `rows[k]` of the ground truth and `columns[k]` of the
    prediction share `shared[k]` pixels.
    """

    truth: np.ndarray
    pred: np.ndarray
    truth_sizes: np.ndarray
    pred_sizes: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    shared: np.ndarray

    @property
    def ious(self) -> np.ndarray:
        """Intersection over union of each overlapping pair."""
        union = self.truth_sizes[self.rows] + self.pred_sizes[self.columns] - self.shared
        return self.shared / union

    @property
    def covered(self) -> np.ndarray:
        """The part of the true object that each overlapping pair shares."""
        return self.shared / self.truth_sizes[self.rows]


def overlap(truth: np.ndarray, pred: np.ndarray) -> Overlap:
    """Measure the overlaps of two label maps; UserError when their shapes differ."""
    if truth.shape != pred.shape:
        raise UserError(
            f"the prediction has the shape {pred.shape}, the ground truth {truth.shape}"
        )
    true_labels, true_place, true_sizes = _places(truth)
    pred_labels, pred_place, pred_sizes = _places(pred)
    both = (true_place >= 0) & (pred_place >= 0)
    width = max(1, len(pred_labels))
    pairs, shared = np.unique(
        true_place[both].astype(np.int64) * width + pred_place[both], return_counts=True
    )
    rows, columns = np.divmod(pairs, width)
    return Overlap(true_labels, pred_labels, true_sizes, pred_sizes, rows, columns, shared)


def _places(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    place = place.ravel()
    if len(found) and found[0] == 0:
        return found[1:], place - 1, sizes[1:]
    return found, place, sizes
