"""The interface of an engine: its settings, its models, and what it gives for a plane."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.foreign.program import Program

_RUNNERS = Path(__file__).with_name("runners")
Gives = Literal["labels", "points", "image"]
Ran = Literal["run", "not run"]
LearnsFrom = Literal["labels", "itself"]
"""The ground truth of a training: label maps, or none but the images themselves."""


class EngineSettings(BaseModel):
    """Base of the settings of engines, under the engine's own names, with its units and defaults.

    Unknown keys and numbers that are not finite are refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def model_file(
    engine: Engine, named: Path | None, remedy: str, *, inside: str = "", ending: str = ""
) -> str:
    """Return the model of an engine whose models are files.

    Parameters
    ----------
    remedy : says what to name.
    inside : the name of the file in its folder, for engines that take the folder, too.
    ending : of the file's name, in lower case and with its dot; "" for any.

    Raises
    ------
    UserError : for no model, one that is not there, and what is no such file.
    """
    path = Path(Engine.model(engine, named))
    absent = inside and path.is_dir()
    if absent:
        path = path / inside
    if not path.is_file() or not path.name.lower().endswith(ending):
        problem = f"is no model of {engine.label}" + (f": there is no {inside}" if absent else "")
        raise UserError(problem, path=named, remedy=remedy)
    return str(path)


def file_or_name(
    engine: Engine, named: Path | None, program: str, example: str, inside: str = ""
) -> str:
    """Return the model of an engine whose models are files, or names of those that it has.

    Its runner looks for a name.

    Parameters
    ----------
    program : that has the models; example : the name of one.
    inside : the name of the file in its folder, for engines that take the folder, too.

    Raises
    ------
    UserError : for no model, a folder, and a file that is not there.
    """
    if named is None:
        raise UserError(
            f"{engine.label} needs a model",
            remedy=f"Name the file of its weights, or one that {program} has, such as {example}.",
        )
    if named.is_dir():
        if inside:
            return model_file(engine, named, f"Name a folder with {inside}.", inside=inside)
        raise UserError(f"is a folder, and a model of {program} is a file", path=named)
    if named.is_file():
        return str(named.absolute())
    if named.parent != Path() or named.suffix:
        raise UserError("there is no such model", path=named)
    return named.name


class Engine(ABC):
    """A segmentation program of others, which works in a Python of its own.

    Subclasses set the attributes; :mod:`imagej_dl.engines` describes where one goes.

    Attributes
    ----------
    name : as commands call it, and its runner `runners/run_NAME.py` (with `_` for `-`).
    label : its name in sentences.
    module : the name its library is imported by, if that is not `name`.
    homepage, licence : of the library.
    requirements : what `imagej-dl engines add` installs, as pip takes it.
    versions : of the library that the runner is written for, such as ">=3.1,<4".
    gigabytes : of the environment that `engines add` makes, None if it was never made.
    ran : "run" if the runner was run with the real library, "not run" if it was only written
        against the library's source.
    gives : label maps, points or images.
    channels : how many channels of a plane it takes, None for any number.
    volumes : True if it takes the slices of a stack together, not plane by plane.
    planes : for engines of volumes: True if they take a plane, too, which is then (Y, X).
    settings_model : of a prediction; every field has a description.
    training_model : of a training, None if it is not trained here.
    learns_from : what it is trained on. Where that is images alone, no label maps are read, and
        its settings of the training have `patch_size`.
    ignores : whether a training can leave out pixels whose ground truth is unknown; they are −1.
    retraining : settings of a training that goes on from a model after corrections, where none are
        given; a training from the start takes longer.
    """

    name: ClassVar[str] = ""
    label: ClassVar[str]
    module: ClassVar[str] = ""
    homepage: ClassVar[str]
    licence: ClassVar[str]
    requirements: ClassVar[tuple[str, ...]]
    versions: ClassVar[str] = ""
    gigabytes: ClassVar[float | None] = None
    ran: ClassVar[Ran] = "not run"
    gives: ClassVar[Gives] = "labels"
    channels: ClassVar[int | None] = None
    volumes: ClassVar[bool] = False
    planes: ClassVar[bool] = False
    settings_model: ClassVar[type[EngineSettings]]
    training_model: ClassVar[type[EngineSettings] | None] = None
    learns_from: ClassVar[LearnsFrom] = "labels"
    ignores: ClassVar[bool] = False
    retraining: ClassVar[Mapping[str, Any]] = {}

    @property
    def program(self) -> Program:
        """The library in its own Python."""
        own = f"`imagej-dl engines add {self.name} --python PYTHON`"
        install = (
            f"`imagej-dl engines add {self.name}` makes an environment for it"
            + (f" (about {self.gigabytes:.1f} GB)" if self.gigabytes else "")
            + f"; or name the Python of yours that has it: {own}."
        )
        if not self.requirements:
            install = f"Install it by its own instructions ({self.homepage}), then {own}."
        runner = _RUNNERS / f"run_{self.name.replace('-', '_')}.py"
        return Program(self.name, install, runner, self.module)

    def check_version(self, version: str) -> None:
        """Raise UserError where the library has a version that the runner is not written for."""
        try:
            fits = SpecifierSet(self.versions).contains(Version(version), prereleases=True)
        except InvalidVersion:
            fits = True
        if not fits:
            add = f"`imagej-dl engines add {self.name}` makes an environment that has it."
            raise UserError(
                f"{self.label} {version} is installed, but {self.versions} is needed",
                remedy=add if self.requirements else self.program.hint,
            )

    def model(self, named: Path | None) -> str:
        """Return the model as the runner is given it: a path, a name, or "".

        Raises
        ------
        UserError : for what is no model of this engine, before its program is started.
        """
        if named is None:
            raise UserError(f"{self.label} needs a model", remedy="Name its file or folder.")
        if not named.exists():
            raise UserError("there is no such model", path=named)
        return str(named.absolute())

    def files(self, model: str) -> list[Path]:
        """Return the files of a model that its results depend on; none of a name."""
        path = Path(model)
        if path.is_file():
            return [path]
        return sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else []

    def settings(self, given: dict[str, Any]) -> EngineSettings:
        """Check the settings of a prediction; UserError names a wrong one."""
        return _checked(self.settings_model, given, self.label)

    def training(self, given: dict[str, Any]) -> EngineSettings:
        """Check the settings of a training; UserError where this engine is not trained here."""
        if self.training_model is None:
            raise UserError(
                f"{self.label} cannot be trained here",
                remedy=f"Train with its own program ({self.homepage}), and name the model.",
            )
        return _checked(self.training_model, given, self.label)

    def diagnose(self) -> tuple[bool, str]:
        """Return whether the library loads; and its version and place, or how to install it."""
        return self.program.diagnose(self.check_version)


def _checked(model: type[EngineSettings], given: dict[str, Any], label: str) -> EngineSettings:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise UserError.of_validation(
            error, model.model_fields, prefix=f"settings of {label}: "
        ) from error
