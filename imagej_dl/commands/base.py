"""What every command's declaration is: a pydantic model whose fields are its parameters.

A field is declared once, with a description that names its unit; :mod:`imagej_dl.cli` makes an
option of it (`pixel_size` → `--pixel-size`), macros use its name as the key, and JSON as well.
`Annotated[Path, Positional()]` makes a field an argument without a dash; `Shown` says what
ImageJ's dialog must know besides.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import click
from pydantic import BaseModel, ConfigDict, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.files import load_json
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    from imagej_dl.worker.desk import Desk


def _echo(text: str) -> None:
    """Write to the terminal, or a file in its encoding, which may lack letters of a name."""
    coding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(coding, "backslashreplace").decode(coding))


listener: ContextVar[Callable[[str], None]] = ContextVar("listener", default=_echo)
"""Who hears what a command says: the terminal, unless a worker listens for ImageJ."""


def say(text: str) -> None:
    """Tell the user what came of a command, in a line or a few."""
    listener.get()(text)


@dataclass(frozen=True)
class Positional:
    """Marks a field that the command line takes by its place; a list takes all that is left."""


@dataclass(frozen=True)
class Shown:
    """How ImageJ's dialog asks for a field.

    label : where the key alone would say too little; path : whether a path is that of a folder or
    of a file; unit : shown behind the label; advanced : asked for in a second dialog, under
    "More settings".
    """

    label: str = ""
    path: Literal["folder", "file"] = "file"
    unit: str = ""
    advanced: bool = False


class Command(BaseModel):
    """Base of all commands. Unknown keys are refused; values are checked before work begins."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    @abstractmethod
    def run(self, progress: Progress) -> None:
        """Do the work, saying how far it is through `progress`."""

    def takes(self) -> set[Literal["image", "plane", "rois"]]:
        """Say what ImageJ gives: the open image or its current plane, the ROIs."""
        return set()

    def live(self) -> bool:
        """Say whether this is a training, which ImageJ shows in a window of its own."""
        return False

    def serve(self, desk: Desk, progress: Progress) -> None:
        """Do the work for ImageJ, with what is open there; as in a terminal where not said."""
        self.run(progress)

    @classmethod
    def is_positional(cls, name: str) -> bool:
        """Say whether the command line takes this field by its place."""
        return any(isinstance(mark, Positional) for mark in cls.model_fields[name].metadata)

    @classmethod
    def declare(cls, values: dict[str, Any], source: str | Path | None = None) -> Self:
        """Build the command from keys and values; a wrong one is a UserError that names it."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UserError(_words(error), path=source, remedy=_keys(cls)) from error

    @classmethod
    def read_json(cls, path: Path) -> dict[str, Any]:
        """Read keys and values from a JSON file; raise UserError if it is not an object."""
        values = load_json(path)
        if not isinstance(values, dict):
            raise UserError("must hold one JSON object", path=path)
        return values


def _words(error: ValidationError) -> str:
    parts = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "values"
        words = "unknown key" if item["type"] == "extra_forbidden" else item["msg"]
        parts.append(f"{key}: {words}")
    return "; ".join(parts)


def _keys(cls: type[Command]) -> str:
    return "The keys are " + ", ".join(cls.model_fields) + "."
