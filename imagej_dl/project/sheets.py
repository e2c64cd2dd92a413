"""The images of a project to draw on: which are drawn, which is next, and where they come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.project.folders import beside, image_of, masks_of, roiset
from imagej_dl.project.raw import made_of, raw_files, raw_name, store


@dataclass(frozen=True)
class Sheet:
    """An image of a project to draw ROIs on.

    Attributes
    ----------
    name : what its files are called.
    image, rois : where the image and its RoiSet.zip are, or will be.
    source : the file in Raw that `image` has yet to be made of; None where it is there.
    drawn : whether its ROIs are there.
    """

    name: str
    image: Path
    rois: Path
    source: Path | None
    drawn: bool


@dataclass(frozen=True)
class Next:
    """The next image to draw on, as :class:`Sheet`; `done` of the `total` images are drawn."""

    name: str
    image: Path
    rois: Path
    source: Path | None
    done: int
    total: int


def sheets(path: str | os.PathLike[str]) -> list[Sheet]:
    """Find all images of a project, drawn or not, sorted by name.

    They are those of Labeling (NAME/images/NAME, or as :func:`drawn` finds them) and those of
    Raw of which none is there yet (see :func:`imagej_dl.project.raw.made_of`).

    Raises
    ------
    UserError : when it is no project, or two images have one name.
    """
    path = Path(path)
    labeling, raw = path / "Labeling", path / "Raw"
    if not labeling.is_dir() and not raw.is_dir():
        raise UserError(
            "there is no such folder" if not path.exists() else "is no project",
            path=path,
            remedy="Name a folder that `imagej-dl new` has made.",
        )
    flat = beside(labeling) if labeling.is_dir() else ()
    found = {item.name: Sheet(item.name, item.image, item.rois, None, True) for item in flat}
    inner = labeling.iterdir() if labeling.is_dir() else ()
    for folder in sorted(p for p in inner if p.is_dir() and p.name[0] != "."):
        if image := image_of(folder, folder.name):
            found[folder.name] = _sheet(folder, image)
    files = raw_files(raw)
    refuse_twins(files, raw)
    known = list(found)
    for file in files:
        if made_of(file, files, known):
            continue
        name = raw_name(file)
        found[name] = _sheet(labeling / name, labeling / name / "images" / f"{name}.tif", file)
    return sorted(found.values(), key=lambda sheet: sheet.name)


def sheet(path: str | os.PathLike[str], name: str) -> Sheet:
    """Return the image of this name; UserError when the project has none."""
    found = {item.name: item for item in sheets(path)}
    if name not in found:
        some = ", ".join(list(found)[:5]) + (" …" if len(found) > 5 else "")
        raise UserError(
            f"has no image of the name {name}", path=path, remedy=f"It has {some or 'none'}."
        )
    return found[name]


def next_to_draw(path: str | os.PathLike[str], name: str | None = None) -> Next | None:
    """Say which image is to be drawn on next: the first without ROIs and without Fluffy's masks,
    or the one of this name.

    Nothing is written; :func:`prepare` makes the image where it is still in Raw only.

    Returns
    -------
    None when all are drawn.

    Raises
    ------
    UserError : when it is no project, has no image, or none of this name.
    """
    found = sheets(path)
    if not found:
        raise UserError(
            "has no images",
            path=path,
            remedy="Put them into its Raw folder (TIFF, PNG, JPEG, STK, CZI).",
        )
    chosen = sheet(path, name) if name else next((s for s in found if not _known(s)), None)
    if chosen is None:
        return None
    done = sum(map(_known, found))
    return Next(chosen.name, chosen.image, chosen.rois, chosen.source, done, len(found))


def prepare(item: Sheet | Next) -> Path:
    """Make the image to draw on of the one in Raw, where it is not there; return its path.

    All its frames, slices and its calibration stay; :func:`prepare_all` makes all images, and
    can take slices of stacks.

    Raises
    ------
    UserError : when the image cannot be read or written.
    """
    if item.source is not None:
        store(item.source, item.image)
    return item.image


def _known(item: Sheet) -> bool:
    return item.drawn or masks_of(item.rois.parent) is not None


def _sheet(folder: Path, image: Path, source: Path | None = None) -> Sheet:
    rois = roiset(folder)  # which may have been drawn on the raw image already
    return Sheet(folder.name, image, rois or folder / "RoiSet.zip", source, rois is not None)


def refuse_twins(files: list[Path], path: Path) -> None:
    """Refuse files whose results would have one name; some file systems do not tell capitals."""
    first: dict[str, Path] = {}
    for file in files:
        other = first.setdefault(raw_name(file).casefold(), file)
        if other is not file:
            raise UserError(
                f"holds two images of the name {raw_name(file)} ({other.name}, {file.name})",
                path=path,
                remedy="Rename one of them.",
            )
