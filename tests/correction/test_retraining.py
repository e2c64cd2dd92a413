"""The whole loop with a network, a simulated user, and kill -9 in the middle of it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import correction, images, models, project, rois, training
from imagej_dl.correction import retraining
from imagej_dl.correction import state as states
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.evaluation.overlap import overlap
from imagej_dl.training import state as training_states

pytestmark = [
    pytest.mark.tf,
    pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning"),
]

TINY = {"depth": 1, "width": 4, "last_width": 4, "patch": 32}
FAST = {"batch": 2, "steps": 3}


def corrected(proposed: images.xr.DataArray, truth: images.xr.DataArray) -> list[rois.Roi]:
    """What a user draws: good proposals stay (IoU above .8), the rest is as the truth has it."""
    found = overlap(truth.values, proposed.values)
    good = found.ious > 0.8
    labels = truth.values.copy()
    for row, column in zip(found.rows[good], found.columns[good], strict=True):
        labels[labels == found.truth[row]] = 0
        mine = (proposed.values == found.pred[column]) & (labels == 0)
        labels[mine] = found.truth[row]
    return rois.trace(images.with_data(truth, labels))


def test_less_is_to_be_corrected_round_by_round(shared_data: Path, tmp_path: Path) -> None:
    data = shared_data / "nuclei" / "train"
    names = [path.name for path in sorted(data.iterdir())][:12]
    home = tmp_path / "p"
    project.create(home)
    for name in names:
        shutil.copyfile(data / name / "image.tif", home / "Raw" / f"{name}.tif")
    for name in names[:3]:
        project.save_rois(home, name, data / name / "RoiSet.zip")
    begin = {"depth": 2, "width": 8, "last_width": 8, "patch": 64, "batch": 4}
    pairs = [(data / name / "image.tif", data / name / "RoiSet.zip") for name in names[:3]]
    training.train(pairs, tmp_path / "M", epochs=1, steps=12, learning_rate=0.01, **begin)
    for _ in range(2):
        for _ in range(3):
            found = correction.next_image(home, tmp_path / "M")
            truth = images.read_labels(data / found.name / "labels.tif")
            mine = tmp_path / "mine.zip"
            rois.write(corrected(images.read_labels(found.labels), truth), mine, overwrite=True)
            correction.save(home, found.name, mine)
        result = correction.retrain(home, epochs=2, steps=40, batch=4, learning_rate=0.01)
        assert result.accepted
        assert result.unseen
        assert result.after > result.before
    first, second = result.rows
    print(correction.status(home))
    assert (first.model, second.model) == ("M", "round_1")
    assert first.images == second.images == 3
    assert second.changes.share < 0.8 * first.changes.share
    assert models.load_config(result.present).training["learning_rate"] == 0.01
