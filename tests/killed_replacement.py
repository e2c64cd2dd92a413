"""A write killed before one of its renames, in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable


def killed_at(rename: int, write: Callable[[], None]) -> None:
    """Call `write` in a child that dies, without a word to anyone, before its nth `os.replace`."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    real, count = os.replace, 0

    def killed(source: object, target: object) -> None:
        nonlocal count
        count += 1
        if count == rename:
            os._exit(9)
        real(source, target)  # type: ignore[arg-type]

    os.replace = killed  # type: ignore[assignment]
    write()
    os._exit(0)
