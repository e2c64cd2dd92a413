"""`imagej-dl denoise`: train on noisy images alone, then denoise them with the model."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from imagej_dl.commands import denoise_record as record
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.commands.predict import Predict
from imagej_dl.commands.train_options import further
from imagej_dl.errors import Enough, UserError
from imagej_dl.methods import registry
from imagej_dl.prediction.inputs import Source, find
from imagej_dl.prediction.results import Results
from imagej_dl.progress import Progress, note
from imagej_dl.training.data_sources import Pair
from imagej_dl.training.events import EpochEvent, Watch, ignore
from imagej_dl.training.reporting import line, summary
from imagej_dl.training.settings import Settings, setting

if TYPE_CHECKING:
    from imagej_dl.worker import Session

_KINDS = [name for name, kind in registry.METHODS.items() if kind.learns_from == "itself"]
_DEFAULT = "n2v2"
if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[tuple(_KINDS)]

_MINUTES = 5.0
_EPOCHS = 2000
_SHARE = 0.1
MODEL = "model"


def _usual(name: str) -> str:
    return f"{registry.METHODS[_DEFAULT].defaults[name]} for {_DEFAULT}"


class Denoise(Command):
    """Denoise images: train a network on them alone, then apply it to them.

    IMAGES are files, or folders of images; no image without noise is needed (Noise2Void and its
    relatives). A tenth of them is kept for validation. Each image becomes OUT/NAME.tif; the model
    is kept in OUT/model, for `imagej-dl predict` on further images, and that of the last epoch in
    OUT/model/last. Ctrl-C, or Cancel in ImageJ, ends the training: the best model so far is kept,
    and applied. After a kill the same command goes on. In ImageJ, if no image is named, the open
    one is denoised.
    """

    images: Annotated[
        list[Path], Positional(), Shown("Image files", once=True, empty="the open image")
    ] = Field(
        [], description="Images, or folders of images; in ImageJ, if left out, the open image."
    )
    out: Annotated[Path | None, Shown("Results and model", path="folder", empty="only shown")] = (
        Field(
            None,
            description="Folder for the denoised images and the model. In ImageJ, if left out for "
            "the open image, the result is shown and not saved, and the model is kept beside the "
            "settings of imagej-dl; Export puts it elsewhere.",
        )
    )
    kind: Annotated[Kind, Shown("Method")] = Field(
        _DEFAULT,
        description="; ".join(f"{name}: {registry.METHODS[name].summary}" for name in _KINDS) + ".",
    )
    minutes: Annotated[float | None, Shown("Time limit", unit="min", empty="5, or all epochs")] = (
        Field(
            None,
            gt=0,
            allow_inf_nan=False,
            description="Time limit of the training in minutes; the learning rate schedule is "
            f"fitted to it. If left out, {_MINUTES:g}, or none where epochs are given.",
        )
    )
    epochs: Annotated[int | None, Shown(empty="as time allows")] = Field(
        None,
        ge=1,
        le=10**6,
        description="Number of epochs, after each of which the preview is updated; if left out, as "
        "many as the time limit allows.",
    )
    steps: Annotated[int | None, Shown("Steps per epoch", empty="as usual")] = Field(
        None,
        ge=1,
        le=10**6,
        description="Training steps per epoch, each with one batch of patches.",
    )
    patch: Annotated[int | None, Shown("Patch size", unit="px", empty="as usual")] = Field(
        None, ge=16, le=4096, description="Side length of the training patches in px."
    )
    batch: Annotated[int | None, Shown("Batch size", unit="patches", empty="as usual")] = Field(
        None, ge=1, le=1024, description="Batch size: patches per training step."
    )
    validation: Annotated[
        Path | None, Shown("Validation image", empty="a tenth of the image", advanced=True)
    ] = Field(
        None,
        description="Another noisy image, or a folder of them, for validation; if left out, a "
        "tenth of the images is kept for it.",
    )
    model: Annotated[
        Path | None,
        Shown("New model", path="folder", gives="model", empty="in the results", advanced=True),
    ] = Field(None, description="Folder for the model; if left out, OUT/model.")
    seed: Annotated[int, Shown(advanced=True)] = setting("seed")
    tile: Annotated[int | None, Shown(unit="px", advanced=True, empty="that of Settings")] = Field(
        None,
        ge=1,
        le=2**20,
        description="Largest side of a tile in pixels (if left out, that of Settings). "
        "Smaller tiles take less memory; the result is the same.",
    )
    settings: Annotated[str | dict[str, Any] | None, Shown(advanced=True, empty="none")] = Field(
        None,
        description='Further training settings as JSON, such as {"width": 16}: those of '
        "imagej_dl.training.Settings.",
    )
    resume: Annotated[bool, Shown(once=True)] = Field(
        False,
        description="Train the model that was cancelled, or reached its time limit, further; only "
        "its epochs and minutes, which count from its beginning, may change.",
    )
    overwrite: Annotated[bool, Shown(once=True)] = Field(
        False, description="Replace existing results and their model."
    )

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return set() if self.images else {"image"}

    def live(self) -> bool:
        return True

    def check(self) -> None:
        if self.resume and self.overwrite:
            raise UserError("--resume and --overwrite exclude each other")
        if self.images and self.out is None:
            raise UserError("a folder for the results is needed", remedy="Name it with --out.")
        Settings.of(self._given())

    def run(self, progress: Progress, watch: Watch = ignore) -> None:
        """Train and denoise; `watch` is told each epoch."""
        if not self.images:
            raise UserError("name the images to denoise, or folders of images")
        self.check()
        assert self.out is not None, "checked"
        model, again = self._train(find(self.images), self.out, progress, watch)
        values = {"model": model, "images": self.images, "out": self.out, "overwrite": again}
        Predict.declare(values | self._tile()).run(_to_the_end(progress))

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        from imagej_dl.worker.training_events import Live

        live = Live(session)
        if self.images:
            self.run(progress, live)
            assert self.out is not None, "checked"
            session.values["model"] = str(self._model(self.out))
            return
        self.check()
        image = session.open_image()
        title = Path(str(image.attrs["title"]))
        source = Source(session.image_path or title, title.stem, image)
        if self.out is None:
            asked = record.asked([source], self._validating(), self._identity())
            # Nobody else's folder, so that a second training may take the place of the first.
            whole = self.model_copy(update={"overwrite": not self.resume})
            model, again = whole._train([source], record.home(source.name, asked), progress, live)
        else:
            model, again = self._train([source], self.out, progress, live)
        metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
        session.values |= {"model": str(model), "ended": metrics["ended"]}
        values = {"model": model, "out": self.out, "overwrite": again}
        Predict.declare(values | self._tile()).run_in_imagej(session, _to_the_end(progress))

    def _train(
        self, sources: list[Source], out: Path, progress: Progress, watch: Watch
    ) -> tuple[Path, bool]:
        """Train, or go on; return the model, and whether earlier results are to be replaced."""
        model, validating = self._model(out), self._validating()
        asked = record.asked(sources, validating, self._identity())
        stage = record.stage(out, model, asked, self.resume, self.overwrite)
        again = self.overwrite or self.resume
        if self.out is not None:
            results = Results(out, False, False, overwrite=again or stage != "new", gives="image")
            for source in sources:
                results.need_names(source)
            results.refuse(sources)
        if stage == "trained":
            say(f"{model}: is trained already, and used")
            return model, again
        from imagej_dl import training

        record.write(out, asked)

        def told(epoch: EpochEvent) -> None:
            if epoch.bundle is not None:  # else it was told before the stop
                note(progress, line(epoch))
            watch(epoch)

        bundle = training.train(
            training.Given(_pairs(sources), _pairs(validating)),
            model,
            resume=stage == "resume",
            overwrite=self.overwrite and stage == "new",
            progress=progress,
            watch=told,
            **self._given(),
        )
        metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
        say(summary(model, metrics, bundle.config.method))
        return model, again

    def _given(self) -> dict[str, Any]:
        """Return the settings of the training."""
        minutes = _MINUTES if self.minutes is None and self.epochs is None else self.minutes
        return self._identity() | {"minutes": minutes, "epochs": self.epochs or _EPOCHS}

    def _identity(self) -> dict[str, Any]:
        """Return those settings that a training which goes on cannot change."""
        chosen = {name: getattr(self, name) for name in ("kind", "seed", "steps", "patch", "batch")}
        given = {name: value for name, value in chosen.items() if value is not None}
        return {"validation": _SHARE, "test": 0.0, **given, **further(self.settings)}

    def _validating(self) -> list[Source]:
        return [] if self.validation is None else find([self.validation])

    def _model(self, out: Path) -> Path:
        return self.model or out / MODEL

    def _tile(self) -> dict[str, int]:
        return {} if self.tile is None else {"tile": self.tile}


def _pairs(sources: list[Source]) -> list[Pair]:
    """Return each image as its own ground truth."""
    images = [source.path if source.image is None else source.image for source in sources]
    return [(image, image) for image in images]


def _to_the_end(progress: Progress) -> Progress:
    """Ignore Enough, which has ended the training."""

    def report(stage: str, done: int, total: int) -> None:
        with suppress(Enough):
            progress(stage, done, total)

    return report
