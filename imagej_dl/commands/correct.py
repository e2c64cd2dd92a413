"""`imagej-dl correct`: predict, correct, retrain, and so on with the least certain image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from imagej_dl.commands import unused
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.commands.engine_options import (
    EngineName,
    EnginePython,
    EngineSettings,
    engine_python,
    refuse_others,
    refuse_settings,
    settings_given,
)
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.models.ready import registry as ready
from imagej_dl.progress import Progress
from imagej_dl.training.events import Watch, ignore
from imagej_dl.training.settings import setting

if TYPE_CHECKING:
    from imagej_dl.correction import ByEngine, Correction, Proposal, Retraining, Status
    from imagej_dl.worker import Session


class Correct(Command):
    """Correct a model's ROIs, and retrain it on the corrected images.

    Step `next` predicts the image that the model is least certain of and writes the proposed
    RoiSet; `save` stores the corrected one as Labeling/NAME/RoiSet.zip; `empty` marks an image
    without objects; `retrain` fine-tunes the model on all corrected and drawn images;
    `status` shows how much was corrected in each round. The state is in PROJECT/Corrections; a step
    that was stopped can be run again.
    """

    project: Annotated[
        Path, Positional(), Shown(path="folder", gives="project", takes="project")
    ] = Field(description="The project's folder.")
    model: Annotated[
        Path | None,
        Shown(
            path="folder",
            takes="model",
            gives="model",
            empty="the current one",
            offers=ready.names,
        ),
    ] = Field(
        None,
        description="Folder of the model to start from, or the name of a ready model "
        f"({', '.join(ready.names())}); if left out at the first step, {ready.DEFAULT}. Later "
        "steps know the current model.",
    )
    step: Annotated[Literal["next", "save", "empty", "retrain", "status"], Shown(once=True)] = (
        Field(
            "next",
            description="next: propose ROIs on the least certain image; save: store the corrected "
            "ROIs; empty: there is no object in the image; retrain: fine-tune the model; status: "
            "show the table.",
        )
    )
    name: Annotated[str | None, Shown(once=True, empty="the open one")] = Field(
        None,
        description="Name of the image: required for save; for next, the image to open instead of "
        "the least certain one.",
    )
    rois: Annotated[Path | None, Shown(once=True, empty="those of the ROI Manager")] = Field(
        None, description="The corrected RoiSet.zip, for the step save."
    )
    epochs: Annotated[int, Shown(advanced=True)] = Field(
        20,
        ge=1,
        le=10**6,
        description="Maximum number of epochs of a retraining, of 50 batches each.",
    )
    minutes: Annotated[
        float | None, Shown("Time limit", unit="min", advanced=True, empty="none")
    ] = setting("minutes")
    learning_rate: Annotated[float, Shown(advanced=True)] = Field(
        1e-3, gt=0, lt=1, description="Highest learning rate of a retraining."
    )
    engine: EngineName = Field(
        None,
        description="A segmentation program of others, in a Python of its own (`imagej-dl engines` "
        "lists them). MODEL is then the engine's own model; one that an engine has trained here "
        "needs no word. Later steps know it. Epochs, minutes and learning_rate are not for it.",
    )
    engine_settings: EngineSettings = Field(
        None,
        description="Settings of the engine as JSON: at the step next of its predictions, which "
        'are kept for later steps, such as {"diameter": 30}; at retrain of the training.',
    )
    engine_python: EnginePython = engine_python()
    accept: Annotated[bool, Shown(advanced=True, once=True)] = Field(
        False,
        description="Use the retrained model even if it is worse on the validation images. "
        "Right after a retraining, this accepts its model.",
    )

    sparse: Annotated[bool, Shown("Not every object is drawn", once=True)] = Field(
        False,
        description="Not every object is drawn: for save on this image (otherwise all are), "
        "for retrain on the images that were drawn before. What is not drawn is unknown then.",
    )

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return {"plane"} if self.live() else set()  # for the preview

    def live(self) -> bool:
        return self.step == "retrain"

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        if self.live():
            from imagej_dl.worker.training_events import Live

            retraining = self.retrain(progress, Live(session))
            say(retrained(retraining))
            session.values |= {"model": str(retraining.present), "accepted": retraining.accepted}
        elif self.step == "next":
            proposal = self._propose(progress)
            if proposal is not None:
                say(proposed(proposal, opened=True))
                session.values |= {"name": proposal.name, "image_path": str(proposal.image)}
                if proposal.rois is not None:
                    session.values["rois_path"] = str(proposal.rois)
        else:
            self.run(progress)

    def check(self) -> None:
        only = {
            "rois": ("save",),
            "accept": ("retrain",),
            "sparse": ("save", "retrain"),
            "name": ("next", "save", "empty"),
        }
        for name, steps in only.items():
            if self.step not in steps:
                words = f"is for the step {' or '.join(steps)}, not for {self.step}"
                unused.refuse(self, [name], words)

    def _propose(self, progress: Progress) -> Proposal | None:
        from imagej_dl import correction

        if correction.engine_in_use(self.project, self.model, self._by()) is None:
            refuse_settings(self)
        proposal = correction.next_image(
            self.project, self.model, by=self._by(), name=self.name, progress=progress
        )
        if proposal is None:
            say(
                f"{self.project}: no image is left to correct. Next, the step retrain fine-tunes "
                "the model on all of them, or `imagej-dl predict` uses the current one (which the "
                "step status names)"
            )
        return proposal

    def run(self, progress: Progress) -> None:
        from imagej_dl import correction

        self.check()
        if self.step == "next":
            proposal = self._propose(progress)
            if proposal is not None:
                say(proposed(proposal))
        elif self.step == "save":
            if self.rois is None:
                raise UserError(
                    "there are no ROIs to save",
                    remedy="Name the corrected RoiSet with --rois, or choose the step empty if "
                    "there is no object in the image.",
                )
            saved = correction.save(self.project, self._named(), self.rois, sparse=self.sparse)
            say(corrected(saved))
        elif self.step == "empty":
            say(corrected(correction.mark_empty(self.project, self._named())))
        elif self.step == "retrain":
            say(retrained(self.retrain(progress)))
        else:
            say(progress_text(correction.status(self.project, self.model, self._by())))

    def retrain(self, progress: Progress, watch: Watch = ignore) -> Retraining:
        """Do the step retrain."""
        from imagej_dl import correction

        by = self._by()
        try:
            return correction.retrain(
                self.project,
                self.model,
                by=by,
                accept=self.accept,
                sparse=self.sparse,
                progress=progress,
                watch=watch,
                **self._training(by),
            )
        except (Cancelled, KeyboardInterrupt):
            say("stopped; the step retrain continues from here")
            raise

    def _by(self) -> ByEngine:
        """Return the engine as these fields name it; settings of a training are not its own."""
        from imagej_dl.correction import ByEngine

        given = {} if self.step == "retrain" else settings_given(self.engine_settings)
        return ByEngine(self.engine, given, self.engine_python)

    def _training(self, by: ByEngine) -> dict[str, Any]:
        """Return the settings of a retraining: ours, or those of the engine."""
        from imagej_dl import correction

        engine = correction.engine_in_use(self.project, self.model, by)
        ours = ("epochs", "minutes", "learning_rate")
        if engine is None:
            refuse_settings(self)
            return {name: getattr(self, name) for name in ours}
        refuse_others(self, {*type(self).model_fields} - {*ours}, engine.label)
        return settings_given(self.engine_settings)

    def _named(self) -> str:
        if self.name is None:
            raise UserError(
                f"the step {self.step} needs the image's name", remedy="Name it with --name."
            )
        return self.name


def proposed(proposal: Proposal, opened: bool = False) -> str:
    """Return a line or two on what is to be corrected; `opened`: ImageJ shows it."""
    place = f"round {proposal.round}, {proposal.done} of {proposal.total} images done"
    if proposal.drawn:
        return f"{proposal.name}: ROIs are drawn on it already: {proposal.rois} ({place})"
    sure = "" if proposal.uncertainty is None else f"uncertainty {proposal.uncertainty:.3f}; "
    if proposal.rois is None:
        return f"{proposal.name}: no object was predicted on {proposal.image} ({sure}{place})"
    if opened:
        return (
            f"{proposal.name}: {proposal.objects} ROIs proposed in the ROI Manager ({sure}{place})"
        )
    return (
        f"{proposal.name}: {proposal.objects} ROIs proposed ({sure}{place})\n"
        f"open {proposal.image} with {proposal.rois}; the corrected ones go to {proposal.target}"
    )


def corrected(saved: Correction) -> str:
    """Return a line on what was stored and changed."""
    text = f"{saved.path}: {saved.count} ROIs" if saved.path else f"{saved.name}: no object"
    if saved.backup is not None:
        text += f", the previous ones are kept as {saved.backup}"
    changes = saved.changes
    if changes is None:
        return text + "; nothing had been proposed"
    return text + (
        f"; {changes.kept} kept, {changes.changed} changed, {changes.added} added, "
        f"{changes.deleted} deleted, {100 * changes.share:.1f} % of the object pixels changed"
    )


def retrained(retraining: Retraining) -> str:
    """Return a few lines on the result of a retraining."""
    from imagej_dl.correction.status import table
    from imagej_dl.evaluation.report import shown

    lines = [
        f"{retraining.model}: trained on {retraining.images} images (ended by: {retraining.ended})"
    ]
    scores = (retraining.before, retraining.after)
    if not retraining.validation:
        lines.append(
            "too few images to hold some out for validation: whether the model improved is unknown"
        )
    else:
        known = "" if retraining.unseen else ", which a model was trained on,"
        lines.append(
            f"average precision on {len(retraining.validation)} validation images{known} "
            f"{shown(retraining.before)} before, {shown(retraining.after)} now "
            "(mean over IoU .5 to .9)"
            + ("; –: no object is drawn there, and none was predicted" if None in scores else "")
        )
    if not retraining.accepted:
        lines.append(
            f"it is worse, so {retraining.present} stays in use; use the step retrain with accept "
            "to use it anyway"
        )
    return "\n".join([*lines, table(retraining.rows)])


def progress_text(status: Status) -> str:
    """Return how far the loop is, with the table of the rounds."""
    from imagej_dl.correction.status import table

    lines = [
        f"round {status.round}, {status.done} of {status.total} images done; "
        f"the current model is {ready.named(status.model)}"
    ]
    if status.unfinished:
        lines.append("a retraining was stopped; the step retrain continues it")
    return "\n".join([*lines, table(status.rows)] if status.rows else lines)
