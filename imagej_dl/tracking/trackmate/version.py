"""The version of TrackMate that a file says it is of."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from imagej_dl.errors import warn

_NEWEST = 8


def check_version(root: ET.Element, path: Path) -> None:
    """Warn of a file of a newer TrackMate than is known here."""
    version = root.get("version", "")
    major = version.split(".")[0]
    if major.isascii() and major.isdigit() and int(major[:18]) > _NEWEST:
        warn(
            f"{path} was written by TrackMate {version}, which is newer than {_NEWEST}: it is"
            " read as if it were of that version"
        )
