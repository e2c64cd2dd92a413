"""The encoding in which Java takes the names of files: it asks the locale, once, at its start."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def in_unicode() -> Iterator[None]:
    """Start Java within it: names of files are UTF-8, as in Python, also where LANG is C."""
    # What the locale says of itself: Python's own encoding may be UTF-8 whatever it is.
    if sys.platform != "linux" or "UTF-8" in _coding(""):
        yield
        return
    known = [name for name in ("C.UTF-8", "en_US.UTF-8") if _coding(name)]
    before = os.environ.get("LC_ALL")
    if known:
        os.environ["LC_ALL"] = known[0]
    try:
        yield
    finally:
        if before is not None:
            os.environ["LC_ALL"] = before
        elif known:
            del os.environ["LC_ALL"]


def _coding(name: str) -> str:
    """Return the encoding of a locale, "" of one that this machine has not."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
        return str(locale.nl_langinfo(locale.CODESET)).upper()
    except locale.Error:
        return ""
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
