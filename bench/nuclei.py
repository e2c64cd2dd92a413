"""The nuclei that trainings are measured on, and how a training is scored on them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.evaluation import THRESHOLDS, Matching, match, total

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei"
IOUS = tuple(sorted({*THRESHOLDS, 0.75}))
"""IoU thresholds of the scores; means are over those of the house, .5, .6 … .9."""

Truths = list[tuple[xr.DataArray, NDArray]]
"""Images with their label maps (Y, X)."""


def truths(folder: Path, names: Iterable[str] | None = None) -> Truths:
    """Read the images of a folder NAME/image.tif with their label maps, or only those named."""
    found = sorted(folder.iterdir()) if names is None else [folder / name for name in names]
    return [
        (images.read(path / "image.tif"), images.read(path / "labels.tif").data) for path in found
    ]


def matches(pictures: Truths, found: Iterable[NDArray]) -> list[Matching]:
    """Match the objects of all images, a matching for each of `IOUS`."""
    pairs = zip(pictures, found, strict=True)
    return total([match(truth, labels, IOUS) for (_, truth), labels in pairs])


def scores(pictures: Truths, found: Iterable[NDArray]) -> dict[str, float]:
    """Return AP at IoU .5 and .75 and its mean over .5, .6 … .9; F1 and PQ at IoU .5."""
    at = dict(zip(IOUS, matches(pictures, found), strict=True))
    values = {
        "ap_0.5": at[0.5].average_precision,
        "ap_0.75": at[0.75].average_precision,
        "ap_mean": float(np.mean([at[iou].average_precision for iou in THRESHOLDS])),
        "f1": at[0.5].f1,
        "pq": at[0.5].panoptic_quality,
    }
    return {name: round(value, 4) for name, value in values.items()}


def steps_done(model: Path, steps: int) -> int:
    """Return the batches of a training, of so many an epoch; the last epoch counts as a whole."""
    return (len((model / "log.csv").read_text().splitlines()) - 1) * steps


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def load() -> float:
    """Return the load average of the last minute."""
    return round(os.getloadavg()[0], 2)
