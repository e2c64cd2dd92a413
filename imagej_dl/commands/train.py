"""`imagej-dl train`: from labelled images to a model."""

from __future__ import annotations

import json
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click
from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError
from imagej_dl.models.config import Kind
from imagej_dl.progress import Progress, note
from imagej_dl.training.settings import Settings
from imagej_dl.training.start import LEARNING_RATE as FINE_TUNING
from imagej_dl.training.state import RESUMABLE
from imagej_dl.training.watch import Epoch, Watch, ignore

if TYPE_CHECKING:
    from imagej_dl.worker import Desk


def setting(name: str) -> Any:
    """Declare a field as the training's settings do, with default, bounds and description."""
    return copy(Settings.model_fields[name])


class Train(Command):
    """Train a segmentation model on a project's label maps.

    Reads a project (Processed/images and Processed/masks), a folder with images and masks, or
    folders NAME with image.tif and labels.tif or RoiSet.zip. Ctrl-C, or Cancel in ImageJ's
    window, keeps the best model so far; so does "Use now", which chooses its settings, too.
    """

    project: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The project, or a folder of labelled images."
    )
    out: Annotated[Path, Shown("New model", path="folder")] = Field(
        description="The model's folder, made anew."
    )
    kind: Kind = setting("kind")
    epochs: int = setting("epochs")
    minutes: Annotated[float | None, Shown("Time limit", unit="min")] = setting("minutes")
    patience: Annotated[int, Shown(unit="epochs", advanced=True)] = setting("patience")
    patch: Annotated[int, Shown(unit="px", advanced=True)] = setting("patch")
    batch: Annotated[int, Shown(unit="patches", advanced=True)] = setting("batch")
    # Not the settings' own: which it is depends on `start`.
    learning_rate: Annotated[float | None, Shown(advanced=True)] = Field(
        default=None,
        gt=0,
        lt=1,
        description="Highest learning rate, without a unit; when left out "
        f"{Settings.model_fields['learning_rate'].default:g}, "
        f"or {FINE_TUNING:g} when there is a model to start from.",
    )
    depth: Annotated[int, Shown(unit="levels", advanced=True)] = setting("depth")
    width: Annotated[int, Shown(unit="filters", advanced=True)] = setting("width")
    seed: Annotated[int, Shown(advanced=True)] = setting("seed")
    validation: Annotated[float, Shown(unit="share", advanced=True)] = setting("validation")
    test: Annotated[float, Shown(unit="share", advanced=True)] = setting("test")
    start: Annotated[Path | None, Shown("Start from model", path="folder")] = Field(
        default=None,
        description="A model's folder to start from: its weights are trained on, and kind, patch, "
        "depth and width are its own.",
    )
    tensorboard: Annotated[bool, Shown(advanced=True)] = Field(
        default=False, description="Write event files for TensorBoard."
    )
    resume: bool = Field(
        default=False,
        description="Go on with a training that was stopped or killed; "
        "of its settings only epochs, minutes and patience may change.",
    )
    overwrite: bool = Field(default=False, description="Replace a model that is there.")

    def takes(self) -> set[Literal["image", "plane", "rois"]]:
        return {"plane"}  # for the preview

    def live(self) -> bool:
        return True

    def serve(self, desk: Desk, progress: Progress) -> None:
        from imagej_dl.worker.live import Live

        # A dialog sets every field. Those left as they are do not count as given, or they would
        # contradict the stopped training, or the model to start from.
        fields = type(self).model_fields
        given = {k: getattr(self, k) for k in self.model_fields_set}
        changed = {k: v for k, v in given.items() if v != fields[k].default}
        type(self).declare(changed).run(progress, Live(desk))
        metrics = json.loads((self.out / "metrics.json").read_text(encoding="utf-8"))
        desk.values |= {"model": str(self.out), "ended": metrics["ended"]}
        desk.values |= {name: metrics["validation"][name] for name in ("ap_0.5", "ap_0.7")}

    def run(self, progress: Progress, watch: Watch = ignore) -> None:
        """Train; `watch` is told each epoch, and `progress` how good it was."""
        from imagej_dl import training
        from imagej_dl.models import backend

        if self.resume and self.overwrite:
            raise UserError("--resume and --overwrite exclude each other")
        # What was not given is left to the stopped training, or to the model to start from.
        apart = {"project", "out", "start", "tensorboard", "resume", "overwrite"}
        decided = self.resume or self.start is not None
        given = self.model_dump(exclude=apart, exclude_unset=decided)
        if self.learning_rate is None:
            given.pop("learning_rate", None)

        def told(epoch: Epoch) -> None:
            if epoch.bundle is not None:  # else it was told before the resume
                note(progress, line(epoch))
            watch(epoch)

        click.echo(f"training on {backend.device()}", err=True)
        training.train(
            self.project,
            self.out,
            resume=self.resume,
            overwrite=self.overwrite,
            tensorboard=self.tensorboard,
            start=self.start,
            progress=progress,
            watch=told,
            **given,
        )
        metrics = json.loads((self.out / "metrics.json").read_text(encoding="utf-8"))
        say(summary(self.out, metrics))


def line(epoch: Epoch) -> str:
    """Say how good an epoch was, and how long the training still takes."""
    return (
        f"epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3g} val {epoch.val_loss:.3g} "
        f"Dice {epoch.val_dice:.3f}{' kept' if epoch.kept else ''}, {left(epoch.remaining)} left"
    )


def left(seconds: float) -> str:
    """Write a time as people say it: "40 s", "12 min", "1 h 5 min"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def summary(out: Path, metrics: dict[str, Any]) -> str:
    """Say in a few lines what came of a training."""
    found = metrics["validation"]
    dice = f"object Dice {found['val_dice']:.3f}"
    if "started_from" in metrics:
        begun = metrics["started_from"]
        dice += f" (that of {begun['model']}, which it started from, {begun['val_dice']:.3f})"
    lines = [
        f"{out}: epoch {metrics['best_epoch']} of {metrics['epochs']} kept after "
        f"{metrics['seconds'] / 60:.1f} min (ended by: {metrics['ended']})",
        f"validation: {dice}, {_precision(found)}",
    ]
    if "test" in metrics:
        lines.append(f"test: {_precision(metrics['test'])}")
    if metrics["ended"] in RESUMABLE:
        lines.append("--resume goes on from here.")
    return "\n".join(lines)


def _precision(found: dict[str, float]) -> str:
    return f"average precision {found['ap_0.5']:.3f} at IoU .5, {found['ap_0.7']:.3f} at .7"
