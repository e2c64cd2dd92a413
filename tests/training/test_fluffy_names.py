"""Files under Fluffy's names, and the search before a training."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import models, progress
from imagej_dl.commands.search import Search
from imagej_dl.commands.train import Train
from imagej_dl.errors import UserError
from imagej_dl.training import fluffy_names as fluffy

TINY = {"epochs": 1, "patch": 32, "batch": 2, "depth": 1, "width": 2}
FEW = {"settings": {"steps": 2, "last_width": 2, "optimizer": "RMSprop"}}


def test_names(tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    (folder / "tensorboard").mkdir(parents=True)
    (folder / "tensorboard" / "events").write_bytes(b"e")
    split = {"train": ["a", "b"], "validation": ["c"], "test": ["d"], "seed": 0}
    (folder / "split.json").write_text(json.dumps(split))
    (folder / "log.csv").write_text("epoch\n1\n")
    (tmp_path / "search.db").write_bytes(b"s")
    fluffy.write_names(folder, tmp_path / "search.db", date(2026, 3, 1))
    stem = "20260301_cells"
    lists = [json.loads((folder / f"{stem}_{n}.json").read_text()) for n in ("train_val", "test")]
    assert lists == [{"train": ["a", "b"], "validation": ["c"]}, ["d"]]
    assert (folder / f"{stem}.csv").read_text() == "epoch\n1\n"
    assert (folder / f"{stem}_search.db").read_bytes() == b"s"
    assert (folder / stem / "events").read_bytes() == b"e"
    fluffy.write_names(folder, None, date(2026, 3, 1))  # again: replaced


@pytest.mark.tf
def test_train_writes_them_on_request(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    given = {"project": folder, "out": out, "h5": True, "fluffy_names": True, **TINY, **FEW}
    Train.declare(given).run(progress.silent)
    names = {re.sub(r"^\d{8}", "DATE", p.name) for p in out.iterdir() if p.name[:2] == "20"}
    assert names == {
        "DATE_model.csv",
        "DATE_model.h5",
        "DATE_model_test.json",
        "DATE_model_train_val.json",
    }
    bundle = models.load(out)
    assert bundle.config.training["optimizer"] == "RMSprop"
    again = models.backend.keras().models.load_model(next(out.glob("*.h5")), compile=False)
    image = np.random.default_rng(0).random((1, 32, 32, 1), np.float32)
    np.testing.assert_allclose(again(image), bundle.model(image), atol=1e-6)


@pytest.mark.thorough
@pytest.mark.tf
def test_search_before_a_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna", reason="needs Optuna (the extra search)")
    from imagej_dl.search import run

    tried = []

    def score(settings: object, *rest: object) -> float:
        tried.append(settings)
        return 0.9 if settings.last_width == 8 else 0.1  # type: ignore[attr-defined]

    monkeypatch.setattr(run, "score", score)
    out = tmp_path / "model"
    few = {"settings": {"steps": 2, "optimizer": "RMSprop", "contact_weight": 1.0}}
    given = {"project": folder, "out": out, "search": True, "fluffy_names": True, **TINY, **few}
    Train.declare(given).run(progress.silent)
    made = models.load_config(out).training
    # what was given is not searched; what was not is
    for settings in tried:
        assert (settings.depth, settings.width, settings.batch) == (1, 2, 2)
        assert (settings.optimizer, settings.contact_weight) == ("RMSprop", 1.0)
    assert len({settings.learning_rate for settings in tried}) > 1
    assert (made["depth"], made["optimizer"], made["contact_weight"]) == (1, "RMSprop", 1.0)
    best = json.loads((tmp_path / "model_search" / "best.json").read_text())
    assert made["last_width"] == best["settings"]["last_width"]
    assert made["learning_rate"] == best["learning_rate"]
    assert next(out.glob("*_search.db")).stat().st_size
    with pytest.raises(UserError, match="search and start exclude each other"):
        Train.declare({**given, "start": out, "out": tmp_path / "n"}).run(progress.silent)


@pytest.mark.thorough
@pytest.mark.tf
def test_the_command_searches_and_trains(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna", reason="needs Optuna (the extra search)")
    space = {"depth": [1], "width": [2], "batch": [2], "last_width": [2], "learning_rate": [1e-3]}
    (tmp_path / "space.json").write_text(json.dumps({**space, "optimizer": ["RMSprop"]}))
    given = {"project": folder, "out": tmp_path / "s", "space": tmp_path / "space.json"}
    given |= {"trials": 1, "folds": 2, "trial_epochs": 1, "steps": 2, "patch": 32, "epochs": 1}
    Search.declare(given).run(progress.silent)
    said = capsys.readouterr().out
    assert "best of 1 trials (average precision at IoU .5" in said
    training = models.load_config(tmp_path / "s" / "model").training
    assert (training["optimizer"], training["depth"], training["width"]) == ("RMSprop", 1, 2)
    Search.declare(given).run(progress.silent)
    assert "model: exists and is kept" in capsys.readouterr().out
