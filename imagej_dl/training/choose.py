"""After training: which settings make the best objects of the validation images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.models import Instances
from imagej_dl.prediction import instances
from imagej_dl.progress import Progress, silent

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
_PIXELS = 1_500_000
_ROUNDS = 2

Truth = Sequence[tuple[NDArray[np.float32], NDArray]]
"""Probabilities (Y, X, classes) and label map (Y, X) of each image."""


def average_precision(found: Truth, settings: Instances) -> list[float]:
    """Return TP / (TP + FP + FN) at the IoU thresholds .5, .6 … .9, summed over all images."""
    counts = np.zeros((len(THRESHOLDS), 3))
    for probabilities, labels in found:
        counts += _counts(labels, instances(probabilities, settings))
    total = counts.sum(axis=1)
    return [float(v) for v in np.divide(counts[:, 0], total, np.ones(len(total)), where=total > 0)]


def choose(
    found: Truth, start: Instances, kind: str, progress: Progress = silent
) -> tuple[Instances, float]:
    """Change one setting after the other as long as the mean average precision grows.

    Parameters
    ----------
    found : of the validation images; what is above 1.5 million pixels is left out.
    start : the settings to begin with; they stay when no other is better, or there is no object.

    Returns
    -------
    the settings, and their average precision, mean over the IoU thresholds .5 … .9.
    """
    found = _some(found)
    best, score = start, float(np.mean(average_precision(found, start)))
    if not any(labels.any() for _, labels in found):
        return best, score
    sizes = np.concatenate([np.bincount(labels.ravel())[1:] for _, labels in found])
    smallest = float(np.percentile(sizes[sizes > 0], 1))
    grid: dict[str, list[Any]] = {
        "region_threshold": [0.3, 0.4, 0.5, 0.6, 0.7],
        "region_erosion": sorted({max(start.region_erosion - 1, 0), start.region_erosion}),
        "marker_height": [0.5, 1.0, 2.0, 4.0],
        "object_weight": [5.0, 10.0, 20.0] if kind == "border" else [0.0, 5.0, 20.0],
        "smoothing": [0.5, 1.0, 2.0],
        "minimum_area": [0, int(smallest / 2), int(smallest)],
    }
    tried = {best: score}
    total = _ROUNDS * sum(map(len, grid.values()))
    done = 0
    for _ in range(_ROUNDS):
        before = best
        for name, values in grid.items():
            for value in values:
                progress("choosing", done, total)
                done += 1
                settings = best.model_copy(update={name: value})
                if settings not in tried:
                    tried[settings] = float(np.mean(average_precision(found, settings)))
                if tried[settings] > score:
                    best, score = settings, tried[settings]
        if best == before:
            break
    progress("choosing", total, total)
    return best, score


def _some(found: Truth) -> Truth:
    sizes = np.cumsum([labels.size for _, labels in found])
    return found[: max(1, int(np.searchsorted(sizes, _PIXELS)))]


def _counts(true: NDArray, said: NDArray) -> NDArray[np.float64]:
    """Count true positives, false positives and false negatives at each IoU threshold."""
    _, true_flat = np.unique(true, return_inverse=True)
    n, m = int(true_flat.max()) + 1, int(said.max()) + 1
    # np.unique numbers from 0, which is background only where there is any.
    true_flat = true_flat.ravel() + (0 if (true == 0).any() else 1)
    n = int(true_flat.max()) + 1
    joint = np.bincount(true_flat * m + said.ravel().astype(np.int64), minlength=n * m)
    joint = joint.reshape(n, m)
    areas_true, areas_said = joint.sum(1)[1:, None], joint.sum(0)[None, 1:]
    both = joint[1:, 1:]
    iou = both / np.maximum(areas_true + areas_said - both, 1)
    truths, found = int((areas_true > 0).sum()), int((areas_said > 0).sum())
    rows = []
    for threshold in THRESHOLDS:
        match = iou >= threshold
        # From an IoU of 1/2 on an object matches one other at most, two at exactly 1/2.
        hits = min(int(match.any(axis=1).sum()), int(match.any(axis=0).sum()))
        rows.append((hits, found - hits, truths - hits))
    return np.array(rows, np.float64)
