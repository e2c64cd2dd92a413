"""`imagej-dl train`: from labelled images to a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from imagej_dl.commands import engine_training
from imagej_dl.commands.base import say
from imagej_dl.commands.engine_options import refuse_settings
from imagej_dl.commands.train_options import APART, TrainOptions
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.methods import registry
from imagej_dl.progress import Progress, note
from imagej_dl.training.checkpoint import CANCELLED
from imagej_dl.training.data_sources import Given
from imagej_dl.training.distributed import tf_config
from imagej_dl.training.events import EpochEvent, Watch, ignore
from imagej_dl.training.reporting import line, summary

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle
    from imagej_dl.worker import Session


class Train(TrainOptions):
    """Train a segmentation model on a project's label maps.

    Reads a project (Processed/images and Processed/masks), a folder with images and masks, or with
    inputs and labels, or folders NAME with image.tif and labels.tif or RoiSet.zip. A configuration
    file of microscopy-dl-suite-tf (.json) can replace them; options override its values.
    Ctrl-C, or Cancel in ImageJ's window, keeps the best model so far; "Use now" also optimises its
    post-processing. With an engine, such as StarDist or Cellpose, it trains a model of its own.
    """

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return {"plane"} if self.live() else set()  # for the preview

    def live(self) -> bool:
        return self.engine is None

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        if self.engine is not None:
            self.run(progress)
            session.values |= {"model": str(self.out)}
            return
        from imagej_dl.worker.training_events import Live

        # A dialog sets every field. Those left as they are do not count as given, or they would
        # contradict the stopped training, or the model to start from.
        fields = type(self).model_fields
        given = {k: getattr(self, k) for k in self.model_fields_set}
        changed = {k: v for k, v in given.items() if v != fields[k].default}
        type(self).declare(changed).with_opened(self._opened).run(progress, Live(session))
        out = self.out or Path(self._whole().out or "")
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        session.values |= {"model": str(out), "ended": metrics["ended"]}
        scores = metrics["validation"]
        # Methods without objects have none of these, and dialogs wait for both.
        precisions = {name: scores.get(name) for name in ("ap_0.5", "ap_0.7")}
        session.values |= {name: "NaN" if v is None else v for name, v in precisions.items()}

    def check(self) -> None:
        if self.engine is not None:
            engine_training.check(self)
            return
        refuse_settings(self)
        if self.project.suffix.lower() == ".json" or self.search or tf_config.task() is not None:
            return  # the one says where, the others look later
        from imagej_dl.training import preflight

        assert self.out is not None, "the declaration asks for it"
        if self.resume and self.overwrite:
            raise UserError("--resume and --overwrite exclude each other")
        given = self._given()
        learns_from = self.learns_from(given)
        if self._opened and learns_from == "labels":
            raise UserError(
                "is an open image, and this kind learns from label maps",
                path=next(str(getattr(self, key)) for key in self._opened),
                remedy="Name a project, or choose a kind that learns from images.",
            )
        later = any(image is None for image in self._opened.values())
        source = Given([]) if later else self.source(given)
        preflight.check(source, self.out, self.resume, self.overwrite, learns_from)

    def _given(self) -> dict[str, Any]:
        """Return the given settings; the rest is left to what the training goes on from.

        A method's own defaults take the place of what is not given.
        """
        decided = self.resume or self.start is not None
        further = self.further()
        given = self.model_dump(exclude=APART, exclude_unset=decided) | further
        for name in registry.METHODS[self.kind].defaults:
            if name not in self.model_fields_set | {*further}:
                given.pop(name, None)
        if self.learning_rate is None:
            given.pop("learning_rate", None)
        return given

    def run(self, progress: Progress, watch: Watch = ignore) -> None:
        """Train; `watch` is told each epoch, and `progress` how good it was."""
        if self.engine is not None:
            engine_training.run(self, progress)
            return
        if self.project.suffix.lower() == ".json":
            whole = self._whole()
            whole.run(progress, watch)
            others = tf_config.task()
            if others is None or others.number == 0:
                self._test(whole, progress)
            return
        assert self.out is not None, "the declaration asks for it"
        if self.resume and self.overwrite:
            raise UserError("--resume and --overwrite exclude each other")
        others = tf_config.task()
        alone = others is None or len(others.addresses) < 2  # else all read while one writes
        labelled = self.learns_from(self._given()) == "labels"
        if self.refresh and not self.resume and alone and labelled:
            from imagej_dl.commands.searching import refresh

            refresh(self.project, progress)
        if self.search and not self.resume:
            self._searched(progress).run(progress, watch)
            return
        self.check()  # before TensorFlow is loaded, which takes its time
        from imagej_dl import training
        from imagej_dl.models import backend
        from imagej_dl.training.checkpoint import Checkpoints

        given = self._given()

        def told(epoch: EpochEvent) -> None:
            if epoch.bundle is not None:  # else it was told before the resume
                note(progress, line(epoch))
            if keep is not None:
                keep(epoch)
            watch(epoch)

        every = self.checkpoints
        keep = Checkpoints(self.out, every, self.steps(given)) if every else None
        where = ""
        if others is not None and len(others.addresses) > 1:
            where = (
                f" as worker {others.number} of {len(others.addresses)}; waiting for all to connect"
            )
        click.echo(f"training on {backend.device()}{where}", err=True)
        bundle = training.train(
            self.source(given),
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
        say(summary(self.out, metrics, bundle.config.method))

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
        from imagej_dl.filesystem.atomic import refuse_existing

        assert self.out is not None, "the declaration asks for it"
        if self.start is not None:
            raise UserError(
                "search and start exclude each other",
                remedy="A model to start from fixes the hyperparameters that would be searched.",
            )
        if self.out.is_dir() and any(self.out.iterdir()):
            refuse_existing(self.out, self.overwrite)
        further = self.further()
        given = self.model_dump(exclude=APART) | further
        fixed = self.model_fields_set | {*further}
        source, out = self.source(given), self.search_folder()
        with locks.held(out, "a search"):
            searched = searching.settings(source, out, given, fixed, progress)
        searched["settings"] = {**further, **searched.get("settings", {})} or None
        return self.model_copy(update={**searched, "search": False, "refresh": False})

    def _write_more(self, bundle: ModelBundle) -> None:
        """Write what is asked for under Fluffy's names."""
        from imagej_dl.training import fluffy_names

        assert self.out is not None
        if self.h5:
            fluffy_names.write_h5(bundle.model, self.out)
        if self.fluffy_names:
            storage = self.search_folder() / "search.db"
            fluffy_names.write_names(self.out, storage if storage.is_file() else None)
