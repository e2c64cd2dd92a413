"""The model folder of a training by an engine: the engine's own files, and `engine.json`.

The engine's files are as the engine writes them, so that its own program opens them. `engine.json`
says whose they are; with it the folder is a model for `imagej-dl predict` without further words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json

FILE = "engine.json"


@dataclass(frozen=True)
class EngineModel:
    """A model that an engine has trained for us.

    engine, version : the engine, and of its library; model : the file or folder that it opens;
    settings : of the training.
    """

    engine: str
    version: str
    model: Path
    settings: dict[str, Any]


def read(folder: Path) -> EngineModel | None:
    """Return what a folder holds; None where it is no such folder.

    Raises
    ------
    UserError : for a damaged engine.json, and for one that names a file outside its folder.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    values = load_json(path)
    try:
        name = str(values["model"])
        known = {key: str(values[key]) for key in ("engine", "version")}
        settings = dict(values["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("does not say which engine's model this is", path=path) from error
    if name != Path(name).name:
        raise UserError("names a model outside of its folder", path=path)
    return EngineModel(**known, model=folder / name if name else folder, settings=settings)


def write(folder: Path, engine: str, version: str, model: str, settings: dict[str, Any]) -> None:
    """Write engine.json; `model` is the name of the model's file in the folder, "" for itself."""
    values = {"engine": engine, "version": version, "model": model, "settings": settings}
    (folder / FILE).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
