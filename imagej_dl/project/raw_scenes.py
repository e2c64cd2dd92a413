"""The scenes of the files in Raw, each of which becomes an image to annotate, and their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.filesystem.names import folded
from imagej_dl.images.scenes import Scene, raw_name

_SLICE, _SCENE = r"_\d+", "_.+"


@dataclass(frozen=True)
class RawScene:
    """A file in Raw, or one of the scenes of a file with several, which becomes one image.

    Attributes
    ----------
    file, scene : number of the scene from 1; None where the file has one scene only.
    name : of the image; title : name of the scene in the file, or "".
    listed : the scenes of the file are known.
    """

    file: Path
    scene: int | None
    name: str
    title: str = ""
    listed: bool = True

    def __str__(self) -> str:
        if self.scene is None:
            return self.file.name
        title = f" ({self.title})" if self.title else ""
        return f"scene {self.scene}{title} of {self.file.name}"


def raw_scenes(files: Iterable[Path], existing: Iterable[str]) -> list[RawScene]:
    """Return the scenes of all files in Raw.

    If an image with the name of a file exists, it is the first scene of that file. A file that
    cannot be read counts as one scene; the error is raised when it is read.

    Parameters
    ----------
    existing : names of the images that exist.

    Raises
    ------
    UserError : when two would have the same name, ignoring case as some file systems do.
    """
    known = {folded(name) for name in existing}
    all_scenes: list[RawScene] = []
    first: dict[str, RawScene] = {}
    for file in files:
        all_scenes += _scenes_of_file(file, known)
    for part in all_scenes:
        other = first.setdefault(folded(part.name), part)
        if other is not part:
            raise UserError(
                f"holds two images named {part.name} ({other}, {part})",
                path=part.file.parent,
                remedy="Rename one of them.",
            )
    return all_scenes


def _scenes_of_file(file: Path, existing: set[str]) -> list[RawScene]:
    name = raw_name(file)
    try:
        state = file.stat()
        scenes = _scenes(file, state.st_mtime_ns, state.st_size)
    except (UserError, OSError):
        return [RawScene(file, None, name, listed=False)]
    if len(scenes) == 1:
        return [RawScene(file, None, name)]
    before = folded(name) in existing
    return [
        RawScene(file, s.number, name if before and s.number == 1 else name + s.suffix, s.name)
        for s in scenes
    ]


@lru_cache(maxsize=1024)
def _scenes(file: Path, *state: int) -> list[Scene]:
    """Return the scenes of a file; cached until its time or size changes."""
    return images.scenes_of(file)


def is_prepared(part: RawScene, others: Iterable[RawScene], names: Iterable[str]) -> bool:
    """Return True if a scene was prepared before: under its name, or as an image of each slice.

    Parameters
    ----------
    part, others : the scene, and all scenes in Raw.
    names : of the images that exist. NAME_0, NAME_1 … are slices of NAME, unless Raw has a file
        of that name. Fluffy's images are named after the file up to its first dot.
    """
    existing = {folded(name) for name in names}
    all_names = [folded(other.name) for other in others]
    name = folded(part.name)
    short = name.split(".")[0]
    alone = sum(other.split(".")[0] == short for other in all_names) == 1
    # The scenes of a file that cannot be read here may have been prepared elsewhere.
    behind = _SLICE if part.listed else _SCENE
    for base in {name, short} if alone and short else {name}:
        if base in existing:
            return True
        slices = {n for n in existing if re.fullmatch(re.escape(base) + behind, n)}
        if slices - set(all_names):
            return True
    return False
