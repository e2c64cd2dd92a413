"""The options of `imagej-dl train`, and what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from imagej_dl.commands import unused
from imagej_dl.commands.base import Command, Positional, Shown
from imagej_dl.commands.engine_options import (
    EngineName,
    EnginePython,
    EngineSettings,
    engine_python,
    engine_settings,
    json_object,
)
from imagej_dl.errors import UserError, warn
from imagej_dl.methods import registry as methods
from imagej_dl.methods.base import LearnsFrom, Method
from imagej_dl.methods.registry import Kind
from imagej_dl.models.networks import registry
from imagej_dl.models.ready import registry as ready
from imagej_dl.training.fine_tuning import LEARNING_RATE as FINE_TUNING
from imagej_dl.training.settings import Precision, Settings, setting

if TYPE_CHECKING:
    from imagej_dl.training.data_sources import Given


APART = {
    "project",
    "out",
    "start",
    "tensorboard",
    "resume",
    "overwrite",
    "validation_folder",
    "test_folder",
    "targets",
    "videos",
    "checkpoints",
    "settings",
    "noise_model",
    "search",
    "fluffy_names",
    "h5",
    "refresh",
    "engine",
    "engine_settings",
    "engine_python",
}
"""Fields that are none of the training's settings."""


class TrainOptions(Command):
    """The declaration of a training: its data, its settings, and what is written."""

    project: Annotated[
        Path,
        Positional(),
        Shown(path="folder", gives="project", takes="project", opened="any"),
    ] = Field(
        description="The project, a folder of labelled images, or a CONFIG.json of "
        "microscopy-dl-suite-tf; for kinds that learn from pairs of images a folder with low and "
        "high; for kinds that learn from images alone a folder of images, or one "
        "image. In ImageJ, for the last two, the title of an open image may stand for it."
    )
    out: Annotated[Path | None, Shown("New model", path="folder", needed=True, gives="model")] = (
        Field(
            default=None,
            description="Folder for the new model; required unless a CONFIG.json names it.",
        )
    )
    engine: EngineName = Field(
        default=None,
        description="A segmentation program of others, such as StarDist or Cellpose, that trains a "
        "model of its own on the same label maps, in a Python of its own (`imagej-dl engines` "
        "lists them and installs one). Of the other settings project, out, start, validation, "
        "seed and engine_settings count.",
    )
    engine_settings: EngineSettings = engine_settings('{"train_epochs": 50}')
    engine_python: EnginePython = engine_python()
    kind: Kind = setting("kind")
    epochs: int = setting("epochs")
    minutes: Annotated[float | None, Shown("Time limit", unit="min", empty="none")] = setting(
        "minutes"
    )
    patience: Annotated[int, Shown(unit="epochs", advanced=True)] = setting("patience")
    patch: Annotated[int, Shown(unit="px", advanced=True)] = setting("patch")
    patch_slices: Annotated[
        int | None, Shown(unit="slices", advanced=True, empty="plane by plane")
    ] = setting("patch_slices")
    batch: Annotated[int, Shown(unit="patches", advanced=True)] = setting("batch")
    # Not the settings' own: which it is depends on `start`.
    learning_rate: Annotated[float | None, Shown(advanced=True, empty="that of the network")] = (
        Field(
            default=None,
            gt=0,
            lt=1,
            description="Highest learning rate, without a unit; if left out, "
            f"{Settings.model_fields['learning_rate'].default:g} for unet, less for the other "
            f"networks, and at most {FINE_TUNING:g} when training starts from a model.",
        )
    )
    depth: Annotated[int, Shown(unit="levels", advanced=True)] = setting("depth")
    width: Annotated[int, Shown(unit="filters", advanced=True)] = setting("width")
    precision: Annotated[Precision, Shown(advanced=True)] = setting("precision")
    seed: Annotated[int, Shown(advanced=True)] = setting("seed")
    validation: Annotated[float, Shown(unit="share", advanced=True)] = setting("validation")
    test: Annotated[float, Shown(unit="share", advanced=True)] = setting("test")
    imaging: Annotated[float, Shown("Patches as of another movie", unit="share", advanced=True)] = (
        setting("imaging")
    )
    crowding: Annotated[float, Shown("Patches with more contacts", unit="share", advanced=True)] = (
        setting("crowding")
    )
    architecture: Annotated[registry.Name, Shown("Network", advanced=True)] = setting(
        "architecture"
    )
    validation_folder: Annotated[
        Path | None, Shown(path="folder", advanced=True, empty="a fraction of the images")
    ] = Field(
        default=None,
        description="A folder of labelled images for validation, instead of a fraction of the "
        "training images.",
    )
    test_folder: Annotated[
        Path | None, Shown(path="folder", advanced=True, empty="a fraction of the images")
    ] = Field(
        default=None,
        description="A folder of labelled images for the test, instead of a fraction of the "
        "training images.",
    )
    targets: Annotated[
        Path | None,
        Shown(
            "Targets of pairs",
            path="folder",
            advanced=True,
            empty="in the project",
            once=True,
            opened="any",
        ),
    ] = Field(
        default=None,
        description="For kinds that learn from pairs of images (care, noise2noise): the folder of "
        "the target images, which have the names of the images in the project's folder, or the "
        "target of an image that takes the project's place (in ImageJ also by the title of its "
        "window); if left out, the project has the folders low and high, low and GT, or inputs and "
        "targets.",
    )
    videos: Annotated[Path | None, Shown("Table of videos", advanced=True, empty="none")] = Field(
        default=None,
        description="The table videos2im_relation.csv, which assigns single frames to videos; "
        "for networks with lstm.",
    )
    checkpoints: Annotated[int | None, Shown(unit="batches", advanced=True, empty="none")] = Field(
        default=None,
        ge=1,
        le=10**9,
        description="Number of batches between two checkpoints of the weights in "
        "OUT/checkpoints. They are saved at the end of an epoch, and after the last one.",
    )
    settings: Annotated[str | dict[str, Any] | None, Shown(advanced=True, empty="none")] = Field(
        default=None,
        description='Further training settings as JSON, such as {"loss": "sparse_cce"}: those of '
        "imagej_dl.training.Settings.",
    )
    noise_model: Annotated[Path | None, Shown(advanced=True, empty="none")] = Field(
        default=None,
        description="The noise model of the camera, for kinds that need one: the file that "
        "`imagej-dl noise-model` wrote.",
    )
    start: Annotated[
        Path | None,
        Shown("Start from model", path="folder", empty="a new one", offers=ready.names),
    ] = Field(
        default=None,
        description="Folder of a model to fine-tune, or the name of a ready model "
        f"({', '.join(ready.names())}): training starts from its weights; kind, patch, depth and "
        "width are taken from it. For few images of a like kind this is the way to begin, with a "
        "time limit of 2 minutes: about thirty objects, drawn on a few images, will do (with "
        "sparse where not every object is).",
    )
    sparse: Annotated[bool, Shown("Not every object is drawn")] = setting("sparse")
    tensorboard: Annotated[bool, Shown(advanced=True)] = Field(
        default=False, description="Write event files for TensorBoard."
    )
    search: Annotated[bool, Shown("Search for hyperparameters first", advanced=True)] = Field(
        default=False,
        description="First search for the hyperparameters that are not set here, as "
        "`imagej-dl search` does, in the folder OUT_search; takes hours.",
    )
    fluffy_names: Annotated[bool, Shown(advanced=True)] = Field(
        default=False,
        description="Also write file lists, log, search and TensorBoard files under Fluffy's "
        "names, YYYYMMDD_NAME.",
    )
    h5: Annotated[bool, Shown("Keras .h5 too", advanced=True)] = Field(
        default=False,
        description="Also write the network as YYYYMMDD_NAME.h5, the older format of Keras.",
    )
    refresh: Annotated[bool, Shown("Make missing label maps", advanced=True)] = Field(
        default=True,
        description="First create the label maps of a project that are missing in Processed or "
        "whose ROIs have changed since; label maps that you edited are kept.",
    )
    resume: Annotated[bool, Shown(once=True)] = Field(
        default=False,
        description="Continue a training that was stopped or killed; "
        "only its epochs, minutes and patience may change.",
    )
    overwrite: Annotated[bool, Shown(once=True)] = Field(
        default=False, description="Replace an existing model."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> TrainOptions:
        if self.out is None and self.project.suffix.lower() != ".json":
            raise ValueError("out: a folder for the model is required")
        return self

    def search_folder(self) -> Path:
        assert self.out is not None
        return self.out.with_name(f"{self.out.name}_search")

    def further(self) -> dict[str, Any]:
        """Return the settings that have no field of their own."""
        values = further(self.settings)
        if self.noise_model is not None:
            own = {**(values.get("method_settings") or {}), "noise_model": str(self.noise_model)}
            values = {**values, "method_settings": own}
        return values

    def _network(self, given: dict[str, Any]) -> str:
        """Return the network's name: that given, or of what the training goes on from."""
        from imagej_dl import models

        if "architecture" in given:
            return given["architecture"]
        if self.resume and (begun := self.begun()):
            return begun.get("architecture", "")
        return models.load_config(self.start).architecture.name if self.start else ""

    def steps(self, given: dict[str, Any]) -> int:
        """Return the batches of an epoch: those given, of the stopped training, or the default."""
        begun = self.begun() if self.resume else {}
        usual = {
            "steps": Settings.model_fields["steps"].default,
            **self._method(given).defaults,
        }
        return int({**usual, **begun, **given}["steps"])

    def learns_from(self, given: dict[str, Any]) -> LearnsFrom:
        """Return what the method learns from."""
        return self._method(given).learns_from

    def _method(self, given: dict[str, Any]) -> type[Method]:
        """Return the method: that given, or of what the training goes on from."""
        from imagej_dl import models

        kind = given.get("kind", self.kind)
        if "kind" not in given and self.resume:
            kind = self.begun().get("kind", kind)
        elif "kind" not in given and self.start:
            kind = models.load_config(self.start).kind
        return methods.METHODS[kind]

    def begun(self) -> dict[str, Any]:
        """Return the settings of the stopped training in OUT, where there is one.

        Of several machines only the first has it; where it is missing, training says so.
        """
        from imagej_dl.training import checkpoint

        folder = (self.out or Path()) / checkpoint.FOLDER
        return checkpoint.read(folder).settings if checkpoint.exists(folder) else {}

    def warn_of_shares(self) -> None:
        """Warn of shares of the images that folders take the place of."""
        why = "has no effect, as the folder for {} takes its place"
        if self.validation_folder is not None:
            unused.warn_of(self, ["validation", "test"], why.format("validation"))
        elif self.test_folder is not None:
            unused.warn_of(self, ["test"], why.format("the test"))

    def source(self, given: dict[str, Any]) -> Path | Given:
        """Return what to train on; with folders for validation or test, or videos, all of them."""
        from imagej_dl.models.networks.registry import takes
        from imagej_dl.suite import data
        from imagej_dl.training.data_sources import find_given

        project = self._opened.get("project", self.project)
        targets = self._opened.get("targets", self.targets)
        if self.videos is not None and not data.is_suite(self.project):
            warn(f"cannot be used, since {self.project} has no folder inputs", path=self.videos)
        self.warn_of_shares()
        learns_from = self.learns_from(given)
        if self.targets is not None and learns_from != "image":
            raise UserError(
                "cannot be used: this kind learns from no targets",
                path=self.targets,
                remedy="Choose a kind that learns from pairs of images, such as care.",
            )
        labelled_suite = learns_from == "labels" and data.is_suite(self.project)
        apart = self.validation_folder or self.test_folder or self.targets or self._opened
        if not (apart or labelled_suite):
            return self.project
        return find_given(
            project,
            self.validation_folder,
            self.test_folder,
            recurrent="frames" in takes(self._network(given)),
            videos=self.videos,
            learns_from=learns_from,
            targets=targets,
            unlabelled=self._method(given).takes_unlabelled,
        )


def further(settings: str | dict[str, Any] | None) -> dict[str, Any]:
    """Return further settings of a training, which a command takes as JSON or an object."""
    return json_object("settings", settings, '{"loss": "sparse_cce"}')
