"""The hyperparameter search: trial after trial, until there are enough."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.errors import Cancelled, Enough, UserError
from imagej_dl.optimization import Heartbeat, Study
from imagej_dl.progress import Progress, note, silent
from imagej_dl.search import report
from imagej_dl.search.fold import score
from imagej_dl.search.folds import folds
from imagej_dl.search.space import Space
from imagej_dl.training import Settings, device_selection
from imagej_dl.training.data_sources import Given, as_given
from imagej_dl.training.examples import Examples
from imagej_dl.training.settings import EARLIER
from imagej_dl.training.split import Split, labelled

DATABASE = "search.db"
NAME = "imagej-dl"
EPOCHS, STEPS = 10, 20
_PART = 100
_WAIT = 2.0
_STARTUP = 4
_INSTALL = "Install it with `pip install 'imagej-dl[search]'`."


@dataclass(frozen=True)
class Found:
    """The result of a search: the best hyperparameters, their score and the number of trials."""

    settings: dict[str, Any]
    score: float
    trials: int


def search(
    source: str | Path | Given,
    out: str | Path,
    *,
    trials: int = 12,
    count: int = 5,
    space: Space | None = None,
    storage: str | None = None,
    name: str = NAME,
    worker: bool = False,
    progress: Progress = silent,
    **base: Any,
) -> Found | None:
    """Search for the hyperparameters that segment objects best, by cross-validation.

    A tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011) chooses what to try from
    what came of the trials before, the space's first values coming first. A trial trains on each
    fold; it ends early when the mean of its folds is below the median of the others.

    Parameters
    ----------
    source : a folder with labelled images, see :func:`imagej_dl.training.find_pairs`; or pairs
        whose part in the training is decided: the folds are of those that are trained on.
    out : the folder of the search: search.db, and the report (trials.csv, .png, .html,
        best.json), which is written anew after each trial. The same search started again on it
        goes on, with the trial and the fold at which it was stopped or killed.
    trials : how many, those of all workers together.
    count : of folds.
    space : the search space; Fluffy's where left out.
    storage : URL of a database, where it is not out/search.db; workers on several machines need
        one that they all reach (PostgreSQL, MySQL, or a file on a disk that locks rightly).
    name : of the search in the storage.
    worker : whether to end when no trial is left to begin; otherwise those of others are
        awaited.
    progress : stage "search", in hundredths of folds. It may raise Cancelled, or Enough: the
        best of the trials so far is returned.
    **base : other fields of :class:`imagej_dl.training.Settings`; by default 10 epochs of 20
        batches.

    Returns
    -------
    the best; None for a worker that found nothing finished.

    Raises
    ------
    UserError : for data that cannot be trained with, wrong settings, a storage that holds
        another search.
    Cancelled, KeyboardInterrupt : when stopped; what was done is kept.
    """
    out, space = Path(out), space or Space()
    base = {"epochs": EPOCHS, "steps": STEPS, **base}
    if "kind" not in base and (begun := kind_begun(storage or out / DATABASE, name)):
        base["kind"] = begun
    space.check(base)
    settings = Settings.of({**base, **space.first})
    device_selection.select(several=False)  # what it may refuse is refused before the first trial
    method = settings.method
    given = as_given(source, method.learns_from, unlabelled=method.takes_unlabelled)
    examples = Examples(
        given.train,
        settings.normalisation,
        frames=settings.window,
        weight_map=settings.weight_map,
        method=settings.method,
        maps=given.maps and given.maps[: len(given.train)],
        sparse=settings.sparse,
        ring=settings.border_size,
        progress=progress,
    )
    # What the training is given to validate or to test with leaves no test to be kept of the rest.
    test = 0.0 if given.validation or given.test else settings.test
    shares = {"validation": settings.validation, "test": test, "seed": settings.seed}
    sources, bare = labelled(examples.sources)
    parts = [
        replace(part, train=[*part.train, *bare])
        for part in folds(sources, count, **shares)  # type: ignore[arg-type]
    ]
    out.mkdir(parents=True, exist_ok=True)
    signature = {
        "images": examples.fingerprint,
        "folds": len(parts),
        "space": space.model_dump(mode="json"),
        "settings": Settings.of({**base, **space.first}).model_dump(mode="json"),
    }
    study = opened(storage or out / DATABASE, name, space, signature, settings.seed)
    known = (study.kept("signature") or {}).get("settings", {})
    if later := {name: share for name, share in EARLIER.items() if name not in known}:
        # A search of an earlier version, which knew no other: it goes on as it began.
        base |= later
        settings = Settings.of({**base, **space.first})
    work = _Work(study, space, base, parts, examples, trials, progress)
    try:
        while work.left():
            work.one()
            report.write(study, space, out, settings)
        if not worker:
            work.wait()
    except Enough:
        pass  # the best of the trials so far will do
    if worker and not study.trials("COMPLETE"):
        return None
    report.write(study, space, out, settings)
    best = study.best()
    return Found(dict(best.params), float(best.value), len(study.trials("COMPLETE", "PRUNED")))


def opened(
    storage: Path | str, name: str, space: Space, signature: dict[str, Any], seed: int
) -> Study:
    """Open the trials of a search, the space's first values coming first.

    Parameters
    ----------
    signature : what all workers must have in common: data, folds, settings.

    Raises
    ------
    UserError : when Optuna is missing, the storage cannot be opened, or holds another search.
    """
    study = Study(storage, name, install=_INSTALL, seed=seed, startup=_STARTUP, prune=True)
    if different := study.differing("signature", signature, _upgraded):
        raise UserError(
            f"holds a search with other {', '.join(sorted(different))}",
            path=storage,
            remedy="Use the same settings, or choose another folder or --study.",
        )
    if not study.trials():
        study.enqueue(space.first, once=True)
    return study


def kind_begun(storage: Path | str, name: str) -> str | None:
    """Return the kind of a search that is there, which an earlier version may have chosen.

    None where there is no such search.
    """
    if isinstance(storage, Path) and not storage.is_file():
        return None
    kept = Study(storage, name, install=_INSTALL, seed=0).kept("signature") or {}
    return kept.get("settings", {}).get("kind")


def _upgraded(signature: dict[str, Any]) -> dict[str, Any]:
    """Fill in the settings that an earlier version did not know, with their defaults."""
    with suppress(UserError):  # a setting is gone by now: another search
        known = Settings.of(signature["settings"]).model_dump(mode="json")
        return {**signature, "settings": known}
    return signature


@dataclass
class _Work:
    study: Study
    space: Space
    base: dict[str, Any]
    parts: list[Split]
    examples: Examples
    trials: int
    progress: Progress
    _done: int = 0

    def left(self) -> bool:
        """Put back the trials of dead workers; return whether there is a trial to begin."""
        self.study.put_back_dead()
        return len(self.study.trials("COMPLETE", "PRUNED", "RUNNING")) < self.trials

    def wait(self) -> None:
        """Wait until the other workers have ended their trials; do those of the dead."""
        while self.study.trials("RUNNING"):
            self._tell(0.0)
            note(self.progress, "waiting for the trials of other workers")
            time.sleep(_WAIT)
            while self.left():
                self.one()

    def one(self) -> None:
        """Do one trial; one that is stopped goes on with its fold when the search does."""
        self.study.run(self._folds, again=True)

    def _folds(self, trial: Any) -> float | None:
        """Return the mean score of the folds; None where those so far are worse than others'."""
        chosen, scores = self.space.choose(trial), list(trial.user_attrs.get("folds", ()))
        beat = Heartbeat(trial)
        words = ", ".join(f"{name} {value}" for name, value in chosen.items())
        for number, part in enumerate(self.parts):
            if number >= len(scores):
                found = self._score(trial, chosen, part, beat, number)
                if found is None:  # diverged: no use to try the other folds
                    return 0.0
                scores.append(found)
                trial.set_user_attr("folds", scores)
            mean = float(np.mean(scores[: number + 1]))
            trial.report(mean, number)
            note(
                self.progress,
                f"trial {trial.number + 1} fold {number + 1}/{len(self.parts)}: {mean:.3f} "
                f"({words})",
            )
            if number + 1 < len(self.parts) and trial.should_prune():
                return None
        return float(np.mean(scores))

    def _score(
        self, trial: Any, chosen: dict[str, Any], part: Split, beat: Heartbeat, number: int
    ) -> float | None:
        def listen(stage: str, done: int, total: int) -> None:
            beat()
            if stage == "training":
                self._tell(number + done / max(total, 1))

        beat()
        self._tell(number)
        try:
            return score(Settings.of({**self.base, **chosen}), part, self.examples, listen)
        except Cancelled:
            raise
        except UserError as error:
            trial.set_user_attr("note", str(error))
        except Exception as error:
            # TensorFlow has several for one cause; other errors are no finding about settings.
            if type(error).__name__ != "ResourceExhaustedError":
                raise
            trial.set_user_attr("note", "there was not enough memory")
        return None

    def _tell(self, folds_done: float) -> None:
        done = len(self.study.trials("COMPLETE", "PRUNED")) if folds_done % 1 == 0 else self._done
        self._done = done
        total = max(self.trials, done + 1) * len(self.parts) * _PART
        self.progress("search", int((done * len(self.parts) + folds_done) * _PART), total)
