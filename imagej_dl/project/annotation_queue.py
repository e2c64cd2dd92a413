"""The images of a project to annotate: which have ROIs, which is next, and their sources."""

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
from imagej_dl.project.raw_scenes import is_prepared, raw_scenes


@dataclass(frozen=True)
class Sheet:
    """An image of a project to draw ROIs on.

    Attributes
    ----------
    name : of its files, without suffix.
    image, rois : where the image and its RoiSet.zip are, or will be.
    source : the file in Raw of which `image` has yet to be made; None where `image` is there.
    drawn : it has a RoiSet.
    scene : number from 1 of the scene of `source`, where that has several.
    """

    name: str
    image: Path
    rois: Path
    source: Path | None
    drawn: bool
    scene: int | None = None

    def read(self) -> xr.DataArray:
        """Read the image, or its source where it is not made yet; a large one as a memory map."""
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
    """Find all images of a project, with and without ROIs, sorted by name.

    They are the images in Labeling (NAME/images/NAME, or as :func:`drawn` finds them), and the
    scenes in Raw of which no image is made yet (see
    :func:`imagej_dl.project.raw_scenes.is_prepared`).

    Raises
    ------
    UserError : when it is no project, or two images have the same name.
    """
    path = Path(path)
    labeling, raw = path / "Labeling", path / "Raw"
    if not labeling.is_dir() and not raw.is_dir():
        raise UserError(
            "there is no such folder" if not path.exists() else "is no project",
            path=path,
            remedy="Name a folder that was created by `imagej-dl new`.",
        )
    flat = beside(labeling) if labeling.is_dir() else ()
    by_name = {item.name: Sheet(item.name, item.image, item.rois, None, True) for item in flat}
    for folder in filter(Path.is_dir, names.visible(labeling)):
        if image := image_of(folder, folder.name):
            by_name[folder.name] = _sheet(folder, image)
    known = list(by_name)
    parts = raw_scenes(raw_files(raw), known)
    for part in parts:
        if is_prepared(part, parts, known):
            continue
        folder = labeling / part.name
        image = folder / "images" / f"{part.name}.tif"
        by_name[part.name] = _sheet(folder, image, part.file, part.scene)
    return sorted(by_name.values(), key=lambda sheet: sheet.name)


def sheet(path: str | os.PathLike[str], name: str) -> Sheet:
    """Return the image of this name; UserError when the project has none."""
    by_name = {names.same(item.name): item for item in sheets(path)}
    if names.same(name) not in by_name:
        some = ", ".join(list(by_name)[:5]) + (" …" if len(by_name) > 5 else "")
        raise UserError(
            f"has no image named {name}", path=path, remedy=f"Its images are {some or 'none'}."
        )
    return by_name[names.same(name)]


def next_to_draw(path: str | os.PathLike[str], name: str | None = None) -> Next | None:
    """Return the next image to annotate, or the one named.

    That is the first without ROIs and without Fluffy's masks. Nothing is written;
    :func:`prepare` makes the image where it is still in Raw only.

    Returns
    -------
    the image; None when all have ROIs.

    Raises
    ------
    UserError : when it is no project, has no image, or none of this name.
    """
    queue = sheets(path)
    if not queue:
        formats = ", ".join(one.name for one in registry.FORMATS)
        raise UserError(
            "has no images",
            path=path,
            remedy=f"Put them into its Raw folder ({formats}).",
        )
    chosen = sheet(path, name) if name else next((s for s in queue if not _is_annotated(s)), None)
    if chosen is None:
        return None
    done = sum(map(_is_annotated, queue))
    where = chosen.name, chosen.image, chosen.rois, chosen.source
    return Next(*where, done, len(queue), chosen.scene)


def prepare(item: Sheet | Next) -> Path:
    """Make the image to annotate of the one in Raw, unless it is there; return its path.

    It has all frames and slices, and the calibration; :func:`prepare_all` makes all images, and
    can select slices.

    Raises
    ------
    UserError : when the image cannot be read or written.
    """
    if item.source is not None:
        picture = read_raw(item.source, scene=item.scene)
        store(picture, item.source, item.image, as_is=item.scene is None)
    return item.image


def _is_annotated(item: Sheet) -> bool:
    return item.drawn or masks_of(item.rois.parent) is not None


def _sheet(
    folder: Path, image: Path, source: Path | None = None, scene: int | None = None
) -> Sheet:
    rois = roiset(folder)  # may have been drawn on the raw image already
    place = rois or folder / "RoiSet.zip"
    return Sheet(folder.name, image, place, source, rois is not None, scene)
