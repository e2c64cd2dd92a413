"""The options of `imagej-dl denoise`, and what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from imagej_dl.commands.base import Command, Shown
from imagej_dl.commands.predict_options import PredictOptions
from imagej_dl.commands.train_options import further
from imagej_dl.declarations import field_of
from imagej_dl.errors import UserError
from imagej_dl.methods import registry
from imagej_dl.methods.base import LearnsFrom
from imagej_dl.prediction.pixel_types import PixelType
from imagej_dl.training.settings import setting

_KINDS = [name for name, kind in registry.METHODS.items() if kind.learns_from != "labels"]
if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[tuple(_KINDS)]

_MINUTES = 5.0
_EPOCHS = 2000
_SHARE = 0.1
MODEL = "model"


def _usual(name: str) -> str:
    return f"{registry.METHODS[registry.DENOISING].defaults[name]} for {registry.DENOISING}"


class DenoiseOptions(Command):
    """The declaration of a denoising: its images, its settings, and what is written."""

    images: list[Path] = field_of(PredictOptions, "images")
    out: Annotated[Path | None, Shown("Results and model", path="folder", empty="only shown")] = (
        Field(
            None,
            description="Folder for the denoised images and the model. In ImageJ, if left out for "
            "the open image, the result is shown and not saved, and the model is kept beside the "
            "settings of imagej-dl; Export puts it elsewhere.",
        )
    )
    kind: Annotated[Kind, Shown("Method")] = Field(
        registry.DENOISING,
        description=f"{registry.summary('itself')} With targets: {registry.summary('image')}",
    )
    targets: Annotated[
        Path | None,
        Shown(
            "Target of the image", empty="none, learn from it alone", once=True, opened="another"
        ),
    ] = Field(
        None,
        description="For kinds that learn from pairs of images (care, noise2noise): the good, or "
        "second noisy, image of the same place, as a file; of several images the folder of their "
        "targets, which have their names. In ImageJ the title of an open image may stand for it.",
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
    steps: Annotated[
        int | None, Shown("Steps per epoch", unit="batches", empty="that of the method")
    ] = Field(
        None,
        ge=1,
        le=10**6,
        description="Training steps per epoch, each with a batch of patches; if left out, "
        f"{_usual('steps')}.",
    )
    patch: Annotated[int | None, Shown("Patch size", unit="px", empty="that of the method")] = (
        Field(
            None,
            ge=16,
            le=4096,
            description="Side length of the training patches in px; if left out, "
            f"{_usual('patch')}.",
        )
    )
    patch_slices: Annotated[
        int | None, Shown("Patch slices", unit="slices", empty="plane by plane", advanced=True)
    ] = Field(
        None,
        ge=2,
        le=256,
        description="Slices of the training patches: Z-stacks are then learnt and denoised as "
        "volumes, by a 3-D network, which learns more slowly. If left out, plane by plane.",
    )
    frames: Annotated[
        int | None, Shown("Frames at once", unit="frames", empty="each by itself", advanced=True)
    ] = Field(
        None,
        ge=2,
        le=50,
        description="Of a movie, the frames that the network sees at once, such as 5: each frame "
        "is denoised with those nearest to it in time, which show the same with other noise. It "
        "needs a movie of at least so many. If left out, each frame is denoised by itself.",
    )
    batch: Annotated[
        int | None, Shown("Batch size", unit="patches", empty="that of the method")
    ] = Field(
        None,
        ge=1,
        le=1024,
        description=f"Batch size: patches per training step; if left out, {_usual('batch')}.",
    )
    validation: Annotated[
        Path | None,
        Shown("Validation image", empty="a tenth of the image", advanced=True, opened="another"),
    ] = Field(
        None,
        description="Another noisy image, or a folder of them, for validation, in ImageJ also the "
        "title of an open image; of pairs a folder with low and high. If left out, a tenth of the "
        "images is kept for it.",
    )
    model: Annotated[
        Path | None,
        Shown("New model", path="folder", gives="model", empty="in the results", advanced=True),
    ] = Field(None, description="Folder for the model; if left out, OUT/model.")
    seed: Annotated[int, Shown(advanced=True)] = setting("seed")
    tile: int | None = field_of(PredictOptions, "tile")
    type: Annotated[PixelType, Shown("Pixel type of the image", advanced=True)] = Field(
        "float32",
        description="Pixel type of the denoised image. float32: keeps all values; input: that of "
        "the image, 8, 16 or 32 bits. Values are rounded, and clipped at the limits of the type; "
        "the number of clipped pixels is reported.",
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

    def given(self) -> dict[str, Any]:
        """Return the settings of the training."""
        minutes = _MINUTES if self.minutes is None and self.epochs is None else self.minutes
        return self.identity() | {"minutes": minutes, "epochs": self.epochs or _EPOCHS}

    def identity(self) -> dict[str, Any]:
        """Return those settings that a training which goes on cannot change."""
        names = ("kind", "seed", "steps", "patch", "patch_slices", "frames", "batch")
        chosen = {name: getattr(self, name) for name in names}
        if self.frames:
            chosen["architecture"] = self._of_frames()
        given = {name: value for name, value in chosen.items() if value is not None}
        return {"validation": _SHARE, "test": 0.0, **given, **further(self.settings)}

    def _of_frames(self) -> str:
        """Return the network that sees several frames, for kinds that have one."""
        from imagej_dl.models.networks.unet_n2v_frames import UNetN2VFrames

        if not registry.METHODS[self.kind].takes_frames:
            raise UserError(f"frames: kind {self.kind} learns each frame by itself")
        return UNetN2VFrames.name

    def learns_from(self) -> LearnsFrom:
        """Return what the method learns from."""
        return registry.METHODS[self.kind].learns_from

    def model_folder(self, out: Path) -> Path:
        """Return where the model goes, with the results in `out`."""
        return self.model or out / MODEL

    def applied(self, model: Path, overwrite: bool) -> dict[str, Any]:
        """Return how the model is used: the options of `imagej-dl predict`."""
        how = {"model": model, "out": self.out, "overwrite": overwrite, "type": self.type}
        return how | ({} if self.tile is None else {"tile": self.tile})
