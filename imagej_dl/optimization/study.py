"""The trials of an optimization in a storage that outlives the process."""

from __future__ import annotations

import json
import os
import socket
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imagej_dl import optional
from imagej_dl.errors import UserError, one_line
from imagej_dl.filesystem import containment, processes

SILENT = 600.0
"""Seconds after which a worker on another machine without a heartbeat counts as dead."""
_HEARTBEAT = 15.0
_JOURNAL = ".log"
_KEPT = ("folds",)  # what a trial that is tried again begins with


class Study:
    """Trials that maximize a score; each method sees those of all workers that share the storage.

    Parameters
    ----------
    storage : a file (Optuna's journal where it ends in .log, otherwise SQLite), or a database's
        URL as SQLAlchemy takes it. It is opened where it is there already.
    name : of the study in the storage.
    install : the remedy where Optuna is missing, as a sentence.
    seed : of what is tried. Each worker, and each process that resumes, takes another sequence
        from it.
    startup : trials of which the values are drawn at random, before those that are modelled; as
        many end before a trial is pruned.
    prune : end trials early whose intermediate score is below the median of the others.
    conditional : some values are chosen only where others allow it.

    Raises
    ------
    UserError : when Optuna is missing or the storage cannot be opened.
    """

    def __init__(
        self,
        storage: Path | str,
        name: str,
        *,
        install: str,
        seed: int,
        startup: int = 10,
        prune: bool = False,
        conditional: bool = False,
    ) -> None:
        optuna = optional.need("optuna", "Optuna, which chooses what to try,", install)
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # the commands report failed trials
        self._optuna, self.place = optuna, storage
        if isinstance(storage, Path):
            for suffix in ("", ".lock" if storage.suffix == _JOURNAL else "-journal"):
                containment.check(f"{storage}{suffix}")
            storage.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            try:
                self._study = optuna.create_study(
                    storage=_opened(storage),
                    study_name=name,
                    direction="maximize",
                    load_if_exists=True,
                    pruner=optuna.pruners.MedianPruner(n_startup_trials=startup)
                    if prune
                    else optuna.pruners.NopPruner(),
                )
                begun = len(self.trials())
            except Exception as error:  # the database's own, of no common kind
                words = one_line(error)[:200]
                raise UserError(f"the trials cannot be read ({words})", path=storage) from error
            # Workers that began with one seed would all try the same.
            self._study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=startup, multivariate=True, group=conditional, seed=seed + begun
            )

    def differing(
        self,
        key: str,
        common: dict[str, Any],
        upgrade: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> list[str]:
        """Return the names of what is not as it was when the study began; keep it for a new one.

        Parameters
        ----------
        key : where the study keeps it.
        common : what all trials must have in common.
        upgrade : makes what an earlier version kept comparable.
        """
        kept = self.kept(key)
        if kept is None:
            self._study.set_user_attr(key, common)
            return []
        kept, common = upgrade(kept), json.loads(json.dumps(common))
        return [name for name in {**common, **kept} if common.get(name) != kept.get(name)]

    def kept(self, key: str) -> Any:
        """Return what the study keeps under a key; None where it keeps nothing."""
        return self._study.user_attrs.get(key)

    def trials(self, *states: str) -> list[Any]:
        """Return the trials in these states (COMPLETE, PRUNED, RUNNING, FAIL, WAITING), or all."""
        found = self._study.get_trials(deepcopy=False)
        return [trial for trial in found if not states or trial.state.name in states]

    def best(self) -> Any:
        """Return the completed trial of the highest score; of equal ones the first.

        Raises
        ------
        UserError : when no trial is complete.
        """
        done = self.trials("COMPLETE")
        if not done:
            raise UserError("no trial was finished", path=self.place, remedy="Start it again.")
        return max(done, key=lambda trial: (trial.value, -trial.number))

    def enqueue(self, values: dict[str, Any], *, once: bool = False) -> None:
        """Try these values next, after those enqueued before; `once`: unless they were tried."""
        self._study.enqueue_trial(values, skip_if_exists=once)

    def run(self, objective: Callable[[Any], float | None], *, again: bool = False) -> None:
        """Do one trial.

        Parameters
        ----------
        objective : returns the score of a trial; None to end it early.
        again : put a trial back that an exception stops; otherwise it ends without a score.
        """
        trial = self.ask()
        try:
            score = objective(trial)
        except BaseException:
            (self.put_back if again else self.fail)(trial)
            raise
        if score is None:
            self.prune(trial)
        else:
            self.tell(trial, score)

    def ask(self) -> Any:
        """Begin a trial: one that was enqueued or put back, or a new one."""
        trial = self._study.ask()
        trial.set_user_attr("worker", [socket.gethostname(), os.getpid()])
        trial.set_user_attr("begun", time.time())
        return trial

    def tell(self, trial: Any, score: float) -> None:
        """End a trial with its score."""
        trial.set_user_attr("ended", time.time())
        self._study.tell(trial, score)

    def prune(self, trial: Any) -> None:
        """End a trial early."""
        trial.set_user_attr("ended", time.time())
        self._study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)

    def fail(self, trial: Any) -> Any:
        """End a trial that was stopped, without a score; return it as the storage has it."""
        return self._study.tell(
            trial.number, state=self._optuna.trial.TrialState.FAIL, skip_if_finished=True
        )

    def put_back(self, trial: Any) -> None:
        """End a trial that was stopped; its values are tried again, from where it had come."""
        again = {name: trial.user_attrs[name] for name in _KEPT if name in trial.user_attrs}
        told = self.fail(trial)
        if told.params and told.state.name == "FAIL":
            self._study.enqueue_trial(told.params, user_attrs=again)

    def put_back_dead(self) -> int:
        """Put back the trials of workers that were killed; return their number."""
        dead = [trial for trial in self.trials("RUNNING") if _dead(trial)]
        for trial in dead:
            self.put_back(trial)
        return len(dead)


class Heartbeat:
    """Records from time to time that a trial is being worked on; call it often."""

    def __init__(self, trial: Any) -> None:
        self._trial, self._last = trial, 0.0

    def __call__(self) -> None:
        if time.monotonic() - self._last > _HEARTBEAT:
            self._last = time.monotonic()
            self._trial.set_user_attr("beat", time.time())


def _opened(storage: Path | str) -> Any:
    """Open a storage of Optuna's; see :class:`Study`."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if isinstance(storage, Path) and storage.suffix == _JOURNAL:
        _refuse_foreign(storage)
        return JournalStorage(JournalFileBackend(str(storage)))
    url = f"sqlite:///{storage.resolve()}" if isinstance(storage, Path) else storage
    waits = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    return RDBStorage(url, engine_kwargs=waits)


def _refuse_foreign(journal: Path) -> None:
    """Raise ValueError or KeyError for a file to whose text Optuna would append its own."""
    if journal.exists():
        with journal.open("rb") as file:
            if line := file.readline(2**20):
                json.loads(line)["op_code"]


def _dead(trial: Any) -> bool:
    attrs = trial.user_attrs
    host, process = attrs.get("worker") or ("", 0)
    if host == socket.gethostname():
        # A process that works on nothing yet has no trial: its number is that of a dead one.
        return process == os.getpid() or not processes.running(process)
    begun = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    return time.time() - max(attrs.get("beat", 0.0), attrs.get("begun", 0.0), begun) > SILENT
