"""Warnings that many images or label maps would repeat, shortened to a few and a count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from imagej_dl import errors

GREYS = "images whose red, green and blue are the same"

_EACH = 3  # files of which the same warning is shown in full

_pending: ContextVar[dict[str, list[str]] | None] = ContextVar("pending", default=None)


@contextmanager
def gathered() -> Iterator[None]:
    """Collect the warnings of :func:`warn`; at the end show a few of each kind and count the rest.

    A warning that is repeated for the same file is shown once.
    """
    pending: dict[str, list[str]] = {}
    token = _pending.set(pending)
    try:
        yield
    finally:
        _pending.reset(token)
        for kind, all_words in pending.items():
            words = list(dict.fromkeys(all_words))
            for text in words[:_EACH]:
                errors.warn(text)
            if (more := len(words) - _EACH) > 0:
                errors.warn(f"{more} more {kind}")


def warn(kind: str, words: str) -> None:
    """Issue a DataWarning, at once or at the end of :func:`gathered`.

    Parameters
    ----------
    kind : of the files it is about, in the plural, such as "masks".
    words : the message.
    """
    pending = _pending.get()
    if pending is None:
        errors.warn(words)
    else:
        pending.setdefault(kind, []).append(words)
