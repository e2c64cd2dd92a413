"""Scenes (series, positions) of files that hold several images: their choice and their names.

Microscopes call them scenes (.czi), images (.lif), XY positions (.nd2) or series (Bio-Formats).
They have axes, sizes and pixel types of their own, and are numbered from 1, as slices are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagej_dl.errors import UserError, warn

ALL = "all"
PATTERN = "^(all|[1-9][0-9]*)$"
"""The values of an option for scenes: all, or one by its number."""

_LONGEST = 60
# Names that libraries give to scenes without a name, counting from 0.
_INVENTED = re.compile(r"(?:image|scene|series|xypos):?(\d+)", re.IGNORECASE)
_BARE = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Scene:
    """One of the images of a file.

    Attributes
    ----------
    number : from 1, in the order of the file.
    name : as the file states it, or "".
    suffix : appended to the name of the file, such as "_R1"; "" for the only scene. The suffixes
        of a file are unique, and do not change while the file does not.
    """

    number: int
    name: str
    suffix: str


def raw_name(path: Path) -> str:
    """Return the name of a file's image: that of the file without .tif, .ome.tif and so on."""
    stem = path.stem
    return stem[: -len(".ome")] if stem.lower().endswith(".ome") and len(stem) > 4 else stem


def numbered(path: Path, names: Sequence[str]) -> list[Scene]:
    """Return the scenes of a file by the names that it states.

    A suffix is the name, in which "_" replaces characters that are unsafe in file names. If a name
    is missing or a bare number, or two are alike, all are preceded by their number: _scene1_R1,
    _scene2_R1 (_scene01 from ten on).
    """
    if len(names) < 2:
        return [Scene(1, names[0] if names else "", "")]
    digits = len(str(len(names)))
    numbers = [f"scene{i:0{digits}}" for i in range(1, len(names) + 1)]
    safe = [_safe(_own(path, name)) for name in names]
    if _counted(names, _INVENTED, 0) or _counted(safe, _BARE, 1):
        safe = numbers
    elif any(not name or name.isdigit() for name in safe) or _alike(safe):
        safe = ["_".join(filter(None, pair)) for pair in zip(numbers, safe, strict=True)]
    return [Scene(i, name, f"_{safe[i - 1]}") for i, name in enumerate(names, 1)]


def wanted(path: Path, file_scenes: list[Scene], which: str) -> list[Scene]:
    """Return all scenes of a file, or the one with a number; a single scene is always returned.

    Raises
    ------
    UserError : when the file has several scenes, but none with this number.

    Warns
    -----
    DataWarning : when a single scene is taken in place of one with another number.
    """
    if len(file_scenes) == 1 and which not in (ALL, "1"):
        warn(f"holds a single scene, which is taken in place of number {which}", path=path)
    if len(file_scenes) == 1 or which == ALL:
        return file_scenes
    return [file_scenes[index(path, [scene.name for scene in file_scenes], int(which))]]


def index(path: Path, names: Sequence[str], scene: int | None) -> int:
    """Return the index of a scene, given its number from 1; 0 for None.

    Raises
    ------
    UserError : when there is no scene with this number.

    Warns
    -----
    DataWarning : when no scene is named, and the file has several.
    """
    count = max(len(names), 1)
    if scene is None:
        if count > 1:
            first = f", {names[0]}," if names[0] else ""
            warn(
                f"holds {count} scenes{_listed(names)}, of which the first{first} is read; "
                "`imagej-dl prepare` makes an image of each, `imagej-dl predict --scenes all` "
                "predicts each",
                path=path,
            )
        return 0
    if not 1 <= scene <= count:
        raise UserError(
            f"has {count} scene{'s' if count > 1 else ''}{_listed(names)}, but number {scene} was "
            "requested",
            path=path,
        )
    return scene - 1


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2 or not all(names):
        return ""
    some = ", ".join(names[:3])
    return f" ({some})" if len(names) <= 3 else f" ({some} … {names[-1]})"


def _counted(names: Sequence[str], pattern: re.Pattern[str], start: int) -> bool:
    """Return True if the names only count the scenes."""
    matches = [pattern.fullmatch(name) for name in names]
    return all(m is not None and int(m[1]) == i for i, m in enumerate(matches, start))


def _alike(names: Sequence[str]) -> bool:
    """Return True if two names differ at most in upper and lower case."""
    return len({name.casefold() for name in names}) < len(names)


def _own(path: Path, name: str) -> str:
    """Remove the file's name, with which Bio-Formats begins the names of scenes."""
    stem = re.escape(raw_name(path))
    match = re.match(rf"{stem}(\.\w{{2,8}})*[\s#(_–-]+(?=\w)", name, re.IGNORECASE)
    return name[match.end() :] if match else name


def _safe(name: str) -> str:
    """Replace all characters but letters, digits, - and +, for a part of a file name."""
    kept = re.sub(r"[^\w+-]+", "_", unicodedata.normalize("NFC", name))[:_LONGEST]
    return re.sub("__+", "_", kept).strip("_")
