"""The image files in Raw, and the TIFF to annotate that is made of one."""

from __future__ import annotations

import shutil
from pathlib import Path

import xarray as xr

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import names
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.images.checks.blank_planes import warn_black
from imagej_dl.images.formats import registry
from imagej_dl.images.formats.base import warn_unnamed_planes
from imagej_dl.images.imagej_dtypes import storable
from imagej_dl.images.tiff import file_sets

WHOLE, ALL, MAX, MIDDLE = "whole", "all", "max", "middle"


def raw_files(folder: Path) -> list[Path]:
    """Return the image files in a Raw folder, sorted, without hidden and system files.

    Of several files that are one image the first is returned.
    """
    return file_sets.one_per_image(all_raw_files(folder))


def all_raw_files(folder: Path) -> list[Path]:
    """Return all image files in a Raw folder, sorted, also all files of a set."""
    files = names.visible(folder, registry.all_suffixes())
    return [p for p in files if p.is_file() or p.suffix.lower() in registry.folder_suffixes()]


def read_raw(path: Path, axes: str | None = None, scene: int | None = None) -> xr.DataArray:
    """Read an image of Raw, or a scene of it.

    Warns
    -----
    DataWarning : when the file does not name the axis of its planes, and for blank planes.

    Raises
    ------
    UserError : when it cannot be read, or `axes` do not fit.
    """
    source = registry.by_name(path)
    if axes is None and source and (count := source.unnamed_planes(path, scene or 1)):
        warn_unnamed_planes(path, count)
    picture = images.read(path, axes, mapped=True, scene=scene)
    warn_black(picture, path)
    return picture


def store(
    picture: xr.DataArray, source: Path, target: Path, *, as_is: bool, overwrite: bool = False
) -> None:
    """Write the TIFF to annotate, with all frames and slices of an image in Raw.

    Parameters
    ----------
    picture : the image read from the file `source`.
    as_is : it is the whole file, with the axes that the file states. A file that ImageJ opens
        itself is then copied, with its display settings; any other becomes an ImageJ TIFF of the
        same pixel values.

    Raises
    ------
    UserError : when the image cannot be written.
    """
    if as_is and registry.of_file(source).opens_in_imagej(source):
        with atomic(target) as temporary:
            shutil.copyfile(source, temporary)
    else:
        images.write(storable(picture, source), target, overwrite=overwrite)


def select_slices(picture: xr.DataArray, slices: str, path: Path) -> list[xr.DataArray]:
    """Select slices of a stack, or frames of a movie that has no slices.

    Parameters
    ----------
    slices : "whole", "all" (an image of each), "max" (maximum projection), "middle" (number
        n // 2 + 1 of n), or a number from 1.
    path : of the file, named in warnings and errors.

    Returns
    -------
    one image, or one for each slice; an image without slices and frames as it is.

    Raises
    ------
    UserError : for a slice that the image does not have.
    """
    axis = next((a for a in "ZT" if picture.sizes.get(a, 1) > 1), None)
    if slices == WHOLE or axis is None:
        return [picture]
    count = picture.sizes[axis]
    if slices == ALL:
        return [_plane(picture, axis, i) for i in range(count)]
    if slices == MAX:
        if axis == "T":
            warn(f"has no slices, so the maximum projection is over its {count} frames", path=path)
        return [images.with_data(picture, picture.max(axis).data, _rest(picture, axis))]
    number = count // 2 + 1 if slices == MIDDLE else int(slices)
    if number > count:
        kind = "slices" if axis == "Z" else "frames"
        raise UserError(
            f"has {count} {kind}, but number {number} was requested",
            path=path,
        )
    return [_plane(picture, axis, number - 1)]


def _plane(picture: xr.DataArray, axis: str, index: int) -> xr.DataArray:
    """Return one plane, without ROIs, which would lie on it whichever slice they belong to."""
    plane = picture.isel({axis: index})
    plane.attrs = {k: v for k, v in plane.attrs.items() if k not in ("selection", "overlay")}
    return plane


def _rest(picture: xr.DataArray, axis: str) -> list[str]:
    return [str(d) for d in picture.dims if d != axis]
