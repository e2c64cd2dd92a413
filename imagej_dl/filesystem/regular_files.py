"""What is opened to be read is a file: a named pipe would be waited for, a device never ends."""

from __future__ import annotations

import os
import stat

from imagej_dl.errors import UserError

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
)


def refuse_special(path: str | os.PathLike[str], *, folder: bool = False) -> None:
    """Raise UserError for what is there and is no file; a folder may be allowed.

    What is not there passes, so that whoever opens it says so.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    for is_kind, words in _KINDS:
        if is_kind(mode) and not (folder and stat.S_ISDIR(mode)):
            raise UserError(f"is {words}, not a file", path=path)
