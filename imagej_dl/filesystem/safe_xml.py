"""XML from untrusted files: no entity is expanded, no other file is opened."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

from imagej_dl.errors import UserError
from imagej_dl.filesystem.regular_files import refuse_special


def parse(path: Path, remedy: str | None = None) -> ET.Element:
    """Parse an XML file.

    Parameters
    ----------
    remedy : what the user can do about a file that is truncated or no XML.

    Raises
    ------
    UserError : when the file is missing, is not well-formed XML, or has a document type
        (DOCTYPE), whose entities may grow without bound or name other files.
    """
    refuse_special(path)
    try:
        with path.open("rb") as file:
            return _built(file, path, remedy)
    except FileNotFoundError as error:
        raise UserError("there is no such file", path=path) from error
    except OSError as error:
        raise UserError(f"cannot be read ({error})", path=path) from error


def parse_data(data: bytes, path: Path, remedy: str | None = None) -> ET.Element:
    """Parse XML that is in memory, as :func:`parse` does; `path` is the file that it came from."""
    return _built(io.BytesIO(data), path, remedy)


def check(text: str, path: Path, remedy: str | None = None) -> None:
    """Raise UserError if a text is XML with a document type; what follows it is not parsed.

    Only before the first element may there be one. After this check any parser may be given the
    text; what is no XML passes.

    Parameters
    ----------
    path, remedy : the file that the text is of, and what the user can do about it.
    """
    parser = _parser(path, remedy)
    parser.StartElementHandler = _stop
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, _Passed, ValueError, LookupError):
        return


def _built(file: IO[bytes], path: Path, remedy: str | None) -> ET.Element:
    builder = ET.TreeBuilder()
    parser = _parser(path)
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.ParseFile(file)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError) as error:  # of an encoding
        raise UserError(f"is not well-formed XML ({error})", path=path, remedy=remedy) from error


class _Passed(Exception):
    """Raised at the first element, when no document type came before it."""


def _stop(*_: Any) -> None:
    raise _Passed


def _parser(path: Path, remedy: str | None = None) -> expat.XMLParserType:
    def refuse(*_: Any) -> None:
        raise UserError(
            "has XML with a document type (DOCTYPE), whose entities may grow without bound",
            path=path,
            remedy=remedy,
        )

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    return parser
