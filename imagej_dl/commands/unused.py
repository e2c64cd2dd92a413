"""Options that a command would not heed, as it is used: refused, or warned of, before the work.

What would be missing in the result is refused. A warning is for what is only beside the point, so
that macros which have it still run.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from imagej_dl.errors import UserError, warn

if TYPE_CHECKING:
    from imagej_dl.commands.base import Command

OF_FILES = "is for image files, and has no effect on the open image"
NO_VIDEOS = "are joined of label maps, and this model gives images"


def changed(command: Command, names: Iterable[str]) -> list[str]:
    """Return those of the fields that are set.

    A dialog sets every field; what is left as it was does not count.
    """
    fields = type(command).model_fields
    return [
        name
        for name in names
        if getattr(command, name) != fields[name].get_default(call_default_factory=True)
    ]


def refuse(
    command: Command,
    names: Iterable[str],
    why: str,
    *,
    path: Path | None = None,
    remedy: str = "Leave it out.",
) -> None:
    """Raise UserError if any of the fields is set, and say why it would not count."""
    if wrong := changed(command, names):
        raise UserError(f"{', '.join(wrong)}: {why}", path=path, remedy=remedy)


def warn_of(command: Command, names: Iterable[str], why: str) -> None:
    """Warn if any of the fields is set, and say why it does not count."""
    if wrong := changed(command, names):
        warn(f"{', '.join(wrong)}: {why}")
