"""`imagej-dl train`: from labelled images to a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click
from pydantic import Field, model_validator

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError
from imagej_dl.models import registry
from imagej_dl.models.config import Kind
from imagej_dl.progress import Progress, note
from imagej_dl.training import cluster
from imagej_dl.training.settings import Precision, Settings, setting
from imagej_dl.training.start import LEARNING_RATE as FINE_TUNING
from imagej_dl.training.state import CANCELLED
from imagej_dl.training.watch import Epoch, Watch, ignore
from imagej_dl.training.words import line, summary

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle
    from imagej_dl.training.given import Given
    from imagej_dl.worker import Desk


APART = {
    "project",
    "out",
    "start",
    "tensorboard",
    "resume",
    "overwrite",
    "validation_folder",
    "test_folder",
    "videos",
    "checkpoints",
    "settings",
    "search",
    "fluffy_names",
    "h5",
}
"""Fields that are none of the training's settings."""


class Train(Command):
    """Train a segmentation model on a project's label maps.

    Reads a project (Processed/images and Processed/masks), a folder with images and masks, or with
    inputs and labels, or folders NAME with image.tif and labels.tif or RoiSet.zip. A configuration
    file of microscopy-dl-suite-tf (.json) in their place says all that is not given beside it.
    Ctrl-C, or Cancel in ImageJ's window, keeps the best model so far; so does "Use now", which
    chooses its settings, too.
    """

    project: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The project, or a folder of labelled images, or a suite's CONFIG.json."
    )
    out: Annotated[Path | None, Shown("New model", path="folder")] = Field(
        default=None,
        description="The model's folder, made anew; needed unless a CONFIG.json says it.",
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
        f"{Settings.model_fields['learning_rate'].default:g} for unet, less for the other "
        f"networks, and {FINE_TUNING:g} at most when there is a model to start from.",
    )
    depth: Annotated[int, Shown(unit="levels", advanced=True)] = setting("depth")
    width: Annotated[int, Shown(unit="filters", advanced=True)] = setting("width")
    precision: Annotated[Precision, Shown(advanced=True)] = setting("precision")
    seed: Annotated[int, Shown(advanced=True)] = setting("seed")
    validation: Annotated[float, Shown(unit="share", advanced=True)] = setting("validation")
    test: Annotated[float, Shown(unit="share", advanced=True)] = setting("test")
    architecture: Annotated[registry.Name, Shown("Network", advanced=True)] = setting(
        "architecture"
    )
    validation_folder: Annotated[Path | None, Shown(path="folder", advanced=True)] = Field(
        default=None,
        description="A folder of labelled images to validate with, in place of a share of the "
        "others.",
    )
    test_folder: Annotated[Path | None, Shown(path="folder", advanced=True)] = Field(
        default=None, description="A folder of labelled images for the test, in place of a share."
    )
    videos: Annotated[Path | None, Shown("Table of videos", advanced=True)] = Field(
        default=None,
        description="The table videos2im_relation.csv, which says what video single frames are "
        "of; for networks with lstm.",
    )
    checkpoints: Annotated[int | None, Shown(unit="batches", advanced=True)] = Field(
        default=None,
        ge=1,
        description="Keep the weights in OUT/checkpoints at the end of the epoch after so many "
        "batches each, and after the last.",
    )
    settings: Annotated[str | dict[str, Any] | None, Shown(advanced=True)] = Field(
        default=None,
        description='Further settings as JSON, such as {"loss": "sparse_cce"}: those of '
        "imagej_dl.training.Settings.",
    )
    start: Annotated[Path | None, Shown("Start from model", path="folder")] = Field(
        default=None,
        description="A model's folder to start from: its weights are trained on, and kind, patch, "
        "depth and width are its own.",
    )
    tensorboard: Annotated[bool, Shown(advanced=True)] = Field(
        default=False, description="Write event files for TensorBoard."
    )
    search: Annotated[bool, Shown(advanced=True)] = Field(
        default=False,
        description="Search for the settings that are not given here before the training, as "
        "`imagej-dl search` does, in the folder OUT_search; takes hours.",
    )
    fluffy_names: Annotated[bool, Shown(advanced=True)] = Field(
        default=False,
        description="Write file lists, log, search and TensorBoard under Fluffy's names too, "
        "YYYYMMDD_NAME.",
    )
    h5: Annotated[bool, Shown("Keras .h5 too", advanced=True)] = Field(
        default=False,
        description="Write the network as YYYYMMDD_NAME.h5, Keras' older format, too.",
    )
    resume: bool = Field(
        default=False,
        description="Go on with a training that was stopped or killed; "
        "of its settings only epochs, minutes and patience may change.",
    )
    overwrite: bool = Field(default=False, description="Replace a model that is there.")

    @model_validator(mode="after")
    def _somewhere(self) -> Train:
        if self.out is None and self.project.suffix.lower() != ".json":
            raise ValueError("out: the model's folder must be named")
        return self

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
        out = self.out or Path(self._whole().out or "")
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        desk.values |= {"model": str(out), "ended": metrics["ended"]}
        desk.values |= {name: metrics["validation"][name] for name in ("ap_0.5", "ap_0.7")}

    def run(self, progress: Progress, watch: Watch = ignore) -> None:
        """Train; `watch` is told each epoch, and `progress` how good it was."""
        if self.project.suffix.lower() == ".json":
            whole = self._whole()
            whole.run(progress, watch)
            others = cluster.task()
            if others is None or others.number == 0:
                self._test(whole, progress)
            return
        assert self.out is not None, "the declaration asks for it"
        if self.resume and self.overwrite:
            raise UserError("--resume and --overwrite exclude each other")
        if self.search and not self.resume:
            self._searched(progress).run(progress, watch)
            return
        from imagej_dl import training
        from imagej_dl.models import backend
        from imagej_dl.training.checkpoints import Checkpoints

        # What was not given is left to the stopped training, or to the model to start from.
        decided = self.resume or self.start is not None
        given = self.model_dump(exclude=APART, exclude_unset=decided) | self.further()
        if self.learning_rate is None:
            given.pop("learning_rate", None)

        def told(epoch: Epoch) -> None:
            if epoch.bundle is not None:  # else it was told before the resume
                note(progress, line(epoch))
            if keep is not None:
                keep(epoch)
            watch(epoch)

        every = self.checkpoints
        keep = Checkpoints(self.out, every, self._steps(given)) if every else None
        others = cluster.task()
        where = ""
        if others is not None and len(others.addresses) > 1:
            where = f" as worker {others.number} of {len(others.addresses)}, once all are there"
        click.echo(f"training on {backend.device()}{where}", err=True)
        bundle = training.train(
            self._source(given),
            self.out,
            resume=self.resume,
            overwrite=self.overwrite,
            tensorboard=self.tensorboard,
            start=self.start,
            progress=progress,
            watch=told,
            **given,
        )
        if bundle.folder is None:
            say("done; worker 0 writes the model")
            return
        self._write_more(bundle)
        metrics = json.loads((self.out / "metrics.json").read_text(encoding="utf-8"))
        say(summary(self.out, metrics))

    def _whole(self) -> Train:
        """Return what a configuration file says, and what was given beside it."""
        from imagej_dl import suite

        values = suite.train_values(suite.read(self.project))
        if self.resume:
            values = {key: value for key, value in values.items() if key in APART}
            values.pop("settings", None)
        given = self.model_dump(exclude={"project"}, exclude_unset=True)
        further = {**values.get("settings", {}), **self.further()}
        return type(self).declare(values | given | {"settings": further or None}, self.project)

    def _test(self, whole: Train, progress: Progress) -> None:
        """Predict the test images into OUT/test_output, as the suite does after a training."""
        from imagej_dl import suite
        from imagej_dl.commands.predict import Predict

        assert whole.out is not None, "else it would not have been trained"
        values = suite.test_values(suite.read(self.project), whole.out)
        metrics = json.loads((whole.out / "metrics.json").read_text(encoding="utf-8"))
        if values and metrics["ended"] != CANCELLED:
            Predict.declare(values, self.project).run(progress)

    def _searched(self, progress: Progress) -> Train:
        """Search for what is not given; return the training with what was found."""
        from imagej_dl.commands import searching
        from imagej_dl.files import refuse_existing

        assert self.out is not None, "the declaration asks for it"
        if self.start is not None:
            raise UserError(
                "search and start exclude each other",
                remedy="A model to start from has decided what would be searched.",
            )
        if self.out.is_dir() and any(self.out.iterdir()):
            refuse_existing(self.out, self.overwrite)
        further = self.further()
        given = self.model_dump(exclude=APART) | further
        fixed = self.model_fields_set | {*further}
        source, out = self._source(given), self.search_folder()
        found = searching.settings(source, out, given, fixed, progress)
        found["settings"] = {**further, **found.get("settings", {})} or None
        return self.model_copy(update={**found, "search": False})

    def search_folder(self) -> Path:
        assert self.out is not None
        return self.out.with_name(f"{self.out.name}_search")

    def _write_more(self, bundle: ModelBundle) -> None:
        """Write what is asked for under Fluffy's names."""
        from imagej_dl.training import fluffy

        assert self.out is not None
        if self.h5:
            fluffy.write_h5(bundle.model, self.out)
        if self.fluffy_names:
            storage = self.search_folder() / "search.db"
            fluffy.write_names(self.out, storage if storage.is_file() else None)

    def further(self) -> dict[str, Any]:
        if not isinstance(self.settings, str):
            return self.settings or {}
        try:
            found = json.loads(self.settings)
        except ValueError as error:
            raise UserError(f"settings: is not JSON ({error})") from error
        if not isinstance(found, dict):
            raise UserError('settings: must be one JSON object, such as {"loss": "sparse_cce"}')
        return found

    def _architecture(self, given: dict[str, Any]) -> str:
        """Return the network's name: that given, or of what the training goes on from."""
        from imagej_dl import models

        if "architecture" in given:
            return given["architecture"]
        if self.resume and (begun := self._begun()):
            return begun.get("architecture", "")
        return models.load_config(self.start).architecture.name if self.start else ""

    def _steps(self, given: dict[str, Any]) -> int:
        """Return the batches of an epoch: those given, of the stopped training, or the default."""
        begun = self._begun() if self.resume else {}
        default = Settings.model_fields["steps"].default
        return int({"steps": default, **begun, **given}["steps"])

    def _begun(self) -> dict[str, Any]:
        """Return the settings of the stopped training in OUT, where there is one.

        Of several machines only the first has it; where it is missing, training says so.
        """
        from imagej_dl.training import state

        folder = (self.out or Path()) / state.FOLDER
        return state.read(folder).settings if state.kept(folder) else {}

    def _source(self, given: dict[str, Any]) -> Path | Given:
        """Return what to train on; with folders for validation or test, or videos, all of them."""
        from imagej_dl.models.registry import takes
        from imagej_dl.suite import data
        from imagej_dl.training.pairs import find_given

        if not (self.validation_folder or self.test_folder or data.is_suite(self.project)):
            return self.project
        return find_given(
            self.project,
            self.validation_folder,
            self.test_folder,
            recurrent="frames" in takes(self._architecture(given)),
            videos=self.videos,
        )
