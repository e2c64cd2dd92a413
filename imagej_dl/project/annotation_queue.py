"""The images of a project to draw on: which are drawn, which is next, and where they come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.filesystem import names
from imagej_dl.images.formats import registry
from imagej_dl.project.folders import beside, image_of, masks_of, roiset
from imagej_dl.project.raw_images import raw_files, read_raw, store
from imagej_dl.project.raw_scenes import made_of, parts_of


@dataclass(frozen=True)
class Sheet:
    """An image of a project to draw ROIs on.

    Attributes
    ----------
    name : what its files are called.
    image, rois : where the image and its RoiSet.zip are, or will be.
    source : the file in Raw that `image` has yet to be made of; None where it is there.
    drawn : whether its ROIs are there.
    scene : the number from 1 of the scene of `source`, where that has several.
    """

    name: str
    image: Path
    rois: Path
    source: Path | None
    drawn: bool
    scene: int | None = None

    def read(self) -> xr.DataArray:
        """Read the image, wherever it is now; large ones mapped."""
        return images.read(self.source or self.image, mapped=True, scene=self.scene)


@dataclass(frozen=True)
class Next:
    """The next image to draw on, as :class:`Sheet`; `done` of the `total` images are drawn."""

    name: str
    image: Path
    rois: Path
    source: Path | None
    done: int
    total: int
    scene: int | None = None


def sheets(path: str | os.PathLike[str]) -> list[Sheet]:
    """Find all images of a project, drawn or not, sorted by name.

    They are those of Labeling (NAME/images/NAME, or as :func:`drawn` finds them) and those of
    Raw of which none is there yet (see :func:`imagej_dl.project.raw_scenes.made_of`), scene by
    scene.

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
    for folder in filter(Path.is_dir, names.visible(labeling)):
        if image := image_of(folder, folder.name):
            found[folder.name] = _sheet(folder, image)
    known = list(found)
    parts = parts_of(raw_files(raw), known)
    for part in parts:
        if made_of(part, parts, known):
            continue
        folder = labeling / part.name
        image = folder / "images" / f"{part.name}.tif"
        found[part.name] = _sheet(folder, image, part.file, part.scene)
    return sorted(found.values(), key=lambda sheet: sheet.name)


def sheet(path: str | os.PathLike[str], name: str) -> Sheet:
    """Return the image of this name; UserError when the project has none."""
    found = {names.same(item.name): item for item in sheets(path)}
    if names.same(name) not in found:
        some = ", ".join(list(found)[:5]) + (" …" if len(found) > 5 else "")
        raise UserError(
            f"has no image of the name {name}", path=path, remedy=f"It has {some or 'none'}."
        )
    return found[names.same(name)]


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
        formats = ", ".join(one.name for one in registry.FORMATS)
        raise UserError(
            "has no images",
            path=path,
            remedy=f"Put them into its Raw folder ({formats}).",
        )
    chosen = sheet(path, name) if name else next((s for s in found if not _known(s)), None)
    if chosen is None:
        return None
    done = sum(map(_known, found))
    where = chosen.name, chosen.image, chosen.rois, chosen.source
    return Next(*where, done, len(found), chosen.scene)


def prepare(item: Sheet | Next) -> Path:
    """Make the image to draw on of the one in Raw, where it is not there; return its path.

    All its frames, slices and its calibration stay; :func:`prepare_all` makes all images, and
    can take slices of stacks.

    Raises
    ------
    UserError : when the image cannot be read or written.
    """
    if item.source is not None:
        picture = read_raw(item.source, scene=item.scene)
        store(picture, item.source, item.image, as_is=item.scene is None)
    return item.image


def _known(item: Sheet) -> bool:
    return item.drawn or masks_of(item.rois.parent) is not None


def _sheet(
    folder: Path, image: Path, source: Path | None = None, scene: int | None = None
) -> Sheet:
    rois = roiset(folder)  # which may have been drawn on the raw image already
    place = rois or folder / "RoiSet.zip"
    return Sheet(folder.name, image, place, source, rois is not None, scene)
