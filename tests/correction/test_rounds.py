"""What a retraining is given, and which model is used after it; training itself is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagej_dl import correction, images, project, rois, training
from imagej_dl.correction import retraining
from imagej_dl.correction import store as stores
from imagej_dl.correction.store import CorrectionStore
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.training import checkpoint as training_states

NAMES = "abcdef"


class Trainer:
    """Stands for the training: notes what it is given, and leaves what a training leaves."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.pairs: list[Any] = []
        self.ended = "all epochs"
        self.by = "files"
        self.seen: list[str] = []

    def __call__(self, pairs: list[Any], out: Path, **given: Any) -> Path:
        self.calls.append(given)
        self.pairs = pairs
        if not given["resume"]:
            assert not out.exists()
        (out / training_states.FOLDER).mkdir(parents=True, exist_ok=True)
        (out / training_states.FOLDER / "last.npz").write_bytes(b"")
        if self.ended == "killed":
            raise KeyboardInterrupt
        self._write(out, "metrics", {"ended": self.ended})
        split = {"by": self.by, "validation": ["a/images/a.tif", "b/images/b.tif T=2"]}
        digests = {"train": ["1", *self.seen], "validation": ["2"]}
        self._write(out, "split", split | {"digests": digests})
        return out

    def _write(self, out: Path, name: str, content: dict[str, Any]) -> None:
        (out / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    found = Trainer()
    monkeypatch.setattr(training, "train", found)
    monkeypatch.setattr(stores, "need_objects", lambda config, folder: None)
    monkeypatch.setattr(stores, "load_config", lambda folder: None)
    return found


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Average precision of each model, by the folder's name."""
    found = {"M": 0.5, "round_1": 0.6, "round_2": 0.7, "round_3": 0.8}
    monkeypatch.setattr(retraining, "average_precision", lambda model, *_: found[model.name])
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project of six images; all but e and f are drawn."""
    path = tmp_path / "p"
    project.create(path)
    for name in NAMES:
        image = images.make(np.zeros((9, 9), np.uint8))
        images.write(image, path / "Raw" / f"{name}.tif")
    for name in NAMES[:4]:
        draw(path, name)
    return path


def draw(home: Path, name: str, width: int = 3) -> None:
    given = home.parent / "given.zip"
    rois.write([rois.Roi("rectangle", "x", box=(0, 0, width, 3))], given, overwrite=True)
    project.save_rois(home, name, given)


def test_round_after_round(home: Path, trainer: Trainer, scores: dict[str, float]) -> None:
    models = home / "Corrections" / "models"
    first = correction.retrain(home, Path("M"), learning_rate=0.002)
    assert (first.round, first.present, first.ended) == (1, models / "round_1", "all epochs")
    assert (first.before, first.after, first.unseen, first.accepted) == (0.5, 0.6, True, True)
    assert (first.images, first.validation) == (4, ["a", "b"])
    labeling = home / "Labeling"
    assert trainer.pairs == [
        (labeling / n / "images" / f"{n}.tif", labeling / n / "RoiSet.zip") for n in NAMES[:4]
    ]
    (given,) = trainer.calls
    assert given["start"].name == "M"
    assert given | {"start": None, "progress": None} == {
        "start": None,
        "resume": False,
        "progress": None,
        "epochs": 20,
        "validation": 0.2,
        "test": 0.0,
        "learning_rate": 0.002,
    }
    assert not (models / "round_1" / training_states.FOLDER).exists()
    with pytest.raises(UserError, match="no image has been corrected since"):
        correction.retrain(home)
    draw(home, "e")
    second = correction.retrain(home)
    assert (second.round, second.images) == (2, 5)
    assert trainer.calls[1]["start"] == models / "round_1"
    assert [row.retrained.model for row in second.rows] == [
        "Corrections/models/round_1",
        "Corrections/models/round_2",
    ]


def test_beginning_anew_spares_the_models_that_are_there(
    home: Path, trainer: Trainer, scores: dict[str, float]
) -> None:
    models = home / "Corrections" / "models"
    first = correction.retrain(home, Path("M"))
    (home / "Corrections" / "state.json").unlink()
    before = {p: p.read_bytes() for p in first.model.rglob("*")}
    again = correction.retrain(home, first.model)
    assert (again.round, again.model) == (2, models / "round_2")
    assert trainer.calls[1]["start"] == first.model
    assert {p: p.read_bytes() for p in first.model.rglob("*")} == before


def test_a_worse_model_is_not_used_unless_accepted(
    home: Path, trainer: Trainer, scores: dict[str, float]
) -> None:
    scores["round_1"] = 0.47
    found = correction.retrain(home, Path("M"))
    assert not found.accepted
    assert found.present.name == "M"
    assert correction.status(home).model.name == "M"
    # the next begins with the one in use, also on the same images
    scores["round_2"] = 0.4
    assert correction.retrain(home, learning_rate=1e-4).present.name == "M"
    assert trainer.calls[1]["start"].name == "M"
    # what was not accepted can still be, without training
    found = correction.retrain(home, accept=True)
    assert found.accepted
    assert found.present.name == correction.status(home).model.name == "round_2"
    assert len(trainer.calls) == 2
    draw(home, "e")
    scores["round_3"] = 0.1
    assert correction.retrain(home, accept=True).present.name == "round_3"


def test_another_model_is_retrained_where_the_last_was_not_accepted(
    home: Path, trainer: Trainer, scores: dict[str, float]
) -> None:
    scores["round_1"], scores["N"] = 0.4, 0.5
    assert not correction.retrain(home, Path("M")).accepted
    found = correction.retrain(home, Path("N"), accept=True)
    assert trainer.calls[1]["start"].name == "N"
    assert found.present.name == "round_2"


@pytest.mark.parametrize("case", ["little", "seen", "regions"])
def test_what_proves_nothing_does_not_count(
    home: Path, trainer: Trainer, scores: dict[str, float], case: str
) -> None:
    """A small difference, images that a model knows, parts of images."""
    scores["round_1"] = 0.49 if case == "little" else 0.1
    trainer.seen = ["2"] if case == "seen" else []
    trainer.by = "regions" if case == "regions" else "files"
    found = correction.retrain(home, Path("M"))
    assert found.accepted
    assert found.unseen == (case == "little")
    assert found.validation == ([] if case == "regions" else ["a", "b"])


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_a_stopped_one_goes_on(
    home: Path, trainer: Trainer, scores: dict[str, float], how: str
) -> None:
    trainer.ended = how
    with pytest.raises((Cancelled, KeyboardInterrupt)):
        correction.retrain(home, Path("M"))
    assert correction.status(home).unfinished
    assert correction.status(home).model.name == "M"
    trainer.ended = "time limit"
    found = correction.retrain(home, epochs=7, minutes=3, learning_rate=0.1)
    again = trainer.calls[1]
    assert again["resume"]
    assert again["start"] is None
    assert (again["epochs"], again["minutes"]) == (7, 3)
    assert "learning_rate" not in again
    assert (found.round, found.ended) == (1, "time limit")
    assert not correction.status(home).unfinished


@pytest.mark.parametrize("change", ["new", "redrawn", "model"])
def test_a_stopped_one_begins_again_with_what_is_new(
    home: Path, trainer: Trainer, scores: dict[str, float], change: str
) -> None:
    trainer.ended = "killed"
    with pytest.raises(KeyboardInterrupt):
        correction.retrain(home, Path("M"))
    trainer.ended = "all epochs"
    draw(home, *{"new": ("e", 3), "redrawn": ("a", 4), "model": ("a", 3)}[change])
    scores["N"] = 0
    correction.retrain(home, Path("N") if change == "model" else None)
    assert not trainer.calls[1]["resume"]
    assert trainer.calls[1]["start"].name == ("N" if change == "model" else "M")


def test_a_stop_after_the_training_costs_none(
    home: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(retraining, "average_precision", stop)
    with pytest.raises(KeyboardInterrupt):
        correction.retrain(home, Path("M"))
    monkeypatch.setattr(retraining, "average_precision", lambda *_: 0.5)
    assert correction.retrain(home).accepted
    assert len(trainer.calls) == 1


def test_images_without_objects_are_background(
    home: Path, trainer: Trainer, scores: dict[str, float]
) -> None:
    store = CorrectionStore.open(home, Path("M"))
    store.save()
    correction.mark_empty(home, "f")
    found = correction.retrain(home)
    assert found.images == 5
    image, labels = trainer.pairs[-1]
    assert image.attrs["title"] == "f"
    assert labels.shape == (9, 9)
    assert not labels.values.any()


def test_nothing_is_corrected(tmp_path: Path, trainer: Trainer) -> None:
    project.create(tmp_path / "p")
    images.write(images.make(np.zeros((9, 9), np.uint8)), tmp_path / "p" / "Raw" / "a.tif")
    with pytest.raises(UserError, match="no image has been corrected or drawn yet"):
        correction.retrain(tmp_path / "p", Path("M"))
    assert trainer.calls == []


def test_the_users_files_stay(home: Path, trainer: Trainer, scores: dict[str, float]) -> None:
    def mine() -> dict[Path, bytes]:
        folders = [home / "Raw", home / "Labeling", home / "Processed"]
        return {p: p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}

    before = mine()
    correction.retrain(home, Path("M"))
    assert mine() == before
