"""Archives of artefacts: nothing in them names the machine, its user or one of its paths."""

from __future__ import annotations

import getpass
import io
import json
import os
import socket
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOST = socket.gethostname()


def clean(folder: Path) -> None:
    """Refuse what names the machine, its user or one of its paths."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            for part, data in _parts(path.name, path.read_bytes()):
                for word in _secrets():
                    if word in data:
                        raise SystemExit(f"{path.relative_to(folder)}: {part} holds {word!r}")


def _secrets() -> set[bytes]:
    words = {f'"{HOST}"', f",{HOST} ", str(Path.home()), str(REPOSITORY), sys.prefix}
    words |= {tempfile.gettempdir() + os.sep, os.sep + getpass.getuser() + os.sep}
    return {word.encode() for word in words if len(word) > 3}


def _parts(name: str, data: bytes) -> list[tuple[str, bytes]]:
    """Return a file's content, and that of the archives in it, as they were before packing."""
    if not data.startswith(b"PK"):
        return [(name, data)]
    found = [(name, data)]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for inner in archive.namelist():
            found += _parts(f"{name}/{inner}", archive.read(inner))
    return found


def pack(folder: Path, target: Path) -> None:
    """Pack a folder in order; the files' times are apart, since archives round them.

    The state of corrections knows the times of images.
    """
    times = {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in sorted((folder / "project").rglob("*"))
        if path.is_file()
    }
    (folder / "times.json").write_text(json.dumps(times, indent=1))
    with tarfile.open(target, "w:xz", preset=9) as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime = 0, 0, "", "", 0
    return entry
