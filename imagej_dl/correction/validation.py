"""Score a model on images whose ROIs are known."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from imagej_dl import images
from imagej_dl.correction.engine_models import EngineModel
from imagej_dl.correction.records import drawn
from imagej_dl.errors import DataWarning
from imagej_dl.evaluation import Matching, match, total
from imagej_dl.progress import Progress, silent
from imagej_dl.project import Sheet

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle


def average_precision(
    model: ModelBundle | EngineModel | Path,
    sheets: list[Sheet],
    progress: Progress = silent,
    partly: Collection[str] = (),
) -> float | None:
    """Return a model's average precision, mean over the IoU thresholds .5 … .9, on all images.

    In a stack, planes without ROIs are left out if others have some, as in training. What is
    unknown or ignored is not scored (see :func:`imagej_dl.evaluation.match`).

    Parameters
    ----------
    model : the model, or the folder of one of ours.
    sheets : with ROIs, or without objects.
    progress : stage "comparing", in images.
    partly : the names of those of which not all objects are drawn.

    Returns
    -------
    None without images, or without any object, true or predicted.
    """
    if not sheets:
        return None
    from imagej_dl.training.known import of_image as known

    found: list[list[Matching]] = []
    with _running(model) as (labels, border_size):
        for done, sheet in enumerate(sheets):
            progress("comparing", done, len(sheets))
            image = images.read(sheet.image)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)  # they came when ROIs were stored
                truth = drawn(sheet, image)
                predicted = labels(image)
            ring = border_size if sheet.name in partly else None
            seen = known(truth, image, ring)
            planes = _planes(truth.labels.data, predicted.data, seen)
            found += [match(a, b, known=c) for a, b, c in planes]
    progress("comparing", len(sheets), len(sheets))
    scores = total(found)
    if not scores[0].n_true and not scores[0].n_pred:
        return None
    return float(np.mean([score.average_precision for score in scores]))


@contextmanager
def _running(
    model: ModelBundle | EngineModel | Path,
) -> Iterator[tuple[Callable[[xr.DataArray], xr.DataArray], int]]:
    """Give what predicts label maps, and the px around an object that are known where it is drawn.

    Engines do not learn from images that are not drawn completely.
    """
    if isinstance(model, EngineModel):
        with model.running() as running:
            yield running.labels, 0
        return
    from imagej_dl import models
    from imagej_dl.prediction import predict

    bundle = models.load(model) if isinstance(model, Path) else model
    yield lambda image: predict(bundle, image).labels, bundle.config.border_size


def _planes(
    truth: np.ndarray, predicted: np.ndarray, known: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    shape = (-1, *truth.shape[-2:])
    where = [None] * len(truth.reshape(shape)) if known is None else known.reshape(shape)
    planes = list(zip(truth.reshape(shape), predicted.reshape(shape), where, strict=True))
    yield from [plane for plane in planes if plane[0].any()] or planes
