"""`imagej-dl search`: which settings make the best model, and that model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.commands.train import APART, Train
from imagej_dl.errors import UserError
from imagej_dl.models.config import Kind
from imagej_dl.progress import Progress
from imagej_dl.training.settings import setting

if TYPE_CHECKING:
    from imagej_dl.search import Space


class Search(Command):
    """Search for the settings that train the best model, then train it.

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
    trials: int = Field(12, ge=1, description="Trials, those of all workers together.")
    folds: int = Field(5, ge=2, le=100, description="Parts that validate in turn.")
    trial_epochs: int = Field(10, ge=1, description="Epochs of a trial.")
    steps: int = Field(20, ge=1, description="Batches of an epoch of a trial.")
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
    epochs: int = Field(60, ge=1, description="Epochs of the final training, of 50 batches.")
    minutes: Annotated[float | None, Shown(unit="min")] = Field(
        None, gt=0, description="Time limit of the final training in minutes."
    )

    def run(self, progress: Progress) -> None:
        from imagej_dl.search.report import train_keys

        best = find(self, self.project, self.out, progress)
        if best is None or self.worker or not self.final:
            return
        model = self.out / "model"
        if (model / "config.json").is_file() and not (model / ".training").is_dir():
            say(f"{model}: is there already and is kept")
            return
        given: dict[str, Any] = {"project": self.project, "out": model, **train_keys(best)}
        given |= {"kind": self.kind, "patch": self.patch, "seed": self.seed}
        given |= {"epochs": self.epochs, "minutes": self.minutes}
        given["resume"] = (model / ".training" / "last.npz").is_file()
        Train.declare(given).run(progress)


def find(
    asked: Search,
    project: Path,
    out: Path,
    progress: Progress,
    values: Space | None = None,
    **base: Any,
) -> dict[str, Any] | None:
    """Search, say what was found, and return the best settings."""
    from imagej_dl.search import Space, search

    if not project.is_dir():
        raise UserError("there is no such folder", path=project)
    found = search(
        project,
        out,
        trials=asked.trials,
        count=asked.folds,
        space=Space.read(asked.space) if asked.space else values,
        storage=asked.storage,
        name=asked.study,
        worker=asked.worker,
        progress=progress,
        **{
            "kind": asked.kind,
            "epochs": asked.trial_epochs,
            "steps": asked.steps,
            "patch": asked.patch,
            "seed": asked.seed,
            **base,
        },
    )
    if found is None:
        return None
    words = ", ".join(f"{name} {value}" for name, value in found.settings.items())
    what = "average precision at IoU .5" if asked.kind == "border" else "Dice"
    say(f"{out}: best of {found.trials} trials ({what} {found.score:.3f}): {words}")
    return found.settings


def before(training: Train, progress: Progress) -> Train:
    """Search for what the training is not given; return it with what was found."""
    from imagej_dl.files import refuse_existing
    from imagej_dl.search import Space
    from imagej_dl.search.report import train_keys

    assert training.out is not None
    if training.start is not None:
        raise UserError(
            "search and start exclude each other",
            remedy="A model to start from has decided what would be searched.",
        )
    if training.out.is_dir() and any(training.out.iterdir()):
        refuse_existing(training.out, training.overwrite)
    further = training.further()
    base = training.model_dump(exclude=APART) | further
    fixed = {n: base[n] for n in Space.model_fields if n in training.model_fields_set | {*further}}
    fixed = {name: value for name, value in fixed.items() if value is not None}
    space = Space.model_validate({name: (value,) for name, value in fixed.items()})
    apart = {*Space.model_fields, "epochs", "steps", "minutes", "patience"}
    base = {name: value for name, value in base.items() if name not in apart}
    asked = Search.declare({"project": training.project, "out": training.search_folder()})
    best = find(asked, training.project, asked.out, progress, space, **base)
    found = train_keys(best or {})
    found["settings"] = {**further, **found.get("settings", {})} or None
    return training.model_copy(update={**found, "search": False})
