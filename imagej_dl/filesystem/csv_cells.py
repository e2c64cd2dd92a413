"""Cells of tables that a spreadsheet takes for text, whatever a name in them begins with.

A spreadsheet runs a cell that begins with =, +, - or @ as a formula, and a name may come from a
stranger's file. Such text gets an apostrophe before it, as spreadsheets themselves mark text;
numbers stay as they are, and :func:`plain` takes it off again.
"""

from __future__ import annotations

import re
from typing import Any

_RUN = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_MARKED = re.compile(r"''*[=+\-@\t\r\n＝＋－＠]")


def safe(value: Any) -> Any:
    """Return what is written for a value; anything but text stays as it is."""
    if not isinstance(value, str) or not _RUN.match(value) or _is_number(value):
        return value
    return f"'{value}"


def plain(text: str) -> str:
    """Return the text that :func:`safe` was given."""
    return text[1:] if _MARKED.match(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isprintable() and "_" not in text
