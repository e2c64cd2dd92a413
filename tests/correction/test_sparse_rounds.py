"""A round of corrections with a network, on images of which not all objects are drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from imagej_dl import correction, images, models, prediction, project, rois, training
from imagej_dl.correction import Retraining, validation
from imagej_dl.correction.store import CorrectionStore
from imagej_dl.evaluation import match
from imagej_dl.images.labels.marks import IGNORED
from imagej_dl.rois import Roi

pytestmark = [
    pytest.mark.tf,
    pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning"),
]
SIDE, CELLS = 72, 9
CLUMP = Roi("rectangle", "ignore", box=(52, 52, 20, 20))
"""Around what nobody can draw, on every image."""
TINY = {"depth": 2, "width": 8, "last_width": 8, "patch": 32}


def cells(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An image of eight cells and a bright clump at the lower right, and its label map (all)."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((SIDE, SIDE))
    labels = np.zeros((SIDE, SIDE), np.uint16)
    for number in range(CELLS - 1):
        cy, cx = 12 + 24 * (number // 3), 12 + 24 * (number % 3)
        shift = rng.uniform(-3, 3, 2)
        labels[(y - cy - shift[0]) ** 2 + (x - cx - shift[1]) ** 2 < 49] = number + 1
    image = rng.normal(20, 4, labels.shape) + 70 * (labels > 0)
    image[56:70, 56:70] += rng.normal(70, 40, (14, 14))
    return np.clip(image, 0, 255).astype(np.uint8), labels


def some(labels: np.ndarray, *numbers: int) -> list[Roi]:
    """ROIs of some of the cells, and the one that is ignored."""
    drawn = np.where(np.isin(labels, numbers), labels, 0).astype(np.uint16)
    return [*rois.trace(images.make(drawn)), CLUMP]


class Round(NamedTuple):
    home: Path
    result: Retraining
    saved: dict[str, bytes]
    truth: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Round:
    """A sparse training on a, b and c; d is corrected in part, e as a whole; a retraining."""
    folder = tmp_path_factory.mktemp("sparse")
    home = folder / "p"
    project.create(home)
    truth: dict[str, np.ndarray] = {}
    for number, name in enumerate("abcdef"):
        image, truth[name] = cells(number)
        images.write(images.make(image), home / "Raw" / f"{name}.tif")
    given = folder / "given.zip"
    for name, numbers in (("a", (1, 5, 7)), ("b", (2, 4, 6)), ("c", (3, 5, 8))):
        rois.write(some(truth[name], *numbers), given, overwrite=True)
        project.save_rois(home, name, given)
    sheets = [sheet for sheet in project.sheets(home) if sheet.drawn]
    pairs = [(project.prepare(sheet), sheet.rois) for sheet in sheets]
    training.train(
        pairs, folder / "M", sparse=True, epochs=2, steps=15, batch=4, learning_rate=0.01, **TINY
    )
    correction.next_image(home, folder / "M", name="d")
    rois.write(some(truth["d"], 1, 2), given, overwrite=True)
    correction.save(home, "d", given, sparse=True)
    correction.next_image(home, name="e")
    rois.write(some(truth["e"], *range(1, CELLS)), given, overwrite=True)
    correction.save(home, "e", given)
    saved = {name: project.sheet(home, name).rois.read_bytes() for name in "abcde"}
    result = correction.retrain(home, epochs=2, steps=30, batch=4, learning_rate=0.01)
    return Round(home, result, saved, truth)


def test_the_training_counts_only_what_is_known(done: Round) -> None:
    config = models.load_config(done.result.model)
    assert config.training["sparse"] is True
    known = json.loads((done.result.model / "metrics.json").read_text())["known"]
    assert known["sparse"]
    assert known["of_pixels"] == 5 * SIDE**2
    assert known["objects"] == 3 * 3 + 2 + (CELLS - 1)
    # Nothing that is ignored, and of the whole image all else.
    most = 5 * (SIDE**2 - 20**2)
    drawn = sum(np.count_nonzero(done.truth[name]) for name in "e")
    assert drawn + SIDE**2 // 2 < known["pixels"] < most


def test_drawn_and_ignored_rois_stay_as_they_were_saved(done: Round) -> None:
    for name, content in done.saved.items():
        assert project.sheet(done.home, name).rois.read_bytes() == content, name
    found = rois.labelled(rois.read(project.sheet(done.home, "e").rois), (SIDE, SIDE))
    assert (found.marks.values[52:, 52:] == IGNORED).all()
    state = json.loads((done.home / "Corrections" / "state.json").read_text())
    assert state["sparse"] == ["d"]


def test_what_was_not_drawn_is_found_all_the_same(done: Round) -> None:
    image, labels = cells(99)
    found = prediction.predict(models.load(done.result.present), images.make(image)).labels.values
    known = np.ones(labels.shape, bool)
    known[52:, 52:] = False
    scores = match(labels, found, [0.5], known=known)[0]
    assert scores.true_positives >= CELLS - 2
    assert scores.false_positives <= 1


def test_scores_heed_what_is_unknown(done: Round) -> None:
    assert done.result.unseen
    assert done.result.accepted
    sheets = [project.sheet(done.home, name) for name in done.result.validation]
    assert sheets
    model, partly = models.load(done.result.model), {*"abcd"}
    after = validation.average_precision(model, sheets, partly=partly)
    assert done.result.after == pytest.approx(after)
    dense = validation.average_precision(model, sheets)
    assert dense < done.result.after - 0.2  # as if what is not drawn were background
    assert done.result.after > 0.5


def test_changes_are_counted_where_something_is_known(done: Round) -> None:
    corrected = CorrectionStore.open(done.home).state.corrected
    part = corrected["d"].changes
    assert part.kept + part.changed + part.added == 2
    assert part.deleted <= 1
    whole = corrected["e"].changes
    assert whole.kept + whole.changed + whole.added == CELLS - 1
