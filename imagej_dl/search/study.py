"""The trials in a storage that outlives the process and that several workers share."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagej_dl import optional
from imagej_dl.errors import UserError
from imagej_dl.filesystem import containment, processes
from imagej_dl.search.space import Space
from imagej_dl.training.settings import Settings

SILENT = 600.0
"""Seconds after which a worker on another machine that says nothing counts as dead."""
NAME = "imagej-dl"
_STARTUP = 4
_BEAT = 15.0
_SIGNATURE = "signature"


class Study:
    """Trials of a search; each method sees what all workers have done.

    Parameters
    ----------
    storage : a file for SQLite, or a database's URL as SQLAlchemy takes it.
    name : of the search in the storage.
    signature : what all workers must have in common: data, folds, settings.
    seed : of what is tried; each worker goes its own way from it.

    Raises
    ------
    UserError : when Optuna is missing, the storage cannot be opened, or holds another search.
    """

    def __init__(
        self, storage: Path | str, name: str, space: Space, signature: dict[str, Any], seed: int
    ) -> None:
        optuna = optional.need(
            "optuna", "Optuna, which chooses what to try,", "pip install 'imagej-dl[search]'"
        )
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self.space = optuna, space
        for suffix in ("", "-journal") if isinstance(storage, Path) else ():
            containment.check(f"{storage}{suffix}")
        url = f"sqlite:///{storage.resolve()}" if isinstance(storage, Path) else storage
        try:
            waits = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
            opened = optuna.storages.RDBStorage(url, engine_kwargs=waits)
            self._study = optuna.create_study(
                storage=opened,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP),
            )
        except Exception as error:  # the database's own, of no common kind
            words = " ".join(str(error).split())[:200] or type(error).__name__
            raise UserError(f"the storage cannot be opened ({words})", path=url) from error
        self._agree(signature, url)
        # Workers that began with one seed would all try the same.
        self._study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=_STARTUP, multivariate=True, seed=seed + len(self.trials())
        )
        if not self.trials():
            self._study.enqueue_trial(space.first, skip_if_exists=True)

    def _agree(self, signature: dict[str, Any], url: str) -> None:
        before = self._study.user_attrs.get(_SIGNATURE)
        if before is None:
            self._study.set_user_attr(_SIGNATURE, signature)
            return
        # What an earlier version did not know had its default, unless a setting is gone by now.
        with suppress(UserError):
            known = Settings.of(before["settings"]).model_dump(mode="json")
            before = {**before, "settings": known}
        different = sorted(k for k in {*before, *signature} if before.get(k) != signature.get(k))
        if different:
            raise UserError(
                f"holds a search that has other {', '.join(different)}",
                path=url,
                remedy="Start it as it was begun, or choose another folder or --study.",
            )

    def trials(self, *states: str) -> list[Any]:
        """Return the trials in these states (COMPLETE, PRUNED, RUNNING, FAIL, WAITING), or all."""
        found = self._study.get_trials(deepcopy=False)
        return [t for t in found if not states or t.state.name in states]

    def best(self) -> Any:
        """Return the best of the trials that were scored on all folds."""
        done = self.trials("COMPLETE")
        if not done:
            raise UserError("no trial of the search was finished", remedy="Start it again.")
        return max(done, key=lambda trial: (trial.value, -trial.number))

    def ask(self) -> tuple[Any, dict[str, Any], list[float]]:
        """Begin a trial; return it, its settings, and the scores of folds done before a stop."""
        trial = self._study.ask()
        chosen = {
            name: trial.suggest_categorical(name, values)
            for name, values in self.space.values.items()
        }
        trial.set_user_attr("worker", [socket.gethostname(), os.getpid()])
        trial.set_user_attr("begun", time.time())
        return trial, chosen, list(trial.user_attrs.get("folds", ()))

    def tell(self, trial: Any, value: float) -> None:
        """End a trial with its score."""
        trial.set_user_attr("ended", time.time())
        self._study.tell(trial, value)

    def prune(self, trial: Any) -> None:
        """End a trial whose folds so far are worse than those of the others."""
        trial.set_user_attr("ended", time.time())
        self._study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)

    def put_back(self, trial: Any) -> None:
        """Give up a trial that was stopped; it is tried again, from the fold it had reached."""
        again = {"folds": trial.user_attrs.get("folds", [])}
        number = trial.number
        told = self._study.tell(
            number, state=self._optuna.trial.TrialState.FAIL, skip_if_finished=True
        )
        if told.params and told.state.name == "FAIL":
            self._study.enqueue_trial(told.params, user_attrs=again)

    def put_back_dead(self) -> int:
        """Put back the trials of workers that were killed; return how many they were."""
        dead = [trial for trial in self.trials("RUNNING") if _dead(trial)]
        for trial in dead:
            self.put_back(trial)
        return len(dead)


class Beat:
    """Says from time to time that a trial is being worked on."""

    def __init__(self, trial: Any) -> None:
        self._trial, self._last = trial, 0.0

    def __call__(self) -> None:
        if time.monotonic() - self._last > _BEAT:
            self._last = time.monotonic()
            self._trial.set_user_attr("beat", time.time())


def _dead(trial: Any) -> bool:
    attrs = trial.user_attrs
    host, process = attrs.get("worker") or ("", 0)
    if host == socket.gethostname():
        # A process that works on nothing yet has no trial: its number is that of a dead one.
        return process == os.getpid() or not processes.running(process)
    begun = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    return time.time() - max(attrs.get("beat", 0.0), attrs.get("begun", 0.0), begun) > SILENT
