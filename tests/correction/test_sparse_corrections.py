"""Corrected images of which not all objects are drawn; without a network."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from imagej_dl import correction, images, project, rois
from imagej_dl.correction import records, retraining, validation
from imagej_dl.correction import store as stores
from imagej_dl.correction.store import CorrectionStore
from imagej_dl.errors import UserError

SQUARE = rois.Roi("rectangle", "square", box=(1, 1, 4, 4))
ALL = rois.Roi("rectangle", "background", box=(0, 0, 12, 12))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of three images, `a` drawn, whose corrections have begun."""
    monkeypatch.setattr(stores, "need_objects", lambda config, folder: None)
    monkeypatch.setattr(stores, "load_config", lambda folder: None)
    path = tmp_path / "p"
    project.create(path)
    for name in "abc":
        images.write(images.make(np.zeros((12, 12), np.uint8)), path / "Raw" / f"{name}.tif")
    rois.write([SQUARE], tmp_path / "r.zip")
    project.save_rois(path, "a", tmp_path / "r.zip")
    CorrectionStore.open(path, tmp_path / "M").save()
    return path


def state(home: Path) -> dict:
    return json.loads((home / "Corrections" / "state.json").read_text())


def partly(home: Path, drawn_sparsely: bool = False) -> list[str]:
    store = CorrectionStore.open(home)
    sheets = project.sheets(home)
    return [s.name for s in sheets if records.is_sparse(store, s, drawn_sparsely)]


def test_the_user_says_which_are_sparse(home: Path) -> None:
    given = home.parent / "r.zip"
    correction.save(home, "b", given)
    assert "sparse" not in state(home)  # earlier versions can go on
    before = records.training_images(CorrectionStore.open(home), project.sheets(home))
    correction.save(home, "b", given, sparse=True)
    assert state(home)["sparse"] == partly(home) == ["b"]
    after = records.training_images(CorrectionStore.open(home), project.sheets(home))
    assert before["a"] == after["a"]
    assert before["b"] != after["b"]  # there is something to retrain on
    correction.save(home, "b", given)
    assert partly(home) == []
    correction.mark_empty(home, "c")
    # What was stored without that word is whole, though nothing had been proposed for it.
    assert partly(home, drawn_sparsely=True) == ["a"]
    correction.save(home, "b", given, sparse=True)
    assert partly(home) == ["b"]
    assert "whole" not in state(home)


def test_corrected_images_are_whole_where_drawn_ones_are_sparse(home: Path) -> None:
    store = CorrectionStore.open(home)
    changes = correction.Changes(kept=1)
    store.state.corrected["b"] = correction.state.Corrected(
        round=1, by="M", rois="", changes=changes
    )
    store.save()
    correction.save(home, "b", home.parent / "r.zip")
    assert partly(home, drawn_sparsely=True) == ["a"]


def test_the_model_to_begin_with_says_how_its_images_were_drawn(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CorrectionStore.open(home)
    begun = store.path(store.state.begun)
    begun.mkdir()
    (begun / "config.json").touch()
    for training in ({}, {"sparse": True}):
        config = SimpleNamespace(training=training)
        monkeypatch.setattr(retraining, "load_config", lambda folder, found=config: found)
        assert retraining._begun_sparsely(store) is bool(training)


def test_retraining_takes_corrected_images_as_whole(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagej_dl import training

    seen = {}

    def train(source: training.Given | list, out: Path, **settings: object) -> None:
        maps = source.maps if isinstance(source, training.Given) else None
        seen.update(settings, whole=maps and [one.whole for one in maps])
        raise UserError("far enough")

    monkeypatch.setattr(training, "train", train)
    correction.save(home, "b", home.parent / "r.zip", sparse=True)
    correction.mark_empty(home, "c")
    with pytest.raises(UserError, match="far enough"):
        correction.retrain(home)
    assert seen["whole"] == [True, False, True]
    assert seen["sparse"] is True
    correction.save(home, "b", home.parent / "r.zip")
    seen.clear()
    with pytest.raises(UserError, match="far enough"):
        correction.retrain(home)
    assert seen["whole"] is None  # all are
    assert "sparse" not in seen


def test_what_is_unknown_is_not_scored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = np.zeros((12, 12), np.uint16)
    found[1:5, 1:5], found[8:11, 8:11] = 1, 2
    model = SimpleNamespace(config=SimpleNamespace(border_size=2))
    predicted = SimpleNamespace(labels=images.make(found))
    monkeypatch.setattr("imagej_dl.prediction.predict", lambda bundle, image: predicted)
    sheets = [project.sheet(home, "a")]
    assert validation.average_precision(model, sheets) == 0.5
    assert validation.average_precision(model, sheets, partly={"a"}) == 1.0
    # A rectangle named background says that all else is drawn.
    rois.write([SQUARE, ALL], home.parent / "w.zip")
    project.save_rois(home, "a", home.parent / "w.zip")
    assert validation.average_precision(model, sheets, partly={"a"}) == 0.5
