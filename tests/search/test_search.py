"""The search: folds, trials, going on after a kill, several workers, the report."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.commands.searching import find
from imagej_dl.commands.train import Train
from imagej_dl.errors import Cancelled, DataWarning, UserError
from imagej_dl.progress import silent
from imagej_dl.search import Space, folds, search
from imagej_dl.search.report import OWN
from imagej_dl.search.run import Found, opened
from imagej_dl.training.data_sources import Given
from imagej_dl.training.patches import Example
from imagej_dl.training.settings import Settings
from imagej_dl.training.split import Split

optuna = pytest.importorskip("optuna", reason="needs Optuna (the extra search)")

TINY = {"patch": 32, "epochs": 1, "steps": 2}
SMALL = {"batch": [2], "depth": [1, 2], "width": [2, 1], "last_width": [2]}


def example(name: str, objects: bool = True) -> Example:
    labels = np.zeros((40, 40), np.uint16)
    labels[5:15, 5:15] = objects
    return Example(name, np.zeros((40, 40, 1), np.float32), labels, digest=name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six images of bright squares with their label maps."""
    rng = np.random.default_rng(0)
    for i in range(6):
        labels = np.zeros((48, 48), np.uint16)
        for label in (1, 2, 3):
            y, x = rng.integers(0, 36, 2)
            labels[y : y + 10, x : x + 10] = label
        image = (rng.normal(20, 3, labels.shape) + 100 * (labels > 0)).clip(0, 255)
        images.write(images.make(image.astype(np.uint8)), tmp_path / f"d/images/i{i}.tif")
        images.write(images.make(labels), tmp_path / f"d/masks/i{i}.tif")
    return tmp_path / "d"


def space(**values: object) -> Space:
    return Space.model_validate({**SMALL, "learning_rate": [1e-3, 1e-2], **values})


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "trials.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_folds_hold_every_image_once_and_no_test_image() -> None:
    from imagej_dl.training.split import split

    sources = [[example(f"{i}")] for i in range(13)]
    made = folds(sources, 5, validation=0.2, test=0.1, seed=3)
    tested = {e.name for e in split(sources, 0.2, 0.1, 3).test}
    assert tested
    validating = [e.name for fold in made for e in fold.validation]
    assert sorted(validating) == sorted({s[0].name for s in sources} - tested)
    sizes = [len(fold.validation) for fold in made]
    assert max(sizes) - min(sizes) <= 1  # the remainder is in them, too
    for fold in made:
        names = {e.name for e in fold.train}
        assert not names & {e.name for e in fold.validation}
        assert not names & tested
        assert len(fold.train) + len(fold.validation) == 13 - len(tested)


def test_few_images_and_images_without_objects() -> None:
    sources = [[example(f"{i}")] for i in range(3)]
    with pytest.warns(DataWarning, match="3 images for 5 folds"):
        assert len(folds(sources, 5, validation=0.2, test=0.1, seed=0)) == 3
    movie = [[example(f"T={t}") for t in range(12)]]
    made = folds(movie, 3, validation=0.2, test=0.1, seed=0)
    for fold in made:  # frames that follow each other stay together
        times = [int(e.name[2:]) for e in fold.validation]
        assert times == list(range(times[0], times[-1] + 1))
    some = [[example(f"{i}", objects=i < 2)] for i in range(4)]
    with pytest.warns(DataWarning, match="hold no object and are left out"):
        assert 0 < len(folds(some, 4, validation=0.2, test=0.0, seed=0)) < 4


def test_space(tmp_path: Path) -> None:
    first = Space().first
    assert first == {
        "optimizer": "Adam",
        "learning_rate": 1e-4,
        "batch": 16,
        "depth": 4,
        "width": 16,
        "last_width": 16,
    }
    (tmp_path / "s.json").write_text('{"depth": [3, 4]}')
    assert Space.read(tmp_path / "s.json").depth == (3, 4)
    (tmp_path / "s.json").write_text('{"deep": [3]}')
    with pytest.raises(UserError, match=r"s\.json: deep: unknown key, perhaps depth$"):
        Space.read(tmp_path / "s.json")
    with pytest.raises(UserError, match="optimizer"):
        space(optimizer=["Sgd"]).check(TINY)
    with pytest.raises(UserError, match="not a multiple of 2"):
        space(depth=[1, 6]).check(TINY)


@pytest.mark.thorough
@pytest.mark.tf
def test_a_search_goes_on_from_the_fold_where_it_stopped(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "search"
    heard: list[tuple[int, int]] = []

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "search":
            heard.append((done, total))
            if done > 100:  # in the second fold of the first trial
                raise Cancelled

    with pytest.raises(Cancelled):
        search(data, out, trials=2, count=2, space=space(), progress=stop, **TINY)
    from imagej_dl.search import fold
    from imagej_dl.search import run as module

    scored = []
    original = module.score
    try:
        module.score = lambda *given: scored.append(given[0]) or original(*given)  # type: ignore
        found = search(data, out, trials=2, count=2, space=space(), **TINY)
    finally:
        module.score = original
    assert fold.score is original
    assert len(scored) == 3  # one fold of the first trial was done
    assert found is not None
    assert found.trials == 2
    table = rows(out)
    assert len(table) == 2
    best = json.loads((out / "best.json").read_text())
    # It trains as the trials did: with their kind and patch, too.
    assert best.pop("settings") | best == found.settings | {"kind": "distance", "patch": 32}
    train = Train.declare({**best, "project": data, "out": out / "again"})
    assert (train.kind, train.patch, train.width) == ("distance", 32, best["width"])
    top = max(table, key=lambda row: float(row["score"]))
    assert float(top["score"]) == pytest.approx(found.score, abs=1e-4)
    assert str(best["width"]) == top["width"]
    parts = [float(value) for value in top["folds"].split()]
    assert np.mean(parts) == pytest.approx(found.score, abs=1e-3)
    assert "data:image/png;base64" in (out / "trials.html").read_text()
    # nothing is left to do, and another search is refused
    assert search(data, out, trials=2, count=2, space=space(), **TINY) == found
    with pytest.raises(UserError, match=r"search\.db: holds a search with other .*settings"):
        search(data, out, trials=2, count=2, space=space(), **{**TINY, "steps": 3})


def test_keys_of_train_are_told_from_further_settings() -> None:
    assert set(OWN) == set(Settings.model_fields) & set(Train.model_fields)


def test_a_search_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    now = {"settings": Settings.of(TINY).model_dump(mode="json")}
    old = {"settings": {k: v for k, v in now["settings"].items() if k != "precision"}}
    opened(tmp_path / "s.db", "s", space(), old, 0)
    opened(tmp_path / "s.db", "s", space(), now, 0)
    other = {"settings": {**now["settings"], "precision": "mixed_float16"}}
    with pytest.raises(UserError, match="with other settings"):
        opened(tmp_path / "s.db", "s", space(), other, 0)


@pytest.mark.tf
def test_a_fold_is_trained_as_the_training_is(data: Path, tmp_path: Path, monkeypatch) -> None:
    """With frames, weight maps and what is given to validate with; scored by a stand-in."""
    seen: list[Split] = []

    def scored(settings: Settings, parts: Split, *_: object) -> float:
        assert settings.window == len(parts.train[0].planes)
        seen.append(parts)
        return 0.5

    monkeypatch.setattr("imagej_dl.search.run.score", scored)
    movies = [(str(p), str(data / "masks" / p.name)) for p in sorted(data.glob("images/*.tif"))]
    given = Given(movies[:4], validation=movies[4:])
    more = {"architecture": "unet_lstm", "kind": "foreground", "weight_map": "unet", "frames": 3}
    search(given, tmp_path / "s", trials=1, count=2, space=space(depth=[1]), **TINY, **more)
    first = seen[0]
    assert len(seen) == 2
    assert len(first.train) + len(first.validation) == 4  # no share of them is kept for a test
    assert all(e.weights is not None and len(e.others) == 2 for e in first.train)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("binary", "Dice 0.500"), ("foreground", "average precision at IoU .5 0.500")],
)
def test_what_the_score_is_is_said(tmp_path: Path, monkeypatch, capfd, kind, words) -> None:
    best = Found({"depth": 2}, 0.5, 3)
    monkeypatch.setattr("imagej_dl.search.search", lambda *_, **__: best)
    find(tmp_path, tmp_path / "s", silent, kind=kind)
    assert words in capfd.readouterr().out


@pytest.mark.tf
def test_a_trial_that_diverges_scores_nothing(data: Path, tmp_path: Path) -> None:
    from imagej_dl.search import run as module

    original = module.score

    def diverging(settings: object, *rest: object) -> float:
        raise UserError("the loss is not a number after 3 batches")

    module.score = diverging  # type: ignore[assignment]
    try:
        found = search(data, tmp_path / "s", trials=1, count=2, space=space(), **TINY)
    finally:
        module.score = original
    assert found is not None
    assert found.score == 0.0
    assert "not a number" in rows(tmp_path / "s")[0]["note"]


COMMAND = """
import pathlib, sys, time
from imagej_dl.search import Space
import imagej_dl.search.run as module
gate = pathlib.Path(sys.argv[4])
worker = sys.argv[6] == "worker"
folds = 0
def slow(settings, part, examples, progress):
    global folds
    folds += 1
    print("fold", flush=True)
    if worker:
        gate.touch()
    while folds > 1 and not gate.exists():
        time.sleep(0.05)
    time.sleep(0.1)
    return 0.25 + 0.1 * settings.depth
module.score = slow
space = Space.model_validate({"batch": [2], "depth": [1, 2], "width": [2, 1], "last_width": [2],
                              "learning_rate": [1e-3, 1e-2]})
found = module.search(sys.argv[1], sys.argv[2], trials=int(sys.argv[5]), count=2, space=space,
    storage=sys.argv[3] or None, patch=32, epochs=1, steps=2, worker=worker)
print("best", found and found.score, flush=True)
"""


def start(
    data: Path, out: Path, storage: str, gate: Path, trials: int, role: str = ""
) -> subprocess.Popen[str]:
    """Start a search whose second fold waits until the file `gate` is there; workers make it."""
    given = [str(data), str(out), storage, str(gate), str(trials), role]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *given], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.thorough
def test_killed_and_started_again(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "s"
    killed = start(data, out, "", tmp_path / "never", 3)
    assert killed.stdout is not None
    for _ in range(2):
        assert killed.stdout.readline() == "fold\n"  # the second fold of the first trial runs
    killed.kill()
    killed.communicate()
    again = start(data, out, "", data, 3)
    said, _ = again.communicate(timeout=100)
    assert again.returncode == 0
    assert said.count("fold") == 5
    assert len(rows(out)) == 3


@pytest.mark.thorough
def test_two_workers_share_one_storage(data: Path, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    gate = tmp_path / "the worker is there"
    first = start(data, tmp_path / "a", storage, gate, 6)
    assert first.stdout is not None
    first.stdout.readline()
    second = start(data, tmp_path / "b", storage, gate, 6, "worker")
    said = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert "fold" in said[1]
    table = rows(tmp_path / "a")
    assert 6 <= len(table) <= 7
    assert len({row["worker"] for row in table}) == 2
    assert "best 0.45" in said[0]


@pytest.mark.slow
def test_trials_worse_than_the_others_end_early(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagej_dl.search import run as module

    calls: list[object] = []

    def score(settings: object, *rest: object) -> float:
        calls.append(settings)
        return 0.9 if len(calls) <= 12 else 0.1  # four trials of three folds, then worse ones

    monkeypatch.setattr(module, "score", score)
    found = search(data, tmp_path / "s", trials=6, count=3, space=space(), **TINY)
    assert found is not None
    assert (found.score, found.trials) == (pytest.approx(0.9), 6)
    table = rows(tmp_path / "s")
    assert [row["state"] for row in table] == ["scored"] * 4 + ["ended early"] * 2
    assert len(calls) == 4 * 3 + 2


def test_workers_that_are_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime
    import os
    import socket
    from types import SimpleNamespace

    from imagej_dl.optimization import study

    def trial(host: str, process: int, beat: float) -> SimpleNamespace:
        begun = datetime.datetime.now() - datetime.timedelta(hours=1)
        attrs = {"worker": [host, process], "beat": time.time() - beat}
        return SimpleNamespace(user_attrs=attrs, datetime_start=begun)

    here = socket.gethostname()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert not study._dead(trial(here, other.pid, 1e6))  # alive, whatever it says
        other.communicate(b"\n")
    assert study._dead(trial(here, other.pid, 0))
    assert study._dead(trial(here, os.getpid(), 0))  # what this process works on is not asked
    assert not study._dead(trial("elsewhere", 1, study.SILENT - 60))
    assert study._dead(trial("elsewhere", 1, study.SILENT + 60))
