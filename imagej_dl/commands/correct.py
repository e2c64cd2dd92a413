"""`imagej-dl correct`: predict, correct, retrain, and so on with the least certain image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown
from imagej_dl.commands.train import setting


class Correct(Command):
    """Correct a model's ROIs, and retrain it on what was corrected.

    Step `next` predicts the image that the model is least certain of and writes the proposed
    RoiSet; `save` stores the corrected one as Labeling/NAME/RoiSet.zip; `empty` says that there
    is no object on the image; `retrain` goes on training the model on all images that are
    corrected or drawn; `status` shows how much had to be corrected, round by round. The state is
    in PROJECT/Corrections; whatever stops a step, the same step goes on.
    """

    project: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The project's folder."
    )
    model: Annotated[Path | None, Shown(path="folder")] = Field(
        None, description="The model's folder to begin with; later steps know the present model."
    )
    step: Literal["next", "save", "empty", "retrain", "status"] = Field(
        "next",
        description="next: propose ROIs on the least certain image; save: store the corrected "
        "ROIs; empty: there is no object on the image; retrain: train on; status: the table.",
    )
    name: str | None = Field(
        None, description="Name of the image: needed to save; for next, instead of the choice."
    )
    rois: Path | None = Field(None, description="The corrected RoiSet.zip, to save.")
    epochs: Annotated[int, Shown(advanced=True)] = Field(
        20, ge=1, description="Epochs of 50 batches, at most, of a retraining."
    )
    minutes: Annotated[float | None, Shown(unit="min", advanced=True)] = setting("minutes")
    learning_rate: Annotated[float, Shown(advanced=True)] = Field(
        1e-3, gt=0, lt=1, description="Highest learning rate of a retraining."
    )
    accept: Annotated[bool, Shown(advanced=True)] = Field(
        False,
        description="Use the retrained model also when it is worse on the validation images; "
        "right after a retraining, use that one.",
    )

    def run(self, progress: Progress) -> None:
        raise UserError("cannot yet be used")
