"""The folders of a project, and which files in them belong together.

The layout is Fluffy's (BBQuercus/fluffy): Raw for the images as they come, Labeling/NAME with
`RoiSet.zip` and `images/NAME.tif` for what is drawn in Fiji, Processed/images and
Processed/masks for the image and label pairs that training reads.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import names
from imagej_dl.filesystem.atomic import atomic_folder
from imagej_dl.images import find
from imagej_dl.images.formats import registry
from imagej_dl.images.labels import marks
from imagej_dl.images.tiff import file_sets

FOLDERS = ("Raw", "Labeling", "Processed/images", "Processed/masks")
RESULTS = ("labels", "mask", "masks")  # stems of label maps, which are not taken as images
BACKUPS = "RoiSet_backups"  # in Labeling/NAME: the RoiSets before, numbered
NOTHING = "holds no image with ROIs"


@dataclass(frozen=True)
class Drawn:
    """An image and the ROIs drawn on it; `name` is that of the files made of the two.

    `rois` is a RoiSet.zip, a .roi file, or Fluffy's folder of masks mask_0.png, mask_1.png …
    """

    name: str
    image: Path
    rois: Path


@dataclass(frozen=True)
class Pair:
    """An image and its label map of the same name; `labels` may be its ROIs instead."""

    name: str
    image: Path
    labels: Path


def create(path: str | os.PathLike[str]) -> None:
    """Make the folders of a new project.

    Raises
    ------
    UserError : when the file or folder exists, unless it is an empty folder.
    """
    path = Path(path)
    if path.exists() and not (path.is_dir() and not names.visible(path)):
        raise UserError("is already there", path=path, remedy="Choose another name.")
    with atomic_folder(path, overwrite=True) as folder:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True)


def visible(folder: Path, suffixes: Collection[str] | None = None) -> list[Path]:
    """Return the files in a folder with one of the suffixes, sorted; none without the folder.

    Hidden and system files are left out (see :func:`imagej_dl.filesystem.names.visible`). Of
    several files that are one image the first is returned.

    Parameters
    ----------
    suffixes : in lower case, with the dot; None: those of images.
    """
    wanted = registry.image_suffixes() if suffixes is None else suffixes
    return file_sets.one_per_image(
        [p for p in names.visible(folder, wanted) if registry.is_image(p)]
    )


def processed(path: str | os.PathLike[str]) -> Path:
    """Return the folder that holds a folder's `images` and `masks`: itself or its Processed."""
    path = Path(path)
    return path if (path / "masks").is_dir() and (path / "images").is_dir() else path / "Processed"


def drawn(path: str | os.PathLike[str]) -> list[Drawn]:
    """Find the images with ROIs in a folder, sorted by name.

    Layouts: a project (its Labeling folder); folders NAME, each with a RoiSet and an image (in
    `images` or beside it); one such folder; images with a RoiSet of the same name beside them
    (NAME.tif and NAME.zip, NAME_RoiSet.zip or RoiSet_NAME.zip). Fluffy's masks
    (NAME/masks/mask_0.png and so on) may take the place of a RoiSet. A RoiSet without an image
    and a project's image without a RoiSet are named in a warning.

    Raises
    ------
    UserError : when there is no such folder, or no image with ROIs in it.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError("is no folder" if path.exists() else "there is no such folder", path=path)
    top = path / "Labeling" if (path / "Labeling").is_dir() else path
    items = list(beside(top)) or list(_single(top))
    for folder in filter(Path.is_dir, names.visible(top)):
        items += _single(folder)
    if not items:
        raise UserError(
            NOTHING,
            path=path,
            remedy="Save the ROIs of NAME as Labeling/NAME/RoiSet.zip, the image being "
            "Labeling/NAME/images/NAME.tif or beside the RoiSet.",
        )
    called = [names.same(item.name) for item in items]
    if twice := sorted({name for name in called if called.count(name) > 1}):
        raise UserError(f"holds two images named {twice[0]}", path=path)
    return items


def fitting(found: list[Drawn], target: Path) -> list[Drawn]:
    """Return the images whose label maps have a valid name in a folder; warn of the others."""
    valid = []
    for item in found:
        try:
            names.need([target / f"{item.name}.tif"], item.image)
            valid.append(item)
        except UserError as error:
            warn(f"{error} It is left out")
    return valid


def pairs(path: str | os.PathLike[str], *, some: bool = False) -> list[Pair]:
    """Find the image and label pairs of a project or of a folder with `images` and `masks`.

    If a project's Processed is empty, the images in its Labeling are paired with their ROIs, as
    :func:`drawn` finds them. With `some`, images without a label map are left out.

    Raises
    ------
    UserError : when there are none, an image or a label map is alone, or two have the same name.
    """
    folder = processed(path)
    if not (folder / "images").is_dir() or not (folder / "masks").is_dir():
        raise UserError(
            "has no Processed/images and Processed/masks",
            path=path,
            remedy="Run `imagej-dl labels`.",
        )
    if folder != Path(path) and not visible(folder / "images") and not visible(folder / "masks"):
        return [Pair(item.name, item.image, item.rois) for item in drawn(path)]
    images, masks = _named(folder / "images"), _named(folder / "masks")
    if alone := sorted(set(masks) - set(images) if some else set(images) ^ set(masks)):
        have, lack = ("image", "label map") if alone[0] in images else ("label map", "image")
        raise UserError(f"the {have} {alone[0]} has no {lack} of the same name", path=folder)
    return [Pair(name, images[name], masks[name]) for name in sorted(masks)]


def _named(folder: Path) -> dict[str, Path]:
    by_name: dict[str, Path] = {}
    for file in find([folder]):
        other = by_name.setdefault(names.same(registry.stem(file)), file)
        if other is not file:
            raise UserError(
                f"holds two images named {registry.stem(file)} ({other.name}, {file.name})",
                path=folder,
                remedy="Rename or remove one of them.",
            )
    return by_name


def _single(folder: Path) -> Iterator[Drawn]:
    """Yield the image with ROIs of a folder NAME, if it is such a folder."""
    name = Path(os.path.abspath(folder)).name  # "." and ".." are no names
    if name == BACKUPS:
        return
    rois, image = roiset(folder) or masks_of(folder), image_of(folder, name)
    if rois and image:
        yield Drawn(name, image, rois)
    elif rois:
        warn("has no image beside it, and is left out", path=rois)
    elif (
        image and (folder / "images").is_dir() and not visible(folder / "masks")
    ):  # else it is the folder Processed
        warn("has no RoiSet.zip yet, and is left out", path=folder)


def roiset(folder: Path) -> Path | None:
    """Return the RoiSet of a folder NAME, if it has one."""
    return _only(folder, (".zip",), "RoiSet") or _only(folder, (".roi",), "RoiSet")


def masks_of(folder: Path) -> Path | None:
    """Return the `masks` of a folder NAME, if it holds masks of single objects, mask_N.png."""
    stems = (p.stem.lower() for p in visible(folder / "masks", (".png",)))
    holds_masks = any(s.startswith("mask_") and s.removeprefix("mask_").isdigit() for s in stems)
    return folder / "masks" if holds_masks else None


def image_of(folder: Path, name: str) -> Path | None:
    """Return the one image of a folder NAME: in its `images`, or beside the RoiSet."""
    return _only(folder / "images", None, name) or _only(folder, None, "image", name)


def beside(folder: Path) -> Iterator[Drawn]:
    """Yield the images with a RoiSet of the same name in one folder."""
    rois = {names.same(p.stem): p for p in visible(folder, (".zip", ".roi"))}
    for image in visible(folder):
        name = names.same(registry.stem(image))
        candidates = (name, f"{name}_RoiSet", f"{name}-RoiSet", f"RoiSet_{name}", f"RoiSet-{name}")
        if match := next((rois[c] for c in candidates if c in rois), None):
            yield Drawn(registry.stem(image), image, match)


def _only(folder: Path, suffixes: tuple[str, ...] | None, *preferred: str) -> Path | None:
    """Return the file of a preferred name, or else the only one; `suffixes` as of `visible`."""
    files = visible(folder, suffixes)
    results = [p for p in files if registry.stem(p) in RESULTS]
    results = [*results, *map(marks.path_of, results)]
    files = [p for p in files if p not in results]
    for name in preferred:
        for file in files:
            if names.same(registry.stem(file)) == names.same(name):
                return file
    return files[0] if len(files) == 1 else None
