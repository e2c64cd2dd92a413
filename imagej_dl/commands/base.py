"""What every command's declaration is: a pydantic model whose fields are its parameters.

A field is declared once, with a description that names its unit; :mod:`imagej_dl.cli` makes an
option of it (`pixel_size` → `--pixel-size`), macros use its name as the key, and JSON as well.
`Annotated[Path, Positional()]` makes a field an argument without a dash; `Shown` says what
ImageJ's dialog must know besides.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import click
from pydantic import BaseModel, ConfigDict, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.filesystem import containment
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.progress import Progress
from imagej_dl.validation import listed

if TYPE_CHECKING:
    from imagej_dl.worker.session import Desk


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
    "More settings"; empty : what it means to leave the field empty; needed : whether it must be
    filled in, though the command line has another way; once : never kept for the next time, as
    switches that can destroy and what is about one image only; gives, takes : "project" or
    "model", where the value is the other commands' next, or theirs is the next here.
    """

    label: str = ""
    path: Literal["folder", "file"] = "file"
    unit: str = ""
    advanced: bool = False
    empty: str = ""
    needed: bool = False
    once: bool = False
    gives: Literal["", "project", "model"] = ""
    takes: Literal["", "project", "model"] = ""


class Command(BaseModel):
    """Base of all commands. Unknown keys are refused; values are checked before work begins."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let what a command writes stay in the folders that it was given, whoever runs it."""
        super().__init_subclass__(**kwargs)
        for name in ("run", "serve"):
            if name in vars(cls):
                setattr(cls, name, _contained(vars(cls)[name]))

    def paths(self) -> Iterator[Path]:
        """Give the files and folders that the user named."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for part in value if isinstance(value, list | tuple) else (value,):
                if isinstance(part, Path):
                    yield part

    @abstractmethod
    def run(self, progress: Progress) -> None:
        """Do the work, saying how far it is through `progress`."""

    def takes(self) -> set[Literal["image", "plane", "rois"]]:
        """Say what ImageJ gives: the open image or its current plane, the ROIs."""
        return set()

    def live(self) -> bool:
        """Say whether this is a training, which ImageJ shows in a window of its own."""
        return False

    def check(self) -> None:
        """Raise UserError for what would end the work as soon as it begins; takes no time."""

    @classmethod
    def holding(cls) -> dict[str, Any] | None:
        """Return the values that hold now, of a command that sets some; None for the others."""
        return None

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
            raise WrongValues(listed(error, cls.model_fields), path=source) from error

    @classmethod
    def read_json(cls, path: Path) -> dict[str, Any]:
        """Read keys and values from a JSON file; raise UserError if it is not an object."""
        values = load_json(path)
        if not isinstance(values, dict):
            raise UserError("must hold one JSON object", path=path)
        return values


def _contained(work: Callable[..., None]) -> Callable[..., None]:
    @wraps(work)
    def contained(self: Command, *args: Any, **kwargs: Any) -> None:
        with containment.named(self.paths()):
            work(self, *args, **kwargs)

    return contained


class WrongValues(UserError):
    """Keys and values that a command's declaration refuses: `wrong` has each with its words."""

    def __init__(self, wrong: list[tuple[str, str]], *, path: str | Path | None = None) -> None:
        self.wrong = wrong
        text = "; ".join(f"{key}: {words}" for key, words in wrong)
        super().__init__(text, path=path)
