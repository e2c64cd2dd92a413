"""Parsing TrackMate's XML safely, and the version that it says."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from xml.parsers import expat

from imagej_dl.errors import DataWarning, UserError

_NEWEST = 8


def check_version(root: ET.Element, path: Path) -> None:
    """Warn of a file of a newer TrackMate than is known here."""
    version = root.get("version", "")
    major = version.split(".")[0]
    if major.isdigit() and int(major) > _NEWEST:
        warnings.warn(
            f"{path} was written by TrackMate {version}, which is newer than {_NEWEST}: it is"
            " read as if it were of that version",
            DataWarning,
            stacklevel=3,
        )


def parse(path: Path) -> ET.Element:
    """Parse XML without a DOCTYPE: no entity is ever expanded and nothing outside is opened."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:
        raise UserError("holds a DOCTYPE, which no TrackMate file has", path=path)

    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
        return builder.close()
    except FileNotFoundError as error:
        raise UserError("there is no such file", path=path) from error
    except OSError as error:
        raise UserError(f"cannot be read ({error})", path=path) from error
    except (expat.ExpatError, ValueError) as error:
        raise UserError(
            f"is not whole XML ({error})", path=path, remedy="Save it again in TrackMate."
        ) from error
