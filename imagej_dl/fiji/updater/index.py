"""The index of an update site, `db.xml.gz`: each file's versions, as Fiji's updater reads them.

A Fiji keeps an index of the same format, which names the sites that it follows besides.
"""

from __future__ import annotations

import gzip
import re
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.filesystem import safe_xml

NAME = "db.xml.gz"
_LARGEST = 500 * 2**20
_DOCTYPE = re.compile(rb"<!DOCTYPE pluginRecords \[(?:(?!<!ENTITY)[^\]])*\]>")


@dataclass(frozen=True)
class Version:
    """A version of a file.

    timestamp : when it was put there, a number YYYYMMDDhhmmss; part of the name on the server.
    obsolete : when another took its place; 0: not known.
    """

    timestamp: int
    checksum: str
    obsolete: int = 0


@dataclass
class Record:
    """A file of the site, named by its path from Fiji's folder, and its history.

    current : None when the site has it no more; size : in bytes.
    needed : files that the updater installs with this one.
    """

    path: str
    current: Version | None = None
    size: int = 0
    previous: list[Version] = field(default_factory=list)
    description: str = ""
    needed: list[str] = field(default_factory=list)

    def replace(self, new: Version | None, when: int) -> None:
        """Put a version in the current one's place, which becomes a previous one."""
        if self.current is not None:
            old = Version(self.current.timestamp, self.current.checksum, when)
            self.previous.append(old)
        self.current = new


def tree(path: Path) -> ET.Element:
    """Read an index, a site's or a Fiji's.

    Raises
    ------
    UserError : for what is not there, or is no index.
    """
    remedy = "Take it from a backup; Fiji's own is made anew by Help > Update..."
    try:
        with gzip.open(path) as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise UserError("there is no such file", path=path) from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot be read ({error})", path=path, remedy=remedy) from error
    if len(data) > _LARGEST:
        raise UserError("is too large for an index of an update site", path=path, remedy=remedy)
    # The updater's own document type: element names, and no entities.
    root = safe_xml.parse_data(_DOCTYPE.sub(b"", data, count=1), path, remedy)
    if root.tag != "pluginRecords":
        raise UserError("is not an index of an update site", path=path, remedy=remedy)
    return root


def read(path: Path) -> list[Record]:
    """Read the records of a site's index; UserError for what is none."""
    try:
        return [_record(element) for element in tree(path).iter("plugin")]
    except (KeyError, ValueError) as error:
        raise UserError(f"is not an index of an update site ({error})", path=path) from error


def write(records: Iterable[Record]) -> bytes:
    """Return the index of records; the same for the same ones."""
    root = ET.Element("pluginRecords")
    for record in sorted(records, key=lambda record: record.path):
        _add(root, record)
    ET.indent(root)
    text = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return gzip.compress(text + b"\n", mtime=0)


def _record(element: ET.Element) -> Record:
    record = Record(element.attrib["filename"])
    record.previous = [_version(old) for old in element.iter("previous-version")]
    version = element.find("version")
    if version is not None:
        record.current = _version(version)
        record.size = int(version.attrib["filesize"])
        record.description = version.findtext("description", "")
        record.needed = [other.attrib["filename"] for other in version.iter("dependency")]
    return record


def _version(element: ET.Element) -> Version:
    said = element.attrib
    obsolete = int(said.get("timestamp-obsolete", 0))
    return Version(int(said["timestamp"]), said["checksum"], obsolete)


def _add(root: ET.Element, record: Record) -> None:
    element = ET.SubElement(root, "plugin", filename=record.path)
    if record.current is not None:
        current = ET.SubElement(element, "version", _told(record.current))
        current.set("filesize", str(record.size))
        if record.description:
            ET.SubElement(current, "description").text = record.description
        for path in record.needed:
            ET.SubElement(current, "dependency", filename=path, timestamp="0")
    for old in record.previous:
        told = _told(old) | {"timestamp-obsolete": str(old.obsolete)}
        ET.SubElement(element, "previous-version", told)


def _told(version: Version) -> dict[str, str]:
    return {"checksum": version.checksum, "timestamp": str(version.timestamp)}
