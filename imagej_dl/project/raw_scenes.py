"""What files of Raw become: one image each, or one of each scene, and what these are called."""

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
class Part:
    """What becomes one image: a file of Raw, or one of the scenes of a file with several.

    Attributes
    ----------
    file, scene : the scene by its number from 1; None where the file has but one.
    name : what its image is called; title : what the file calls the scene, "" where nothing.
    listed : whether it is known what scenes the file has.
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


def parts_of(files: Iterable[Path], there: Iterable[str]) -> list[Part]:
    """Return the images that files of Raw become, all scenes of each.

    A file of several scenes whose first was made before under the name of the file (`there` are
    the names of the images that are there) goes on so. A file that cannot be read is one image;
    who reads it is told.

    Raises
    ------
    UserError : when two would have one name; some file systems do not tell capitals.
    """
    known = {folded(name) for name in there}
    found: list[Part] = []
    first: dict[str, Part] = {}
    for file in files:
        found += _parts(file, known)
    for part in found:
        other = first.setdefault(folded(part.name), part)
        if other is not part:
            raise UserError(
                f"holds two images of the name {part.name} ({other}, {part})",
                path=part.file.parent,
                remedy="Rename one of them.",
            )
    return found


def _parts(file: Path, there: set[str]) -> list[Part]:
    name = raw_name(file)
    try:
        state = file.stat()
        scenes = _scenes(file, state.st_mtime_ns, state.st_size)
    except (UserError, OSError):
        return [Part(file, None, name, listed=False)]
    if len(scenes) == 1:
        return [Part(file, None, name)]
    before = folded(name) in there
    return [
        Part(file, s.number, name if before and s.number == 1 else name + s.suffix, s.name)
        for s in scenes
    ]


@lru_cache(maxsize=1024)
def _scenes(file: Path, *state: int) -> list[Scene]:
    """Remember the scenes of a file for as long as it stays as it is."""
    return images.scenes_of(file)


def made_of(part: Part, others: Iterable[Part], names: Iterable[str]) -> bool:
    """Say whether images were made of a part before: under its name, or of each of its slices.

    Parameters
    ----------
    part, others : one of those of Raw, and all of them.
    names : of the images that are there. NAME_0, NAME_1 … are slices of NAME, unless Raw has a
        file of that name. Fluffy's images are called as the file up to its first dot.
    """
    there = {folded(name) for name in names}
    all_names = [folded(other.name) for other in others]
    name = folded(part.name)
    short = name.split(".")[0]
    alone = sum(other.split(".")[0] == short for other in all_names) == 1
    # Of a file that cannot be read here the scenes may have been made elsewhere.
    behind = _SLICE if part.listed else _SCENE
    for base in {name, short} if alone and short else {name}:
        if base in there:
            return True
        slices = {n for n in there if re.fullmatch(re.escape(base) + behind, n)}
        if slices - set(all_names):
            return True
    return False
