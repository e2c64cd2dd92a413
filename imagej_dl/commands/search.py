"""`imagej-dl search`: which settings make the best model, and that model."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.commands.searching import find, refresh
from imagej_dl.commands.train import Train
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import heal
from imagej_dl.methods.registry import Kind
from imagej_dl.progress import Progress
from imagej_dl.training.settings import setting


class Search(Command):
    """Search hyperparameters for the best model, then train it.

    Bayesian search with cross-validation: each trial trains on all but one part of the images
    and finds the objects of that part, part after part; the score is their average precision at
    IoU .5. Trials worse than the others end early. Stopped or killed, the same command goes on.
    OUT gets search.db, trials.csv, trials.html, best.json and the model's folder `model`. Several
    workers share one search: start it on each with the same --storage, all but one with --worker.
    """

    project: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The project, or a folder of labelled images."
    )
    out: Annotated[Path, Shown(path="folder")] = Field(
        description="The folder of the search; one that is there goes on."
    )
    kind: Kind = setting("kind")
    trials: int = Field(12, ge=1, le=10**6, description="Trials, those of all workers together.")
    folds: int = Field(5, ge=2, le=100, description="Parts that validate in turn.")
    trial_epochs: int = Field(10, ge=1, le=10**6, description="Epochs of a trial.")
    steps: int = Field(20, ge=1, le=10**6, description="Batches of an epoch of a trial.")
    space: Annotated[Path | None, Shown(advanced=True)] = Field(
        None,
        description="JSON file with the values to choose among, such as "
        '{"depth": [3, 4]}; keys left out (optimizer, learning_rate, batch, depth, width, '
        "last_width) have Fluffy's.",
    )
    patch: Annotated[int, Shown(unit="px", advanced=True)] = setting("patch")
    seed: Annotated[int, Shown(advanced=True)] = setting("seed")
    storage: Annotated[str | None, Shown(advanced=True)] = Field(
        None,
        description="URL of the database that several workers share, such as "
        "sqlite:////disk/search.db or postgresql://…; OUT/search.db where left out.",
    )
    study: Annotated[str, Shown(advanced=True)] = Field(
        "imagej-dl", description="The search's name in the database."
    )
    worker: Annotated[bool, Shown(advanced=True)] = Field(
        False, description="Only do trials for a search that another process ends."
    )
    final: bool = Field(True, description="Train the model with the best settings in the end.")
    epochs: int = Field(
        60, ge=1, le=10**6, description="Epochs of the final training, of 50 batches."
    )
    minutes: Annotated[float | None, Shown(unit="min")] = Field(
        None, gt=0, description="Time limit of the final training in minutes."
    )

    refresh: Annotated[bool, Shown("Make missing label maps", advanced=True)] = Field(
        True,
        description="Make the label maps of a project first that are missing in Processed, or "
        "whose ROIs were changed since; those that a user has changed are kept.",
    )

    def run(self, progress: Progress) -> None:
        if self.refresh and not self.worker:
            refresh(self.project, progress)
        with nullcontext() if self.worker else locks.held(self.out, "a search"):
            self._run(progress)

    def _run(self, progress: Progress) -> None:
        from imagej_dl.search import Space
        from imagej_dl.search.report import train_keys

        best = find(
            self.project,
            self.out,
            progress,
            trials=self.trials,
            count=self.folds,
            space=Space.read(self.space) if self.space else None,
            storage=self.storage,
            name=self.study,
            worker=self.worker,
            kind=self.kind,
            epochs=self.trial_epochs,
            steps=self.steps,
            patch=self.patch,
            seed=self.seed,
        )
        if best is None or self.worker or not self.final:
            return
        model = self.out / "model"
        heal(model)
        if (model / "config.json").is_file() and not (model / ".training").is_dir():
            say(f"{model}: is there already and is kept")
            return
        given: dict[str, Any] = {"project": self.project, "out": model, **train_keys(best)}
        given |= {"kind": self.kind, "patch": self.patch, "seed": self.seed}
        given |= {"epochs": self.epochs, "minutes": self.minutes, "refresh": False}
        given["resume"] = (model / ".training" / "last.npz").is_file()
        Train.declare(given).run(progress)
