"""What a shell decides while ImageJ works on the same project, and the other way, is kept."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from test_rounds import Trainer, draw, home, scores, trainer  # noqa: F401 (fixtures)

from imagej_dl import UserError, correction, training
from imagej_dl.correction.merging import merged
from imagej_dl.correction.state import Score, State
from imagej_dl.correction.store import CorrectionStore
from imagej_dl.filesystem import atomic, locks


def test_a_decision_made_during_a_retraining_is_kept(
    home: Path,  # noqa: F811
    trainer: Trainer,  # noqa: F811
    scores: dict[str, float],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`correct --step empty` and `save` by another run, between its first and its last save."""
    real = training.train

    def meanwhile(*args: object, **kwargs: object) -> object:
        correction.mark_empty(home, "f")
        draw(home, "e")
        correction.status(home)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "train", meanwhile)
    first = correction.retrain(home, Path("M"))
    state = CorrectionStore.open(home).state
    assert state.empty == ["f"]
    assert (state.present, state.round) == ("Corrections/models/round_1", 2)
    assert sorted(state.trained) == ["a", "b", "c", "d"]
    monkeypatch.setattr(training, "train", real)
    second = correction.retrain(home)  # f and e are new to it
    assert (first.images, second.images) == (4, 6)


def test_a_model_named_during_a_retraining_stays_named() -> None:
    base = State(begun="M", present="M")
    ended = base.model_copy(update={"present": "round_1", "round": 2})
    named = base.model_copy(update={"begun": "N", "present": "N"})
    found = merged(base, ended, named)
    assert (found.begun, found.present, found.round) == ("N", "N", 2)


def test_both_changes_of_one_part_are_kept() -> None:
    def score(value: float) -> Score:
        return Score(model="m", image=(1, 2), uncertainty=value)

    base = State(begun="M", present="M", empty=["a", "b"], scores={"a": score(0), "b": score(0)})
    mine = base.model_copy(deep=True)
    theirs = base.model_copy(deep=True)
    mine.empty, theirs.empty = ["a", "c"], ["a", "b", "d"]
    mine.scores["a"] = score(1)
    del mine.scores["b"]
    theirs.scores["c"] = score(2)
    found = merged(base, mine, theirs)
    assert found.empty == ["a", "c", "d"]
    assert found.scores == {"a": score(1), "c": score(2)}


def test_many_writers_lose_nothing(home: Path) -> None:  # noqa: F811
    CorrectionStore(home, State(begun="M", present="M")).save()
    failed: list[BaseException] = []

    def write(worker: int) -> None:
        try:
            for number in range(8):
                store = CorrectionStore.open(home)
                store.state.empty = sorted({*store.state.empty, f"{worker}-{number}"})
                store.save()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(CorrectionStore.open(home).state.empty) == 32


def test_two_retrainings_exclude_each_other(
    home: Path,  # noqa: F811
    trainer: Trainer,  # noqa: F811
    scores: dict[str, float],  # noqa: F811
) -> None:
    with (
        locks.held(home / "Corrections" / "models", "a retraining"),
        pytest.raises(UserError, match=r"another imagej-dl is writing .*a retraining"),
    ):
        correction.retrain(home, Path("M"))
    assert not trainer.calls
    assert correction.retrain(home, Path("M")).accepted


def test_what_a_killed_retraining_left_is_removed(
    home: Path,  # noqa: F811
    trainer: Trainer,  # noqa: F811
    scores: dict[str, float],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed after the state was written, but before the training's own state was removed."""

    def killed(path: Path) -> None:
        if path.name == ".training":
            raise KeyboardInterrupt
        atomic.discard(path)

    monkeypatch.setattr("imagej_dl.correction.retraining.discard", killed)
    with pytest.raises(KeyboardInterrupt):
        correction.retrain(home, Path("M"))
    monkeypatch.setattr("imagej_dl.correction.retraining.discard", atomic.discard)
    with pytest.raises(UserError, match="no image has been corrected since"):
        correction.retrain(home)
    assert not (home / "Corrections" / "models" / "round_1" / ".training").exists()
