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
from imagej_dl.evaluation.overlap import overlap
from imagej_dl.training import checkpoint as training_states

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.tf,
    pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning"),
]

# real nuclei, small and dark images of them
NAMES = [
    "06350c7cc618",
    "1a75e9f15481",
    "29780b28e6a7",
    "358e47eaa1e9",
    "3b75fc03a1d1",
    "60cb718759bf",
    "785555c0cbb4",
    "8d9b4205ddb1",
]


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
    home = tmp_path / "p"
    project.create(home)
    for name in NAMES:
        shutil.copyfile(data / name / "image.tif", home / "Raw" / f"{name}.tif")
    for name in NAMES[:3]:
        project.save_rois(home, name, data / name / "RoiSet.zip")
    begin = {"depth": 2, "width": 8, "last_width": 8, "patch": 64}
    pairs = [(data / name / "image.tif", data / name / "RoiSet.zip") for name in NAMES[:3]]
    # In so few batches all are to show what is predicted.
    learn = {"epochs": 1, "batch": 4, "learning_rate": 0.01, "imaging": 0.0, "crowding": 0.0}
    training.train(pairs, tmp_path / "M", steps=12, **learn, **begin)
    for _ in range(2):
        for _ in range(2):
            found = correction.next_image(home, tmp_path / "M")
            truth = images.read_labels(data / found.name / "labels.tif")
            mine = tmp_path / "mine.zip"
            rois.write(corrected(images.read_labels(found.labels), truth), mine, overwrite=True)
            correction.save(home, found.name, mine)
        result = correction.retrain(home, steps=100, **learn)
        assert result.accepted
        assert result.unseen
    first, second = result.rows
    assert (first.model, second.model) == ("M", "round_1")
    assert first.images == second.images == 2
    assert second.changes.share < 0.8 * first.changes.share
    assert first.retrained.after > first.retrained.before
    # what validated once validates again, and is never trained on
    assert set(first.retrained.validation) <= set(second.retrained.validation)
    names = json.loads((result.model / "split.json").read_text())
    assert not set(names["train"]) & set(names["validation"])


def discs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A noisy image of bright discs, and its label map."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((64, 64), np.uint16)
    y, x = np.indices(labels.shape)
    for label in range(1, 6):
        cy, cx = rng.uniform(0, 64, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 36] = label
    image = rng.normal(20, 3, labels.shape) + 60 * (labels > 0)
    return np.clip(image, 0, 255).astype(np.uint8), labels


def test_kill_9_in_the_middle_of_a_retraining(tmp_path: Path) -> None:
    home = tmp_path / "p"
    project.create(home)
    pairs = []
    for name in "abcd":
        image, labels = (images.make(array) for array in discs(ord(name)))
        images.write(image, home / "Raw" / f"{name}.tif")
        pairs.append((image, labels))
        rois.write(rois.trace(labels), tmp_path / "given.zip", overwrite=True)
        if name != "d":
            project.save_rois(home, name, tmp_path / "given.zip")
    tiny = {"depth": 1, "width": 4, "last_width": 4, "patch": 32, "batch": 2, "steps": 3}
    training.train(pairs[:3], tmp_path / "M", epochs=1, **tiny)
    correction.next_image(home, tmp_path / "M")
    before = {p: p.read_bytes() for p in (home / "Labeling").rglob("*") if p.is_file()}
    code = (
        "from imagej_dl import correction; correction.retrain("
        f"{str(home)!r}, epochs=5000, patience=5000, steps=3, batch=2)"
    )
    out = home / "Corrections" / "models" / "round_1"
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code])
    try:
        deadline = time.monotonic() + 200
        kept = out / training_states.FOLDER
        while not training_states.exists(kept) or training_states.read(kept).epoch < 2:
            assert process.poll() is None, "the retraining ended before it was killed"
            assert time.monotonic() < deadline, "no second epoch in time"
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    reached = training_states.read(out / training_states.FOLDER).epoch
    found = correction.status(home)
    assert (found.round, found.unfinished, found.model) == (1, True, tmp_path / "M")
    result = correction.retrain(home, epochs=reached + 1)
    assert (result.round, result.model, result.ended) == (1, out, "all epochs")
    with (out / "log.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, reached + 2))
    assert not (out / training_states.FOLDER).exists()
    found = correction.status(home)
    assert (found.round, found.unfinished) == (2, False)
    models.load(found.model, verify=True)
    after = {p: p.read_bytes() for p in (home / "Labeling").rglob("*") if p.is_file()}
    assert after == before
