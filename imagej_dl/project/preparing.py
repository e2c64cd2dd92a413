"""From Raw to Labeling: the images to draw on, all at once."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.files import refuse_existing
from imagej_dl.images.storable import storable
from imagej_dl.progress import Progress, silent
from imagej_dl.project.folders import roiset
from imagej_dl.project.raw import ALL, WHOLE, raw_files, raw_name, read_raw, store, taken
from imagej_dl.project.sheets import refuse_twins


@dataclass(frozen=True)
class Prepared:
    """An image to draw on, the file it is of, and whether it was there already and is kept."""

    image: Path
    source: Path
    kept: bool


def prepare_all(
    path: str | os.PathLike[str],
    slices: str = WHOLE,
    *,
    axes: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[Prepared]:
    """Make Labeling/NAME/images/NAME.tif of each image in a project's Raw folder.

    Parameters
    ----------
    path : the project.
    slices : what to take of a stack, see :func:`imagej_dl.project.raw.taken`; with "all" the
        images are NAME_1, NAME_2 … (NAME_01 … from ten on).
    axes : of the files, where they say them wrong.
    overwrite : whether images that are there are made anew; otherwise they are kept.
    progress : stage "prepare", in files.

    Returns
    -------
    the images, in the order of the files.

    Raises
    ------
    UserError : when it is no project, Raw holds no image, two images would have one name, or one
        cannot be read.

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
    refuse_twins(files, raw)
    _name_others(raw, files)
    found: list[Prepared] = []
    for done, file in enumerate(files):
        progress("prepare", done, len(files))
        found += _prepare(path, file, slices, axes, overwrite, {raw_name(f) for f in files})
    progress("prepare", len(files), len(files))
    return found


def _prepare(
    path: Path, file: Path, slices: str, axes: str | None, overwrite: bool, names: set[str]
) -> list[Prepared]:
    name = raw_name(file)
    if slices != ALL:
        target = _place(path, name)
        if target.exists() and not overwrite:
            return [Prepared(target, file, True)]
        _check_rois(target)
        if slices == WHOLE:
            store(file, target, axes, overwrite)
            return [Prepared(target, file, False)]
    parts = taken(read_raw(file, axes), slices, file)
    # Fluffy counts from 0: its slices go on as they are called.
    fluffy = f"{name}_0" not in names and _place(path, f"{name}_0").exists()
    digits = 1 if fluffy else len(str(len(parts)))
    made = []
    for number, part in enumerate(parts, 1):
        called = name if len(parts) == 1 else f"{name}_{number - fluffy:0{digits}}"
        if called != name and called in names:
            raise UserError(
                f"slice {number} of it would be called {called}, as another image is",
                path=file,
                remedy="Rename one of them.",
            )
        target = _place(path, called)
        if target.exists() and not overwrite:
            made.append(Prepared(target, file, True))
            continue
        refuse_existing(target, overwrite)
        _check_rois(target)
        images.write(storable(part, file), target, overwrite=overwrite)
        made.append(Prepared(target, file, False))
    return made


def _place(path: Path, name: str) -> Path:
    return path / "Labeling" / name / "images" / f"{name}.tif"


def _check_rois(target: Path) -> None:
    if target.exists() and (drawn := roiset(target.parent.parent)):
        warnings.warn(
            f"{target}: is made anew, and {drawn} was drawn on the one before",
            DataWarning,
            stacklevel=4,
        )


def _name_others(raw: Path, files: list[Path]) -> None:
    others = sorted(p.name for p in raw.iterdir() if p not in files and p.name[0] != ".")
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        warnings.warn(
            f"{raw}: left out, being no images that are known: {', '.join(others[:5])}{more}",
            DataWarning,
            stacklevel=3,
        )
