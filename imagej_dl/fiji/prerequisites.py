"""The parts of a Fiji without which the commands do not work."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.version import Version

from imagej_dl.errors import UserError

NEEDED = {
    "appose": "Appose, which starts Python",
    "groovy": "Groovy, in which the commands are written",
}
"""Jars without which the scripts cannot work."""
_APPOSE = Version("0.8")
"""The first Appose that starts a Python which is named."""
_REMEDY = "Update Fiji (Help > Update...), or use `imagej-dl fiji` instead."


def check(home: Path) -> None:
    """Raise UserError for a Fiji folder that lacks a part, or has one that is too old."""
    for jar, what in NEEDED.items():
        if not any((home / "jars").glob(f"{jar}-[0-9]*.jar")):
            raise UserError(f"this Fiji has no {what}", path=home, remedy=_REMEDY)
    for path in (home / "jars").glob("appose-[0-9]*.jar"):
        found = re.match(r"appose-(\d+(?:\.\d+)*)", path.name)
        if found and Version(found[1]) < _APPOSE:
            raise UserError(
                f"is an Appose that is too old ({_APPOSE} or later is needed)",
                path=path,
                remedy=_REMEDY,
            )
