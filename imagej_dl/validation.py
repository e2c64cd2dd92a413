"""The errors of declared values in words."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def in_words(error: ValidationError, known: Iterable[str] = (), whole: str = "values") -> str:
    """Return what is wrong with which key: "modle: unknown key, perhaps model; epochs: …".

    Parameters
    ----------
    known : the keys that there are. Of these the nearest is named for an unknown one: a list of
        all would hide it.
    whole : the name of what is no object at all.
    """
    return "; ".join(f"{key}: {words}" for key, words in listed(error, known, whole))


def listed(
    error: ValidationError, known: Iterable[str] = (), whole: str = "values"
) -> list[tuple[str, str]]:
    """Return what is wrong as pairs of a key and words; see :func:`in_words`."""
    parts = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or whole
        words = item["msg"]
        if item["type"] == "extra_forbidden":
            words = unknown(str(item["loc"][-1]), known)
        elif item["type"] == "missing":
            words = "must be given"
        elif item["type"] == "value_error":  # of a check of ours
            words = words.removeprefix("Value error, ")
            if not item["loc"] and ": " in words:
                key, words = words.split(": ", 1)
        parts.append((key, words))
    return parts


def unknown(key: str, known: Iterable[str]) -> str:
    """Return the words for an unknown key, with the one that is nearest where one is near."""
    near = get_close_matches(key, list(known), 1, 0.5)
    return f"unknown key, perhaps {near[0]}" if near else "unknown key"
