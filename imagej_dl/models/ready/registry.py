"""The ready models by name, and what a model's name or path means."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.models.config import holds_model
from imagej_dl.models.ready import card as cards
from imagej_dl.models.ready.card import Card

HOME = Path(__file__).parent
DEFAULT = "nuclei"
"""The model that segments, or is trained on, where the user names none."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of the ready models, in alphabetical order, the default first."""
    found = sorted(path.parent.name for path in HOME.glob(f"*/{cards.FILE}"))
    return tuple(sorted(found, key=lambda name: name != DEFAULT))


def is_name(model: str | os.PathLike[str]) -> bool:
    """Return whether this is the name of a ready model, whatever else has that name."""
    return str(Path(model)) in names()


def find(model: str | os.PathLike[str]) -> Path:
    """Return the folder of a model: of a ready one by its name, else the path that was given.

    A model of the user's wins: where the path is a model (a file, or a folder with a config.json
    or an unfinished training), it is that one. A folder of another kind, such as images in a
    folder `nuclei`, does not hide the ready model.
    """
    path = Path(model)
    if not is_name(path) or path.is_file():
        return path
    return path if holds_model(path) else HOME / path


def name_of(model: str | os.PathLike[str]) -> str | None:
    """Return the name of a ready model that is given by name or folder; None for any other."""
    folder = find(model)
    return folder.name if folder.parent == HOME and folder.name in names() else None


def described(model: str | os.PathLike[str]) -> str:
    """Return which model is meant, in words: a ready one by its name, or a path."""
    name = name_of(model)
    if name is not None:
        return f"the ready model {name}"
    if not is_name(model):
        return f"the model {model}"
    return f"the model {Path(model).absolute()} (not the ready model of this name)"


def named(folder: Path) -> str:
    """Return a model's folder as a command takes it: of a ready model its name."""
    return name_of(folder) or str(folder)


def card(name: str) -> Card:
    """Return the card of a ready model.

    Raises
    ------
    UserError : when there is no such model, or its card is damaged.
    """
    if name not in names():
        raise UserError(
            f"there is no ready model {name}", remedy=f"There are: {', '.join(names())}."
        )
    path = HOME / name / cards.FILE
    try:
        found = Card.model_validate(load_json(path))
    except ValidationError as error:
        raise UserError.of_validation(
            error, Card.model_fields, path=path, remedy="Install imagej-dl again."
        ) from error
    if found.name != name:
        raise UserError(
            f"is the card of a model {found.name}", path=path, remedy="Install imagej-dl again."
        )
    return found


def nbytes(name: str) -> int:
    """Return the bytes of all files of a ready model."""
    return sum(path.stat().st_size for path in (HOME / name).rglob("*") if path.is_file())
