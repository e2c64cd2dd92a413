"""Warnings that many images or label maps would repeat."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from imagej_dl.errors import DataWarning

GREYS = "images whose red, green and blue are the same"

_EACH = 3  # files of which the same is said in full

_said: ContextVar[dict[str, list[str]] | None] = ContextVar("said", default=None)


@contextmanager
def gathered() -> Iterator[None]:
    """Say of many files what they are a few times only, and then how many more there are.

    What is said of a file that is read several times is said once.
    """
    said: dict[str, list[str]] = {}
    token = _said.set(said)
    try:
        yield
    finally:
        _said.reset(token)
        for kind, all_words in said.items():
            words = list(dict.fromkeys(all_words))
            for text in words[:_EACH]:
                warnings.warn(text, DataWarning, stacklevel=4)
            if (more := len(words) - _EACH) > 0:
                warnings.warn(f"{more} more {kind}", DataWarning, stacklevel=4)


def warn(kind: str, words: str) -> None:
    """Give words as a DataWarning, now or when what gathers them ends.

    Parameters
    ----------
    kind : what they say a file is, in the plural, such as "masks".
    """
    said = _said.get()
    if said is None:
        warnings.warn(words, DataWarning, stacklevel=6)
    else:
        said.setdefault(kind, []).append(words)
