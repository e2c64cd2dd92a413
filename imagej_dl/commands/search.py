"""`imagej-dl search`: which settings make the best model, and that model."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from imagej_dl.commands import unused
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.commands.searching import find, refresh
from imagej_dl.commands.train import Train
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import heal
from imagej_dl.methods.registry import Kind
from imagej_dl.progress import Progress
from imagej_dl.training.settings import EARLIER, setting


class Search(Command):
    """Search hyperparameters for the best model, then train it.

    Bayesian search with cross-validation: each trial trains on all folds but one and predicts
    the objects of that fold, for each fold in turn; the score is the average precision at IoU
    .5. Trials worse than the others end early. After a stop or a kill, the same command
    continues. OUT gets search.db, trials.csv, trials.html, best.json and the model's folder
    `model`. Several workers share one search: start it on each with the same --storage, all but
    one with --worker.
    """

    project: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The project, or a folder of labelled images."
    )
    out: Annotated[Path, Shown(path="folder")] = Field(
        description="Folder of the search; an existing one is continued."
    )
    kind: Kind = setting("kind")
    trials: int = Field(
        12, ge=1, le=10**6, description="Number of trials, of all workers together."
    )
    folds: int = Field(5, ge=2, le=100, description="Number of cross-validation folds.")
    trial_epochs: int = Field(10, ge=1, le=10**6, description="Epochs of each trial.")
    steps: int = Field(20, ge=1, le=10**6, description="Batches per epoch of a trial.")
    space: Annotated[Path | None, Shown(advanced=True)] = Field(
        None,
        description="JSON file with the search space, such as "
        '{"depth": [3, 4]}; keys left out (optimizer, learning_rate, batch, depth, width,'
        "last_width) have the values of Fluffy's.",
    )
    patch: Annotated[int, Shown(unit="px", advanced=True)] = setting("patch")
    seed: Annotated[int, Shown(advanced=True)] = setting("seed")
    imaging: Annotated[float, Shown("Patches as of another movie", unit="share", advanced=True)] = (
        setting("imaging")
    )
    crowding: Annotated[float, Shown("Patches with more contacts", unit="share", advanced=True)] = (
        setting("crowding")
    )
    sparse: Annotated[bool, Shown("Not every object is drawn", advanced=True)] = setting("sparse")
    storage: Annotated[str | None, Shown(advanced=True)] = Field(
        None,
        description="URL of the database that several workers share, such as "
        "sqlite:////disk/search.db or postgresql://…; OUT/search.db if left out.",
    )
    study: Annotated[str, Shown(advanced=True)] = Field(
        "imagej-dl", description="The search's name in the database."
    )
    worker: Annotated[bool, Shown(advanced=True)] = Field(
        False, description="Only run trials; another process finishes the search."
    )
    final: bool = Field(True, description="Train a model with the best hyperparameters at the end.")
    epochs: int = Field(
        60, ge=1, le=10**6, description="Epochs of the final training, of 50 batches each."
    )
    minutes: Annotated[float | None, Shown(unit="min")] = Field(
        None, gt=0, description="Time limit of the final training in minutes."
    )

    refresh: Annotated[bool, Shown("Make missing label maps", advanced=True)] = Field(
        True,
        description="First create the label maps of a project that are missing in Processed or "
        "whose ROIs have changed since; label maps that you edited are kept.",
    )

    def check(self) -> None:
        if not self.final:
            why = "is for the model that is trained at the end, and --no-final trains none"
            unused.refuse(self, ["epochs", "minutes"], why)

    def run(self, progress: Progress) -> None:
        self.check()
        if self.refresh and not self.worker:
            refresh(self.project, progress)
        with nullcontext() if self.worker else locks.held(self.out, "a search"):
            self._run(progress)

    def _run(self, progress: Progress) -> None:
        from imagej_dl.search import Space
        from imagej_dl.search.report import train_keys
        from imagej_dl.search.run import DATABASE, kind_begun

        # What is left out is as it was when a search began that is there.
        names = {"kind", *EARLIER} & self.model_fields_set
        chosen = {name: getattr(self, name) for name in names}
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
            epochs=self.trial_epochs,
            steps=self.steps,
            patch=self.patch,
            seed=self.seed,
            **({"sparse": True} if self.sparse else {}),
            **chosen,
        )
        if best is None or self.worker or not self.final:
            return
        model = self.out / "model"
        heal(model)
        if (model / "config.json").is_file() and not (model / ".training").is_dir():
            say(f"{model}: exists and is kept")
            return
        given: dict[str, Any] = {"project": self.project, "out": model, **train_keys(best)}
        kind = kind_begun(self.storage or self.out / DATABASE, self.study)
        given |= {"kind": kind, "patch": self.patch, "seed": self.seed}
        given |= {"epochs": self.epochs, "minutes": self.minutes, "refresh": False}
        given |= {"sparse": self.sparse, **chosen}
        given["resume"] = (model / ".training" / "last.npz").is_file()
        Train.declare(given).run(progress)
