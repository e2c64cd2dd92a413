"""From Raw to Labeling: the images to draw on, all at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import refuse_existing
from imagej_dl.filesystem.containment import contained
from imagej_dl.filesystem.names import find, need, visible
from imagej_dl.images.imagej_dtypes import storable
from imagej_dl.images.scenes import index
from imagej_dl.images.tiff.ome_series import COMPANION
from imagej_dl.progress import Progress, silent
from imagej_dl.project.folders import roiset
from imagej_dl.project.raw_images import ALL, WHOLE, image_files, raw_files, read_raw, store, taken
from imagej_dl.project.raw_scenes import Part, parts_of


@dataclass(frozen=True)
class Prepared:
    """An image to draw on, what it is of, and whether it was there already and is kept."""

    image: Path
    part: Part
    kept: bool

    @property
    def source(self) -> Path:
        """The file that the image is of."""
        return self.part.file


@contained
def prepare_all(
    path: str | os.PathLike[str],
    slices: str = WHOLE,
    *,
    scenes: str = ALL,
    axes: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    made: Callable[[Prepared], None] = lambda item: None,
) -> list[Prepared]:
    """Make Labeling/NAME/images/NAME.tif of each image in a project's Raw folder.

    Parameters
    ----------
    path : the project.
    slices : what to take of a stack, see :func:`imagej_dl.project.raw_images.taken`; with "all" the
        images are NAME_1, NAME_2 … (NAME_01 … from ten on).
    scenes : of files with several, "all" or one by its number from 1; their images are called
        NAME_SCENE, see :func:`imagej_dl.images.scenes.numbered`.
    axes : of the files, where they say them wrong.
    overwrite : whether images that are there are made anew; otherwise they are kept.
    progress : stage "prepare", in files and scenes.
    made : is told of each image once it is there.

    Returns
    -------
    the images, in the order of the files.

    Raises
    ------
    UserError : when it is no project, Raw holds no image, two images would have one name, a file
        has several scenes but not the one asked for, or some cannot be read: these are named
        after the others have been made.

    Warns
    -----
    DataWarning : for axes that a file does not state, files of other kinds, and images made anew
        under ROIs that were drawn on them.
    """
    path = Path(path)
    raw = path / "Raw"
    if not raw.is_dir():
        raise UserError(
            "there is no such folder" if not path.exists() else "has no folder Raw",
            path=path,
            remedy="Name a project that `imagej-dl new` has made.",
        )
    files = raw_files(raw)
    if not files:
        raise UserError("holds no image", path=raw, remedy="Put the images of the project there.")
    labeling = path / "Labeling"
    parts = parts_of(files, _there(labeling))
    chosen = _chosen(parts, scenes)
    _name_others(raw, image_files(raw))
    found: list[Prepared] = []
    failed: list[UserError] = []
    for done, part in enumerate(chosen):
        progress("prepare", done, len(chosen))
        try:
            new = _prepare(path, part, slices, axes, overwrite, {p.name for p in parts})
        except UserError as error:
            if error.path != str(part.file):  # what cannot be written ends it all
                raise
            failed.append(error)
            continue
        found += new
        for item in new:
            made(item)
    progress("prepare", len(chosen), len(chosen))
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(chosen)} images could not be made: "
            + "; ".join(map(str, failed)),
            path=raw,
        )
    return found


def _there(labeling: Path) -> list[str]:
    return [p.name for p in labeling.iterdir() if p.is_dir()] if labeling.is_dir() else []


def _chosen(parts: list[Part], scenes: str) -> list[Part]:
    """Leave out the scenes that are not asked for; a file of one is never left out."""
    if scenes == ALL:
        return parts
    for file, several in groupby(parts, lambda part: part.file):
        names = [part.title for part in several if part.scene]
        if names:
            index(file, names, int(scenes))
    return [part for part in parts if part.scene in (None, int(scenes))]


def _prepare(
    path: Path, part: Part, slices: str, axes: str | None, overwrite: bool, names: set[str]
) -> list[Prepared]:
    file, name = part.file, part.name
    if slices != ALL:
        target = _place(path, name)
        need([target], file)
        if target.exists() and not overwrite:
            return [Prepared(target, part, True)]
        _check_rois(target)
        if slices == WHOLE:
            as_is = axes is None and part.scene is None
            store(read_raw(file, axes, part.scene), file, target, as_is=as_is, overwrite=overwrite)
            return [Prepared(target, part, False)]
    planes = taken(read_raw(file, axes, part.scene), slices, file)
    # Fluffy counts from 0: its slices go on as they are called.
    fluffy = f"{name}_0" not in names and _place(path, f"{name}_0").exists()
    digits = 1 if fluffy else len(str(len(planes)))
    made = []
    for number, plane in enumerate(planes, 1):
        called = name if len(planes) == 1 else f"{name}_{number - fluffy:0{digits}}"
        if called != name and called in names:
            raise UserError(
                f"slice {number} of it would be called {called}, as another image is",
                path=file,
                remedy="Rename one of them.",
            )
        target = _place(path, called)
        need([target], file)
        if target.exists() and not overwrite:
            made.append(Prepared(target, part, True))
            continue
        refuse_existing(target, overwrite)
        _check_rois(target)
        images.write(storable(plane, file), target, overwrite=overwrite)
        made.append(Prepared(target, part, False))
    return made


def _place(path: Path, name: str) -> Path:
    return find(find(path / "Labeling", name) / "images", f"{name}.tif")


def _check_rois(target: Path) -> None:
    if target.exists() and (drawn := roiset(target.parent.parent)):
        warn(f"is made anew, and {drawn} was drawn on the one before", path=target)


def _name_others(raw: Path, files: list[Path]) -> None:
    others = [p.name for p in visible(raw) if p not in files and not p.name.endswith(COMPANION)]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        warn(f"left out, being no images that are known: {', '.join(others[:5])}{more}", path=raw)
