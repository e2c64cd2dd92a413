"""Find pairs of images: one folder has the images, another the targets of the same names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.filesystem import names
from imagej_dl.images.formats import registry
from imagej_dl.images.reading import images_in

LAYOUTS = (("low", "high"), ("low", "GT"), ("inputs", "targets"))
"""Names of the two folders in the folder of a training: images, and what is learnt of them."""
_NAMED = 3


Image = Path | xr.DataArray


def find(folder: Image, targets: Image | None = None) -> Sequence[tuple[Image, Image]]:
    """Find the images of a folder, and the target of each, sorted by name.

    Parameters
    ----------
    folder : has the two folders of one of the :data:`LAYOUTS`; or with `targets` the images.
    targets : the folder of the targets. Files belong together that have the same name, whatever
        their formats. Or both are one image each, as a file, an OME-Zarr or in memory, which are
        one pair.

    Raises
    ------
    UserError : when there is no such folder, or a file has no partner, or two; it names them. For
        one image without its target, and one that is given as its own.
    """
    if (
        isinstance(folder, xr.DataArray)
        or isinstance(targets, xr.DataArray)
        or registry.is_image(folder)
    ):
        if (
            isinstance(folder, Path)
            and isinstance(targets, Path)
            and registry.is_plain_folder(targets)
        ):
            return [(folder, partners([folder], targets)[0])]
        return [pair(folder, targets)]
    inputs, targets = _folders(folder, targets)
    first, second = _by_name(inputs), _by_name(targets)
    if not first:
        raise UserError("holds no image", path=inputs)
    alone = {
        inputs: [path for key, path in first.items() if key not in second],
        targets: [path for key, path in second.items() if key not in first],
    }
    words = [
        f"no file in {other} is called as {_listed(paths)}"
        for paths, other in zip(alone.values(), (targets, inputs), strict=True)
        if paths
    ]
    if words:
        raise UserError(
            "; ".join(words),
            path=next(place for place, paths in alone.items() if paths),
            remedy="An image and its target have the same name, such as low/a.tif and high/a.tif: "
            "rename them, or move those without partner to another folder.",
        )
    return [(path, second[key]) for key, path in first.items()]


def pair(image: Image, target: Image | None) -> tuple[Image, Image]:
    """Return one image and its target.

    Raises
    ------
    UserError : when either is not one image, there is no target, or it is the image itself.
    """
    name = _name_of(image)
    if target is None:
        raise UserError(
            "is one image, without another one that is learnt of it",
            path=name,
            remedy="Name its target, or the folder of the targets, with --targets.",
        )
    for one, other in ((image, target), (target, image)):
        if not _is_one(one):
            problem = "is a folder" if Path(one).is_dir() else "there is no such file"
            raise UserError(f"{problem}, and {_name_of(other)} one image", path=one)
    if same(image, target):
        raise UserError(
            "is given as its own target, of which nothing can be learnt",
            path=name,
            remedy="Name another image of the same place with --targets.",
        )
    return image, target


def partners(images: Sequence[Path], targets: Path) -> list[Path]:
    """Return the target of each image, which has its name, among those of a folder.

    Raises
    ------
    UserError : for an image without a target; it names it.
    """
    if not registry.is_plain_folder(targets):
        raise UserError(
            "is no folder with a target for each image" if targets.exists() else "does not exist",
            path=targets,
            remedy="Name the folder of the targets, which have the names of the images.",
        )
    found = _by_name(targets)
    if alone := [image for image in images if _stem(image) not in found]:
        raise UserError(f"no file in {targets} is called as {_listed(alone)}", path=alone[0])
    return [found[_stem(image)] for image in images]


def _is_one(image: Image) -> bool:
    """Return whether it is one image: in memory, a file, or a folder such as an OME-Zarr."""
    return isinstance(image, xr.DataArray) or registry.is_image(image)


def _name_of(image: Image) -> str:
    return str(image if isinstance(image, Path) else image.attrs.get("title") or "the image")


def same(image: Image, other: Image) -> bool:
    """Return whether two images are one file, or have the same pixels in memory."""
    if isinstance(image, Path) and isinstance(other, Path):
        return image.resolve() == other.resolve()
    if isinstance(image, Path) or isinstance(other, Path):
        return False
    return image is other or (image.dims == other.dims and np.array_equal(image, other))


def _folders(folder: Path, targets: Path | None) -> tuple[Path, Path]:
    """Return the folders of the images and of the targets."""
    for place in (folder, targets):
        if place is not None and not registry.is_plain_folder(place):
            problem = "is no folder" if place.exists() else "there is no such folder"
            raise UserError(problem, path=place)
    if targets is not None:
        if targets.resolve() == folder.resolve():
            raise UserError(
                "is the folder of the images, and cannot be that of their targets", path=targets
            )
        return folder, targets
    for one, other in LAYOUTS:
        found = names.find(folder, one), names.find(folder, other)
        if all(map(registry.is_plain_folder, found)):
            return found
    layouts = ", ".join(f"{one} and {other}" for one, other in LAYOUTS)
    raise UserError(
        "holds no two folders with images and their targets",
        path=folder,
        remedy=f"Name them as one of these: {layouts}; or name the targets' folder with --targets.",
    )


def _by_name(folder: Path) -> dict[str, Path]:
    """Return the images of a folder by their names without suffix."""
    found: dict[str, Path] = {}
    for path in images_in(folder):
        if (other := found.setdefault(_stem(path), path)) != path:
            raise UserError(
                f"has the same name as {other.name}, so that its partner is not certain",
                path=path,
                remedy="Rename one of them, and its partner.",
            )
    return found


def _stem(path: Path) -> str:
    stem = names.same(path.stem)
    # As ImageJ's Bio-Formats exporter and others name them.
    return stem[:-4] if stem.lower().endswith(".ome") else stem


def _listed(paths: Sequence[Path]) -> str:
    shown = ", ".join(path.name for path in paths[:_NAMED])
    more = len(paths) - _NAMED
    return shown + (f" and {more} more" if more > 0 else "")
