"""The folder of imagej-dl's update site: any web server hands it to Fiji's updater.

A file is named by its path in Fiji and the time of its version; earlier versions stay, and the
index knows them, so that the updater replaces them instead of calling them the user's.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imagej_dl._version import __version__
from imagej_dl.errors import UserError
from imagej_dl.fiji import compiled, gateway, jars, menu, scripts
from imagej_dl.fiji.updater import index
from imagej_dl.fiji.updater.checksums import checksum
from imagej_dl.fiji.updater.index import Record, Version
from imagej_dl.filesystem.atomic import atomic

_TIME = "%Y%m%d%H%M%S"
_DESCRIPTION = f"imagej-dl {__version__}: segmentation and tracking with TensorFlow."


@dataclass
class Built:
    """Outcome of a build; paths are those in Fiji.

    new : files that the site has not had; changed : of which it has a new version; same : left as
    they are; removed : that Fijis now lose.
    """

    folder: Path
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def build(folder: Path, front: bytes | None = None, appose: bytes | None = None) -> Built:
    """Make the folder of an update site of this version, or bring one up to date.

    Times of versions are those of SOURCE_DATE_EPOCH, if that is set, else of now, in UTC. What has
    not changed keeps its time: a build of the same changes nothing.

    Parameters
    ----------
    folder : a new or empty one, or a site that this function made.
    front, appose : jars of the compiled front and of Appose; by default the one is made, and the
        other fetched.

    Raises
    ------
    UserError : for a folder with other files, no Java, jars that cannot be had.
    """
    records = _before(folder)
    if front is None or appose is None:
        made = _jars()
        front, appose = front or made[0], appose or made[1]
    wanted = scripts.of_site() | {scripts.JAR: front, scripts.APPOSE: appose}
    when = _stamp(records)
    done = Built(folder)
    for path, data in wanted.items():
        record = records.setdefault(path, Record(path))
        _enter(record, path, data, when, done)
    for path, record in records.items():
        if path not in wanted and record.current is not None:
            record.replace(None, when)
            done.removed.append(path)
    # The updater installs all of a new version with the front, whichever clock a user's Fiji has.
    records[scripts.JAR].description = _DESCRIPTION
    records[scripts.JAR].needed = sorted(set(wanted) - {scripts.JAR})
    for path, data in wanted.items():
        record = records[path]
        place = folder / f"{path}-{_current(record).timestamp}"
        # A jar that was packed in another way is the same to the updater, and of another size.
        if not (path in done.same and place.is_file()):
            record.size = len(data)
            _put(place, data)
    # Last: nobody reads of a file that is not there yet.
    told = index.write(records.values())
    if not (folder / index.NAME).is_file() or (folder / index.NAME).read_bytes() != told:
        _put(folder / index.NAME, told)
    return done


def _before(folder: Path) -> dict[str, Record]:
    if (folder / index.NAME).is_file():
        return {record.path: record for record in index.read(folder / index.NAME)}
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            "is neither empty nor an update site",
            path=folder,
            remedy="Name a new folder, or one that `imagej-dl update-site` has made.",
        )
    return {}


def _enter(record: Record, path: str, data: bytes, when: int, done: Built) -> None:
    found = checksum(path, data)
    before = record.current
    if before is not None and before.checksum == found:
        done.same.append(path)
        return
    (done.changed if before is not None else done.new).append(path)
    record.replace(Version(when, found), when)


def _current(record: Record) -> Version:
    assert record.current is not None
    return record.current


def _stamp(records: dict[str, Record]) -> int:
    """Return the time of new versions: after those of all before, however the clock was set."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    now = datetime.fromtimestamp(seconds, UTC)
    versions = [v for r in records.values() for v in (*r.previous, r.current) if v is not None]
    times = [time for v in versions for time in (v.timestamp, v.obsolete)]
    if times:
        last = datetime.strptime(str(max(times)), _TIME).replace(tzinfo=UTC)
        now = max(now, last + timedelta(seconds=1))
    return int(now.strftime(_TIME))


def _put(path: Path, data: bytes) -> None:
    with atomic(path) as new:
        new.write_bytes(data)


def _jars() -> tuple[bytes, bytes]:
    """Compile the front with the libraries of an embedded ImageJ; return it, and Appose."""
    java = compiled.java()
    if java is None:
        raise UserError("no Java was found", remedy=jars.NO_JAVA)
    libraries = jars.of_imagej(gateway.EMBEDDED, [menu.APPOSE])
    appose = next(jar for jar in libraries if jar.name.startswith("appose-"))
    return compiled.front(libraries, java, __version__), appose.read_bytes()
