"""Findings of the Python of commands that came from an update site, for `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.fiji import installation, scripts, set_up
from imagej_dl.fiji.set_up import SetUp
from imagej_dl.fiji.updater import followed

_RUN = f"run {scripts.SET_UP} in Fiji"
_PROCESSORS = {"cpu": "the processor", "cuda": "the NVIDIA GPU"}


def found(home: Path | None) -> Iterator[tuple[bool, str]]:
    """Yield of each environment whether it works, and what it is, or the remedy.

    Parameters
    ----------
    home : the Fiji folder whose commands are to use one; None: environments are looked for, and
        compared with no commands.
    """
    try:
        named = set_up.settings(home).get("python")
        folders = set_up.folders(home)
    except UserError as error:
        yield False, str(error)
        return
    site = None if home is None else followed.site(home)
    front = site.version if site is not None else None
    installed = home is not None and (home / installation.MANIFEST).is_file()
    asks = site is not None and not installed
    # Of a Fiji with the commands in both ways either set of scripts may be what runs.
    tells = home is not None and not (site is not None and installed)
    if named is not None:
        yield _named(Path(named), front)
    ready = named is not None
    for folder in folders:
        one = set_up.read(folder)
        if not one.begun:
            continue
        right, words = _of(one, front)
        used = asks and right and not ready
        ready |= used
        use = "; this Fiji uses it" if used else "; this Fiji does not use it"
        yield right, words + (use if tells and right else "")
    if asks and not ready and not any(set_up.read(folder).begun for folder in folders):
        yield False, f"none yet: the first command in Fiji installs one into {folders[0]}"


def _of(one: SetUp, front: str | None) -> tuple[bool, str]:
    """Look at an environment; `front` is the version of the commands, None for any."""
    if one.python is None:
        return False, (
            f"{one.folder} is half made. If no Fiji is installing just now, {_RUN}: it goes on "
            "from what is there; or delete the folder"
        )
    if not one.python.is_file():
        return False, f"{one.python} is not there any more: {_RUN}, which makes it anew"
    if front is not None and one.version != front:
        return False, (
            f"{one.folder} has imagej-dl {one.version}, and this Fiji's commands are of {front}: "
            f"look for newer ones with Help > Update..., then {_RUN}, which changes the "
            "environment to their version"
        )
    version = set_up.version_in(one.python)
    if version != one.version:
        what = "does not start" if version is None else f"is of version {version}"
        return False, (
            f"{one.folder} was made with imagej-dl {one.version}, which {what}: {_RUN}, and press "
            "Install again"
        )
    processor = _PROCESSORS.get(one.processor, one.processor)
    return True, f"imagej-dl {version} for {processor}, in {one.folder}"


def _named(python: Path, front: str | None) -> tuple[bool, str]:
    """Look at a Python that the settings name."""
    other = f"{_RUN}, and name another one, or none, under Other ways..."
    if not python.is_file():
        return False, f"{python}, which Fiji is set to use, is not there any more: {other}"
    version = set_up.version_in(python)
    if version is None:
        return False, (
            f"{python}, which Fiji is set to use, has no imagej-dl, or does not start: {other}"
        )
    if front is not None and version != front:
        return False, (
            f"{python}, which Fiji is set to use, has imagej-dl {version}, and this Fiji's "
            f"commands are of {front}: {python} -m pip install imagej-dl=={front}"
        )
    return True, f"imagej-dl {version}, with {python}, which Fiji is set to use"
