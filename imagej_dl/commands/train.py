"""`imagej-dl train`: from labelled images to a model."""

from __future__ import annotations

import json
from copy import copy
from pathlib import Path
from typing import Annotated, Any

import click
from pydantic import Field

from imagej_dl.commands.base import Command, Positional
from imagej_dl.errors import UserError
from imagej_dl.models.config import Kind
from imagej_dl.progress import Progress
from imagej_dl.training.settings import Settings


def setting(name: str) -> Any:
    """Declare a field as the training's settings do, with default, bounds and description."""
    return copy(Settings.model_fields[name])


class Train(Command):
    """Train a segmentation model on a project's label maps.

    Reads a project (Processed/images and Processed/masks), a folder with images and masks, or
    folders NAME with image.tif and labels.tif or RoiSet.zip. Ctrl-C keeps the best model so far.
    """

    folder: Annotated[Path, Positional()] = Field(
        description="The project, or a folder of labelled images."
    )
    out: Path = Field(description="The model's folder, made anew.")
    kind: Kind = setting("kind")
    epochs: int = setting("epochs")
    minutes: float | None = setting("minutes")
    patience: int = setting("patience")
    patch: int = setting("patch")
    batch: int = setting("batch")
    learning_rate: float = setting("learning_rate")
    depth: int = setting("depth")
    width: int = setting("width")
    seed: int = setting("seed")
    validation: float = setting("validation")
    test: float = setting("test")
    tensorboard: bool = Field(default=False, description="Write event files for TensorBoard.")
    resume: bool = Field(
        default=False,
        description="Go on with a training that was stopped or killed; "
        "of its settings only epochs, minutes and patience may change.",
    )
    overwrite: bool = Field(default=False, description="Replace a model that is there.")

    def run(self, progress: Progress) -> None:
        from imagej_dl import training
        from imagej_dl.models import backend

        if self.resume and self.overwrite:
            raise UserError("--resume and --overwrite exclude each other")
        # What was not given is left to the stopped training, when one is resumed.
        apart = {"folder", "out", "tensorboard", "resume", "overwrite"}
        given = self.model_dump(exclude=apart, exclude_unset=self.resume)
        click.echo(f"training on {backend.device()}", err=True)
        training.train(
            self.folder,
            self.out,
            resume=self.resume,
            overwrite=self.overwrite,
            tensorboard=self.tensorboard,
            progress=progress,
            **given,
        )
        metrics = json.loads((self.out / "metrics.json").read_text(encoding="utf-8"))
        click.echo(summary(self.out, metrics))


def summary(out: Path, metrics: dict[str, Any]) -> str:
    """Say in two or three lines what came of a training."""
    found = metrics["validation"]
    lines = [
        f"{out}: epoch {metrics['best_epoch']} of {metrics['epochs']} kept after "
        f"{metrics['seconds'] / 60:.1f} min (ended by: {metrics['ended']})",
        f"validation: object Dice {found['val_dice']:.3f}, "
        f"average precision {found['ap_0.5']:.3f} at IoU .5, {found['ap_0.7']:.3f} at .7",
    ]
    if "test" in metrics:
        test = metrics["test"]
        lines.append(
            f"test: average precision {test['ap_0.5']:.3f} at IoU .5, {test['ap_0.7']:.3f} at .7"
        )
    if metrics["ended"] in ("cancelled", "time limit"):
        lines.append("--resume goes on from here.")
    return "\n".join(lines)
