"""The one error a user meets: what is wrong, in which file, and the remedy."""

from __future__ import annotations

import os


class UserError(Exception):
    """Bad input or a missing part of the machine; the command line ends with exit code 2.

    Parameters
    ----------
    problem : what is wrong, in a few words, without a full stop.
    path : the file or folder it is about, named first in the message.
    remedy : what the user can do about it, as a sentence.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: str | os.PathLike[str] | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem = problem
        self.path = None if path is None else os.fspath(path)
        self.remedy = remedy
        text = problem if self.path is None else f"{self.path}: {problem}"
        super().__init__(text if remedy is None else f"{text}. {remedy}")


class NotEnoughMemory(UserError):
    """A program that works for us, such as TrackMate, ran out of its memory."""


class Cancelled(Exception):
    """The user stopped the work; what was finished before is kept."""


class Enough(Cancelled):
    """The user wants what there is now: a training ends as if it had reached its end."""


class DataWarning(UserWarning):
    """Something was left out or assumed; the work goes on. Shown as `warning: …`."""
