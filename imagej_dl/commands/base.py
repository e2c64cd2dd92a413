"""The base of all commands: a pydantic model whose fields are the command's parameters.

A field is declared once, with a description that names its unit; :mod:`imagej_dl.cli` makes an
option of it (`pixel_size` → `--pixel-size`), macros use its name as the key, and JSON as well.
`Annotated[Path, Positional()]` makes a field an argument without a dash; `Shown` says what
ImageJ's dialog must know besides.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import click
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.filesystem import containment
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.progress import Progress
from imagej_dl.validation import listed

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.worker.session import Session


def _echo(text: str) -> None:
    """Write to the terminal, or a file in its encoding, which may lack letters of a name."""
    coding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(coding, "backslashreplace").decode(coding))


listener: ContextVar[Callable[[str], None]] = ContextVar("listener", default=_echo)
"""Receiver of a command's messages: the terminal, or in a worker ImageJ."""


def say(text: str) -> None:
    """Report the outcome of a command to the user, in one line or a few."""
    listener.get()(text)


@dataclass(frozen=True)
class Positional:
    """Mark of a positional argument; a list takes all that is left."""


@dataclass(frozen=True)
class Shown:
    """Presentation of a field in ImageJ's dialog.

    label : where the key alone would say too little; path : whether a path is that of a folder or
    of a file; unit : shown behind the label; advanced : asked for in a second dialog, under
    "More settings"; empty : what it means to leave the field empty; needed : whether it must be
    filled in, though the command line has another way; once : never kept for the next time, as
    switches that can destroy and what is about one image only; gives, takes : "project" or
    "model", where the value is the other commands' next, or theirs is the next here; offers :
    returns names that may stand in place of a path; opened : in ImageJ the title of an open image
    may, too: of "any", or of "another" than the current one.
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
    offers: Callable[[], Iterable[str]] = tuple
    opened: Literal["", "any", "another"] = ""


class Command(BaseModel):
    """Base of all commands. Unknown keys are refused; values are checked before work begins."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    _opened: dict[str, Any] = PrivateAttr(default_factory=dict)
    """Images that are open in ImageJ, by the fields that give their titles."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep what a command writes within the folders that it was given, whoever runs it."""
        super().__init_subclass__(**kwargs)
        for name in ("run", "run_in_imagej"):
            if name in vars(cls):
                setattr(cls, name, _contained(vars(cls)[name]))

    def paths(self) -> Iterator[Path]:
        """Yield the files and folders that the user named."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for part in value if isinstance(value, list | tuple) else (value,):
                if isinstance(part, Path):
                    yield part

    def with_opened(self, images: Mapping[str, xr.DataArray | None]) -> Self:
        """Take images that are open in ImageJ for the fields that give their titles.

        None stands for pixels that are not there yet: :meth:`check` does without.
        """
        self._opened = dict(images)
        return self

    @abstractmethod
    def run(self, progress: Progress) -> None:
        """Run the command; `progress` reports how far it is."""

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        """Return what ImageJ must provide: the open image or its current plane, the ROIs."""
        return set()

    def live(self) -> bool:
        """Return whether this is a training, which ImageJ shows in a window of its own."""
        return False

    def check(self) -> None:
        """Raise UserError for what would end the work as soon as it begins; takes no time."""

    @classmethod
    def holding(cls) -> dict[str, Any] | None:
        """Return the values in force of a command that sets preferences; None for the others."""
        return None

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        """Run the command on what is open in ImageJ; by default as in a terminal."""
        self.run(progress)

    @classmethod
    def is_positional(cls, name: str) -> bool:
        """Return whether the field is a positional argument of the command line."""
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
    """Keys and values that a command refuses; `wrong` holds each key with its message."""

    def __init__(self, wrong: list[tuple[str, str]], *, path: str | Path | None = None) -> None:
        self.wrong = wrong
        text = "; ".join(f"{key}: {words}" for key, words in wrong)
        super().__init__(text, path=path)
