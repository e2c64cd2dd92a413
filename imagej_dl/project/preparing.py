"""Making of the images to annotate in Labeling, of all images in Raw."""

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
from imagej_dl.project.raw_images import (
    ALL,
    WHOLE,
    all_raw_files,
    raw_files,
    read_raw,
    select_slices,
    store,
)
from imagej_dl.project.raw_scenes import RawScene, raw_scenes


@dataclass(frozen=True)
class Prepared:
    """An image to annotate, its source, and whether it existed and was kept."""

    image: Path
    part: RawScene
    kept: bool

    @property
    def source(self) -> Path:
        """The file that the image was made of."""
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
    slices : which slices of a stack, see
        :func:`imagej_dl.project.raw_images.select_slices`; with "all" the
        images are NAME_1, NAME_2 … (NAME_01 … from ten on).
    scenes : of files with several, "all" or a number from 1; their images are called
        NAME_SCENE, see :func:`imagej_dl.images.scenes.numbered`.
    axes : of the files, where they state them wrongly.
    overwrite : make images anew that exist; otherwise they are kept.
    progress : stage "prepare", in files and scenes.
    made : called with each image once it is there.

    Returns
    -------
    images in the order of the files.

    Raises
    ------
    UserError : when it is no project, Raw holds no image, two images would have the same name, a
        file lacks the scene, or some files cannot be read: these are named after the others have
        been made.

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
            remedy="Name a project that was created by `imagej-dl new`.",
        )
    files = raw_files(raw)
    if not files:
        raise UserError("holds no image", path=raw, remedy="Put the images of the project there.")
    labeling = path / "Labeling"
    parts = raw_scenes(files, _there(labeling))
    chosen = _chosen(parts, scenes)
    _name_others(raw, all_raw_files(raw))
    prepared: list[Prepared] = []
    failed: list[UserError] = []
    for done, part in enumerate(chosen):
        progress("prepare", done, len(chosen))
        try:
            new = _prepare(path, part, slices, axes, overwrite, {p.name for p in parts})
        except UserError as error:
            if error.path != str(part.file):  # an error of writing ends the run
                raise
            failed.append(error)
            continue
        prepared += new
        for item in new:
            made(item)
    progress("prepare", len(chosen), len(chosen))
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(chosen)} images could not be prepared: "
            + "; ".join(map(str, failed)),
            path=raw,
        )
    return prepared


def _there(labeling: Path) -> list[str]:
    return [p.name for p in labeling.iterdir() if p.is_dir()] if labeling.is_dir() else []


def _chosen(parts: list[RawScene], scenes: str) -> list[RawScene]:
    """Return the scenes with a number, and those of files with a single one."""
    if scenes == ALL:
        return parts
    for file, several in groupby(parts, lambda part: part.file):
        names = [part.title for part in several if part.scene]
        if names:
            index(file, names, int(scenes))
    return [part for part in parts if part.scene in (None, int(scenes))]


def _prepare(
    path: Path, part: RawScene, slices: str, axes: str | None, overwrite: bool, names: set[str]
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
    planes = select_slices(read_raw(file, axes, part.scene), slices, file)
    # Fluffy counts slices from 0: its names are continued.
    fluffy = f"{name}_0" not in names and _place(path, f"{name}_0").exists()
    digits = 1 if fluffy else len(str(len(planes)))
    made = []
    for number, plane in enumerate(planes, 1):
        called = name if len(planes) == 1 else f"{name}_{number - fluffy:0{digits}}"
        if called != name and called in names:
            raise UserError(
                f"its slice {number} would be called {called}, which is the name of another image",
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
        warn(f"was replaced, but {drawn} was drawn on the previous image", path=target)


def _name_others(raw: Path, files: list[Path]) -> None:
    others = [p.name for p in visible(raw) if p not in files and not p.name.endswith(COMPANION)]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        warn(f"left out, their formats being unsupported: {', '.join(others[:5])}{more}", path=raw)
