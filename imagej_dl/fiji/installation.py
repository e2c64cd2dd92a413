"""The commands in a Fiji that is started by a double click: scripts and macros put into its folder.

A list of what was put in, with checksums, lies beside it, so that exactly that is taken out again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from imagej_dl._version import __version__
from imagej_dl.errors import UserError, warn
from imagej_dl.fiji import compiled, gateway, prerequisites, scripts, set_up
from imagej_dl.fiji.scripts import MACROS, SCRIPTS
from imagej_dl.fiji.updater import followed
from imagej_dl.filesystem.atomic import atomic, load_json

MANIFEST = f"{SCRIPTS}/installed.json"
FRONT = f"{SCRIPTS}/front.jar"
"""The compiled front, without which the first command of each user has to wait for the compiler."""


@dataclass
class Outcome:
    """Outcome of an installation into a Fiji folder; paths are relative to `home`.

    written : put in, or brought up to date; same : there already; removed : taken out;
    kept : left alone, because the user wrote or changed them.
    """

    home: Path
    written: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def install(fiji: str | os.PathLike[str] | None = None) -> Outcome:
    """Put the commands and macros into a Fiji folder, or bring those there up to date.

    A file that the user wrote or changed is never replaced: it is kept, and a warning names it.

    Parameters
    ----------
    fiji : Fiji's folder (on macOS also its .app); None: that of FIJI_HOME.

    Raises
    ------
    UserError : for a folder that is no Fiji, a Fiji without Appose, one that has the commands from
        an update site, one that cannot be written to.

    Warns
    -----
    DataWarning : where this Python is one that Fiji's window installed, and may replace.
    """
    home = find(fiji)
    prerequisites.check(home)
    _refuse_site(home)
    if (made := set_up.around(sys.executable)) is not None:
        warn(
            f"was installed by {scripts.SET_UP} of a Fiji with the update site, and goes when that "
            "installs another one; then run this again with that one",
            path=made.folder,
        )
    before = manifest(home)
    ours: dict[str, list[str]] = before["files"]
    wanted = scripts.contents() | _front(home)
    # Told before it is done: whatever ends this halfway, it can be taken out.
    folders = [*before["folders"], *_missing_folders(home)]
    union = {path: [*ours.get(path, []), _sum(data)] for path, data in wanted.items()}
    _write_manifest(home, {**ours, **union}, folders)
    done = Outcome(home)
    now = {}
    for path, data in wanted.items():
        there = _read(home / path)
        if (
            there is not None
            and _sum(there) != _sum(data)
            and _sum(there) not in ours.get(path, [])
        ):
            done.kept.append(path)
            if path in ours:
                now[path] = ours[path]
            continue
        if there == data:
            done.same.append(path)
        else:
            with atomic(home / path) as new:
                new.write_bytes(data)
            done.written.append(path)
        now[path] = [_sum(data)]
    # What an earlier version put in and this one no longer has.
    _take_out(home, {path: sums for path, sums in ours.items() if path not in wanted}, done)
    _write_manifest(home, now, folders)
    _name(done)
    return done


def uninstall(fiji: str | os.PathLike[str] | None = None) -> Outcome:
    """Take out what :func:`install` put into a Fiji folder, and nothing else.

    Files that the user changed since are kept, and a warning names them; folders go when
    :func:`install` made them and they are empty.

    Raises
    ------
    UserError : when nothing is installed there, or it cannot be removed.
    """
    home = find(fiji)
    if not (home / MANIFEST).is_file():
        site = followed.site(home)
        raise UserError(
            "imagej-dl is not installed in this Fiji"
            + ("" if site is None else f" by `imagej-dl install`, but from {site}"),
            path=home,
            remedy=None
            if site is None
            else "Deactivate the site (Help > Update... > Manage Update Sites), and apply.",
        )
    before = manifest(home)
    done = Outcome(home)
    _take_out(home, before["files"], done)
    _remove(home / MANIFEST)
    for folder in sorted(before["folders"], key=len, reverse=True):
        place = home / folder
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
    _name(done)
    return done


def find(fiji: str | os.PathLike[str] | None) -> Path:
    """Return the folder that holds Fiji's `jars`; UserError where the name is not one's."""
    kind, home = gateway.choose(None if fiji is None else os.fspath(fiji))
    if kind != "folder":
        raise UserError(
            f"{home} is not a Fiji folder", remedy="Name the folder that holds Fiji's launcher."
        )
    return Path(home).resolve()


def _refuse_site(home: Path) -> None:
    """Of two ways in one Fiji each would take the other's files for changed ones."""
    site = followed.site(home)
    # Where both are already, this one is brought up to date; doctor says what is wrong.
    if site is None or (home / MANIFEST).is_file():
        return
    raise UserError(
        f"this Fiji has the commands from {site}",
        path=home,
        remedy="There is nothing to install. For a Python of your own choice use the command "
        f"{scripts.SET_UP}, or deactivate the site (Help > Update... > Manage Update Sites), "
        "restart Fiji, and run this again.",
    )


def _front(home: Path) -> dict[str, bytes]:
    """Compile the front with the Fiji's own Groovy; empty where that fails.

    Then Fiji compiles it itself, at the first command.
    """
    java = compiled.java(home)
    if java is None:
        return {}
    try:
        return {FRONT: compiled.front([home / "jars" / "*"], java)}
    except UserError:
        return {}


def _missing_folders(home: Path) -> list[str]:
    missing = []
    for folder in (SCRIPTS, MACROS):
        parts = PurePosixPath(folder).parts
        paths = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        missing += [path for path in paths if not (home / path).exists() and path not in missing]
    return missing


def manifest(home: Path) -> dict[str, Any]:
    """Read what :func:`install` put into a Fiji, with which version and Python.

    Raises
    ------
    UserError : for a list that was changed since.
    """
    path = home / MANIFEST
    if not path.is_file():
        return {"files": {}, "folders": []}
    found = load_json(path)
    try:
        listed = [*found["files"], *found["folders"]]
        sound = all(".." not in PurePosixPath(name).parts for name in listed) and all(
            name.startswith((SCRIPTS + "/", MACROS + "/")) for name in found["files"]
        )
    except (TypeError, KeyError, AttributeError):
        sound = False
    if not sound:
        raise UserError(
            "was changed since imagej-dl wrote it, so what was installed is unknown",
            path=path,
            remedy="Delete it, and the scripts and macros of imagej-dl beside it by hand.",
        )
    return found


def _write_manifest(home: Path, files: dict[str, list[str]], folders: list[str]) -> None:
    entry = {"version": __version__, "python": sys.executable, "files": files}
    with atomic(home / MANIFEST) as new:
        text = json.dumps({**entry, "folders": list(dict.fromkeys(folders))}, indent=1)
        new.write_text(text, encoding="utf-8")


def _take_out(home: Path, files: dict[str, list[str]], done: Outcome) -> None:
    for path, sums in files.items():
        there = _read(home / path)
        if there is None:
            continue
        if _sum(there) in sums:
            _remove(home / path)
            done.removed.append(path)
        else:
            done.kept.append(path)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path=path) from error


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise UserError(
            f"cannot be removed ({error.strerror})",
            path=path,
            remedy="Close Fiji, and check that you have write permission for its folder.",
        ) from error


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _name(done: Outcome) -> None:
    for path in done.kept:
        warn("was changed since imagej-dl wrote it, and is kept", path=done.home / path)
