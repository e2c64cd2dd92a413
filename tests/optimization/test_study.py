"""Trials outlive the process, in each kind of storage, also those of an earlier version."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from imagej_dl.errors import UserError
from imagej_dl.optimization import Study, write_table

optuna = pytest.importorskip("optuna", reason="needs Optuna (the extra search or tune)")

FIRST = {"depth": 3}
KINDS = ["trials.log", "search.db"]


def opened(storage: Path | str, **options: object) -> Study:
    return Study(storage, "s", install="Install it.", seed=0, **options)  # type: ignore[arg-type]


def run(study: Study) -> int:
    """Do one trial, whose score is its depth; return the depth."""
    trial = study.ask()
    depth = trial.suggest_categorical("depth", [1, 2, 3])
    study.tell(trial, depth / 10)
    return depth


@pytest.mark.parametrize("name", KINDS)
def test_trials_are_there_when_it_is_opened_again(tmp_path: Path, name: str) -> None:
    study = opened(tmp_path / "new" / name)
    study.enqueue(FIRST)
    assert run(study) == 3
    run(study)
    again = opened(tmp_path / "new" / name)
    assert [trial.params for trial in again.trials("COMPLETE")] == [
        trial.params for trial in study.trials()
    ]
    assert again.best().params == FIRST


@pytest.mark.parametrize("name", KINDS)
def test_a_stopped_trial_is_tried_again_from_where_it_had_come(tmp_path: Path, name: str) -> None:
    study = opened(tmp_path / name)
    trial = study.ask()
    depth = trial.suggest_categorical("depth", [1, 2, 3])
    trial.set_user_attr("folds", [0.5])
    study.put_back(trial)
    again = opened(tmp_path / name).ask()
    assert again.suggest_categorical("depth", [1, 2, 3]) == depth
    assert again.user_attrs["folds"] == [0.5]
    with pytest.raises(UserError, match=r"no trial was finished.*Start it again"):
        study.best()


@pytest.mark.slow
@pytest.mark.parametrize(("again", "states"), [(True, ["FAIL", "WAITING"]), (False, ["FAIL"])])
def test_a_trial_that_an_exception_stops(tmp_path: Path, again: bool, states: list[str]) -> None:
    study = opened(tmp_path / "s.db")

    def stopped(trial: optuna.Trial) -> float:
        trial.suggest_categorical("depth", [1, 2, 3])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run(stopped, again=again)
    assert [trial.state.name for trial in study.trials()] == states
    study.run(lambda trial: None)
    study.run(lambda trial: trial.suggest_categorical("depth", [1, 2, 3]) / 10)
    assert [trial.state.name for trial in study.trials()][-2:] == ["PRUNED", "COMPLETE"]


@pytest.mark.slow
def test_a_trial_of_a_killed_process_is_put_back(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from imagej_dl.optimization import Study\n"
        "trial = Study(pathlib.Path(sys.argv[1]), 's', install='Install it.', seed=0).ask()\n"
        "trial.suggest_categorical('depth', [1, 2, 3]); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "s.db")], check=False)
    study = opened(tmp_path / "s.db")
    assert len(study.trials("RUNNING")) == 1
    assert study.put_back_dead() == 1
    assert [trial.state.name for trial in study.trials()] == ["FAIL", "WAITING"]


def test_what_differs_from_what_the_study_began_with(tmp_path: Path) -> None:
    study = opened(tmp_path / "s.db")
    assert study.differing("of", {"folds": 5, "sizes": (3, 4)}) == []
    again = opened(tmp_path / "s.db")
    assert again.differing("of", {"folds": 5, "sizes": (3, 4)}) == []
    assert again.differing("of", {"folds": 4, "sizes": (3, 4), "gaps": "fill"}) == ["folds", "gaps"]
    # An earlier version did not keep the sizes.
    assert again.differing("other", {"folds": 5}) == []
    more = again.differing("other", {"folds": 5, "sizes": 3}, lambda kept: {"sizes": 3, **kept})
    assert more == []


@pytest.mark.parametrize("name", KINDS)
def test_a_study_written_by_an_earlier_version_goes_on(tmp_path: Path, name: str) -> None:
    """As imagej-dl 0.1 wrote it, by Optuna itself: a scored trial, and one that was killed."""
    path = tmp_path / name
    if path.suffix == ".log":
        backend = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(backend)
    else:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    former = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    former.set_user_attr("of", {"tracker": "MOTILE"})
    former.optimize(lambda trial: trial.suggest_categorical("depth", [1, 2, 3]) / 10, n_trials=1)
    killed = former.ask()
    depth = killed.suggest_categorical("depth", [1, 2, 3])
    killed.set_user_attr("worker", ["", 0])
    killed.set_user_attr("folds", [0.25])
    study = opened(path)
    assert study.differing("of", {"tracker": "MOTILE"}) == []
    assert len(study.trials("COMPLETE")) == 1
    study.put_back(study.trials("RUNNING")[0])
    trial = study.ask()
    assert trial.suggest_categorical("depth", [1, 2, 3]) == depth
    assert trial.user_attrs["folds"] == [0.25]


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_holds_no_trials_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("something else\n")
    with pytest.raises(UserError, match=f"{name}: the trials cannot be read"):
        opened(tmp_path / name)
    assert (tmp_path / name).read_text() == "something else\n"


def test_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match=r"is not installed.*Install it\."):
        opened(tmp_path / "new" / "s.db")
    assert not (tmp_path / "new").exists()


def test_cells_of_a_table_are_no_formulas(tmp_path: Path) -> None:
    rows = [{"trial": 1, "score": 0.5}, {"trial": 2, "note": "=1+1"}]
    assert write_table(rows, tmp_path / "t.csv") == ["trial", "score", "note"]
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["trial", "score", "note"],
            ["1", "0.5", ""],
            ["2", "", "'=1+1"],
        ]
