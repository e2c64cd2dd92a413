"""Read and write PROJECT/Corrections/state.json."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from pydantic import ValidationError

from imagej_dl.correction import kept_models
from imagej_dl.correction.engine_models import ByEngine, EngineModel, engine_of
from imagej_dl.correction.merging import merged
from imagej_dl.correction.state import Stamp, State
from imagej_dl.engines import registry as engines
from imagej_dl.engines.base import Engine
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import atomic, load_json
from imagej_dl.models.folder import CONFIG, NETWORK, load_config
from imagej_dl.models.packages import loading as packages
from imagej_dl.models.packages.archive import is_package
from imagej_dl.models.ready import registry as ready
from imagej_dl.prediction.output_kinds import need_objects

FOLDER, FILE, MODELS = "Corrections", "state.json", "models"
VERSION = 1
_WAIT = 60.0


class CorrectionStore:
    """The state of a project's corrections, on disk; :meth:`save` writes it atomically.

    Changes that another run, in ImageJ or in a shell, has written meanwhile are merged.
    """

    def __init__(self, project: Path, state: State) -> None:
        self.project, self.state = project, state
        self.python: Path | None = None
        self._read = state.model_copy(deep=True)

    @classmethod
    def open(
        cls,
        project: str | os.PathLike[str],
        model: Path | None = None,
        by: ByEngine | None = None,
    ) -> CorrectionStore:
        """Read the state, or begin with the model; another model replaces the current one.

        Parameters
        ----------
        by : the engine that the model is for, and the settings of its predictions, which replace
            those that are kept. The engine of a model that it has trained for us need not be named.

        Raises
        ------
        UserError : when no correction has begun and no model is named, `model` is not a model, or
            the state's file is damaged or of another version.
        """
        by = by or ByEngine()
        project = Path(project)
        if not project.is_dir():
            raise UserError("the project does not exist", path=project)
        state = _read(project / FOLDER / FILE)
        if model is not None:
            store = cls._with(project, state, model, by.name)
        elif state is None:
            raise UserError(
                "no corrections have been started there",
                path=project,
                remedy="Name a model to start from (--model).",
            )
        elif state.engine and by.name not in (None, state.engine):
            raise UserError(
                f"the corrections are of a model of {state.engine}, not of {by.name}",
                path=project,
                remedy="Name the model of the other engine (--model).",
            )
        else:
            store = cls(project, state)
        if by.settings:
            store.state.engine_settings = by.settings
        store.python = by.python
        if (found := store.engine_model) is not None and (model is not None or by.settings):
            found.check()
        elif found is None and (by.settings or by.name):
            raise UserError(
                f"the corrections are of {ready.named(store.present)}, a model of imagej-dl, not "
                "of an engine",
                path=project,
                remedy="Name the engine's model (--model), or leave the engine out.",
            )
        return store

    @classmethod
    def _with(
        cls, project: Path, state: State | None, model: Path, engine: str | None
    ) -> CorrectionStore:
        """Begin with a model, go on with it, or replace the current one by it."""
        found = engine_of(model, engine)
        engine = "" if found is None else found.name
        named = kept_models.kept(project, model, engine)
        if state is not None and engine == state.engine and named in (state.begun, state.present):
            return cls(project, state)
        if not engine:
            need_objects(load_config(model), Path(model))
        if state is None:
            first = _first_round(project)
            return cls(project, State(begun=named, present=named, round=first, engine=engine))
        store = cls(project, state)
        # A retraining that is unfinished, or was not accepted, had begun from the other model.
        state.begun, state.present, state.training, state.trained = named, named, None, {}
        if engine != state.engine:
            state.engine, state.engine_settings = engine, {}
        return store

    @property
    def folder(self) -> Path:
        """The folder of the corrections."""
        return self.project / FOLDER

    @property
    def present(self) -> Path:
        """The folder of the present model."""
        return self.path(self.state.present)

    @property
    def engine_model(self) -> EngineModel | None:
        """The present model, if it is one of an engine."""
        state = self.state
        if not state.engine:
            return None
        engine = engines.of(state.engine)
        return EngineModel(engine, self.present, state.engine_settings, self.python)

    def path(self, kept: str) -> Path:
        """Return the path of a model that the state has as `kept`."""
        return kept_models.path_of(self.project, kept)

    def short(self, path: Path) -> str:
        """Return a path as the state has it: relative to the project if it lies in it."""
        return kept_models.kept(self.project, path)

    def save(self) -> None:
        """Write the state, merged with what other runs have changed since it was read."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locks.held(self.folder / FILE, "the corrections", wait=_WAIT):
            there = _read(self.folder / FILE)
            if there is not None and there != self._read:
                found = merged(self._read, self.state, there)
                # The caller may hold on to the state.
                for name in State.model_fields:
                    setattr(self.state, name, getattr(found, name))
            text = self.state.model_dump_json(indent=1)
            with atomic(self.folder / FILE) as temporary:
                temporary.write_text(text + "\n", encoding="utf-8")
        self._read = self.state.model_copy(deep=True)


def engine_in_use(
    project: str | os.PathLike[str], model: Path | None, by: ByEngine
) -> Engine | None:
    """Return the engine of the model that is named, or of the present one; None for our own."""
    if model is not None:
        return engine_of(model, by.name)
    state = _read(Path(project) / FOLDER / FILE)
    name = by.name if state is None else state.engine
    return engines.of(name) if name else None


def model_to_begin(
    project: str | os.PathLike[str], model: Path | None, by: ByEngine | None = None
) -> Path | None:
    """Return the model that was named; where nothing has begun and none is, a ready one.

    An engine has no ready one.

    Warns
    -----
    DataWarning : that the corrections begin from the ready model.
    """
    if model is not None or (Path(project) / FOLDER / FILE).is_file():
        return model
    if by is not None and by.name is not None:
        engines.of(by.name).model(None)  # refuses, in the engine's own words
    warn(f"no model is named, so the corrections begin from the ready model {ready.DEFAULT}")
    return ready.HOME / ready.DEFAULT


def fingerprint(model: Path) -> str:
    """Return a digest of a model's network and configuration, or of Fluffy's one file.

    Raises
    ------
    UserError : when it is not a model, or missing.
    """
    model = ready.find(model)
    if is_package(model):
        return packages.digest_of(model)[:16]
    load_config(model)
    digest = hashlib.sha256()
    for path in [model] if model.is_file() else [model / CONFIG, model / NETWORK]:
        if not path.is_file():
            raise UserError("is missing", path=path)
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def stamp(path: Path) -> Stamp:
    """Return the stamp of a file, or of a folder that is an image, which changes when it does."""
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    found = [file.stat() for file in files]
    return max((one.st_mtime_ns for one in found), default=0), sum(one.st_size for one in found)


def _first_round(project: Path) -> int:
    """Return the number of the first round: after those whose models are there already.

    One of these may be the very model to begin with.
    """
    folder = project / FOLDER / MODELS
    found = (re.fullmatch(r"round_(\d+)", p.name) for p in folder.glob("round_*"))
    return 1 + max((int(match[1]) for match in found if match), default=0)


def _read(path: Path) -> State | None:
    if not path.is_file():
        return None
    content = load_json(path)
    version = content.get("version") if isinstance(content, dict) else None
    if version != VERSION:
        raise UserError(
            f"has the version {version}; this imagej-dl reads {VERSION}",
            path=path,
            remedy="Use the imagej-dl that wrote it, or move the file away to start again: "
            "the RoiSets stay.",
        )
    try:
        return State.model_validate(content)
    except ValidationError as error:
        raise UserError.of_validation(
            error,
            State.model_fields,
            prefix="is damaged: ",
            path=path,
            remedy="Move it away to start again: the RoiSets stay.",
        ) from error
