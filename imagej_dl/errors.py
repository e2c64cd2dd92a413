"""The one error and the one warning a user meets: the problem, its file and the remedy."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from imagej_dl.validation import in_words

if TYPE_CHECKING:
    from pydantic import ValidationError

_PACKAGE = str(Path(__file__).parent) + os.sep


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
        super().__init__(_message(problem, self.path, remedy))

    def at(self, path: str | os.PathLike[str] | None) -> UserError:
        """Return the same error about another file or folder, which the caller knows better."""
        return UserError(self.problem, path=path, remedy=self.remedy)

    @classmethod
    def of_validation(
        cls,
        error: ValidationError,
        known: Iterable[str] = (),
        whole: str = "values",
        *,
        prefix: str = "",
        path: str | os.PathLike[str] | None = None,
        remedy: str | None = None,
    ) -> UserError:
        """Return the error of declared values in words: which key, and what is wrong with it.

        Parameters
        ----------
        known, whole : as for :func:`imagej_dl.validation.in_words`.
        prefix : words before them, such as "is damaged: ".
        """
        return UserError(prefix + in_words(error, known, whole), path=path, remedy=remedy)


class NotEnoughMemory(UserError):
    """A program that works for us, such as TrackMate, ran out of its memory."""


class Cancelled(Exception):
    """The user stopped the work; what was finished before is kept."""


class Enough(Cancelled):
    """The user wants what there is now: a training ends as if it had reached its end."""


class DataWarning(UserWarning):
    """Something was left out or assumed; the work goes on. Shown as `warning: …`."""


def warn(
    text: str, *, path: str | os.PathLike[str] | None = None, remedy: str | None = None
) -> None:
    """Issue a :class:`DataWarning` that points at the line outside the package that led to it.

    Parameters
    ----------
    text : what was left out or assumed, in a few words, without a full stop.
    path : the file or folder it is about, named first in the message.
    remedy : what the user can do about it, as a sentence.
    """
    frame = _caller()
    warnings.warn_explicit(
        _message(text, None if path is None else os.fspath(path), remedy),
        DataWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__") or "<unknown>",
        frame.f_globals.setdefault("__warningregistry__", {}),
    )


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error, or its type where it has no words."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def one_line(error: BaseException) -> str:
    """Return all words of a library's error on one line, or its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _message(problem: str, path: str | None, remedy: str | None) -> str:
    text = problem if path is None else f"{path}: {problem}"
    return text if remedy is None else f"{text}. {remedy}"


def _caller() -> FrameType:
    """Return the innermost frame outside the package; the outermost where all lie in it.

    A context manager of the package is left through `contextlib`, which is no caller either.
    Python 3.12 has `skip_file_prefixes` for this; 3.11 does not.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and (
        frame.f_code.co_filename.startswith(_PACKAGE)
        or frame.f_code.co_filename == contextlib.__file__
    ):
        frame = frame.f_back
    return frame
