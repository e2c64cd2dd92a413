"""Progress of long work, and its cancelling.

A step calls `progress(stage, done, total)`. Whoever listens may raise
:class:`imagej_dl.errors.Cancelled` from that call to stop the work: no other
channel is needed, so the same functions serve a terminal, ImageJ's progress bar
and a worker process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
_BAR_WITH_NOTE = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Ignore the progress."""


def note(progress: Progress, text: str) -> None:
    """Show a note on the present stage, where the listener has a method `note`."""
    if isinstance(progress, Notes):
        progress.note(text)


@runtime_checkable
class Notes(Protocol):
    """A listener that shows notes beside the progress of the stage."""

    def note(self, text: str) -> None: ...


class Terminal:
    """One bar with the remaining time for each stage on stderr, and a note beside it.

    Where stderr is no terminal there are no bars, and each note is a line of its own.
    """

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}
        self._latest: Any = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        from tqdm import tqdm

        bar = self._bars.get(stage)
        if bar is None or bar.total != total:
            # What was done before a resume says nothing about the speed: hence `initial`.
            # disable=None means "unless it is a terminal".
            bar = tqdm(
                total=total, initial=done, desc=stage, leave=True, disable=None, bar_format=_BAR
            )
            self._bars[stage] = bar
        self._latest = bar
        bar.update(done - bar.n)
        if done >= total:
            bar.close()
            del self._bars[stage]

    def note(self, text: str) -> None:
        if self._latest is None or self._latest.disable:
            with suppress(OSError):  # what is said beside the work must not end it
                print(text, file=sys.stderr, flush=True)
        else:
            # The note knows the remaining time, and a line has no room for both.
            self._latest.bar_format = _BAR_WITH_NOTE
            self._latest.set_postfix_str(text)


def terminal() -> Progress:
    """Return a listener for the command line."""
    return silent if sys.stderr is None else Terminal()
