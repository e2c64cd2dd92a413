"""The images of Raw: which files they are, and the TIFF to draw on that is made of one."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import tifffile
import xarray as xr

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.filesystem import names
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.images.checks.blank_planes import warn_black
from imagej_dl.images.formats.metamorph import warn_unstated
from imagej_dl.images.imagej_dtypes import storable
from imagej_dl.images.reading import RAW, SUFFIXES
from imagej_dl.images.tiff import file_sets, series

WHOLE, ALL, MAX, MIDDLE = "whole", "all", "max", "middle"

# What ImageJ opens of a TIFF: as it is, LZW, PackBits, both kinds of Deflate.
_PACKED = (1, 5, 8, 32773, 32946)
_TYPES = ("bool", "uint8", "uint16", "int16", "uint32", "int32", "float32")


def raw_files(folder: Path) -> list[Path]:
    """Return the image files of a Raw folder, sorted; hidden ones are no data.

    Of several files that are one image the first is returned.
    """
    return file_sets.once(image_files(folder))


def image_files(folder: Path) -> list[Path]:
    """Return all image files of a Raw folder, sorted, each of several that are one image too."""
    if not folder.is_dir():
        return []
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in (*SUFFIXES, *RAW)
        and names.is_data(p)
        and (p.is_file() or p.suffix.lower() == ".zarr")
    )


def read_raw(path: Path, axes: str | None = None, scene: int | None = None) -> xr.DataArray:
    """Read an image of Raw, or a scene of it.

    Warns
    -----
    DataWarning : when its file does not state what its planes are, and for planes of only 0.

    Raises
    ------
    UserError : when it cannot be read, or `axes` do not fit.
    """
    if axes is None and path.suffix.lower() in (".tif", ".tiff"):
        count = _unstated(path, scene or 1)
        if count:
            warn_unstated(path, count)
    picture = images.read(path, axes, mapped=True, scene=scene)
    warn_black(picture, path)
    return picture


def store(
    picture: xr.DataArray, source: Path, target: Path, *, as_is: bool, overwrite: bool = False
) -> None:
    """Make the TIFF to draw on of an image of Raw, with all its frames and slices.

    Parameters
    ----------
    picture : what was read of the file `source`.
    as_is : whether it is all of the file, with the axes that the file says. A TIFF that ImageJ
        opens as what it is is copied then, with its display settings; anything else becomes an
        ImageJ TIFF of the same pixel values, 16 bits staying 16 bits.

    Raises
    ------
    UserError : when the image cannot be written.
    """
    if as_is and _is_imagejs(source):
        with atomic(target) as temporary:
            shutil.copyfile(source, temporary)
    else:
        images.write(storable(picture, source), target, overwrite=overwrite)


def taken(picture: xr.DataArray, slices: str, path: Path) -> list[xr.DataArray]:
    """Take slices of a stack, or frames of a movie that has no slices.

    Parameters
    ----------
    slices : "whole", "all" (each one), "max" (the brightest of each pixel), "middle" (number
        n // 2 + 1 of n), or a number from 1.
    path : of its file, for what is said about it.

    Returns
    -------
    one image, or with "all" one for each; without slices and frames the image as it is.

    Raises
    ------
    UserError : for a slice that the image has not.
    """
    axis = next((a for a in "ZT" if picture.sizes.get(a, 1) > 1), None)
    if slices == WHOLE or axis is None:
        return [picture]
    count = picture.sizes[axis]
    if slices == ALL:
        return [_plane(picture, axis, i) for i in range(count)]
    if slices == MAX:
        if axis == "T":
            warnings.warn(
                f"{path}: has no slices, so the maximum is that over its {count} frames",
                DataWarning,
                stacklevel=3,
            )
        return [images.with_data(picture, picture.max(axis).data, _rest(picture, axis))]
    number = count // 2 + 1 if slices == MIDDLE else int(slices)
    if number > count:
        kind = "slices" if axis == "Z" else "frames"
        raise UserError(
            f"has {count} {kind}, and number {number} is asked for",
            path=path,
        )
    return [_plane(picture, axis, number - 1)]


def _plane(picture: xr.DataArray, axis: str, index: int) -> xr.DataArray:
    """Take one plane; ROIs drawn over the stack would lie on it whichever slice they are of."""
    plane = picture.isel({axis: index})
    plane.attrs = {k: v for k, v in plane.attrs.items() if k not in ("selection", "overlay")}
    return plane


def _rest(picture: xr.DataArray, axis: str) -> list[str]:
    return [str(d) for d in picture.dims if d != axis]


def _is_imagejs(path: Path) -> bool:
    """Say whether ImageJ opens a TIFF as what it is: one of its own, or a single plain page.

    One that does not hold what it declares is none: a copy would not hold it either.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        return False
    with series.opened(path) as tiff:
        file = tiff.file
        if tiff.chain.broken or tiff.scenes()[0].held().said:
            return False
        own = file.is_imagej or len(file.pages) == 1
        if not own or file.is_ome or file.is_stk or file.is_lsm or file.is_bigtiff:
            return False
        return _opens(file.pages.first)


def _opens(page: tifffile.TiffPage) -> bool:
    """Say whether ImageJ's TiffDecoder (1.54p) takes a page, with the numbers that are in it."""
    bits, samples = page.bitspersample, page.samplesperpixel
    return (
        not page.is_tiled
        and page.compression in _PACKED
        and page.predictor in (1, 2)
        and page.dtype is not None
        and page.dtype.name in _TYPES
        and (bits in (1, 8, 16, 32) if samples == 1 else samples in (3, 4) and bits in (8, 16))
    )


def _unstated(path: Path, scene: int) -> int:
    """Return the number of planes on an axis that a TIFF does not name; 0 when it names all."""
    try:
        with series.opened(path) as tiff:
            chosen = tiff.scenes()[scene - 1].held().series
            sizes = zip(chosen.axes, chosen.shape, strict=True)
            return max((size for name, size in sizes if name not in "TCZYXS"), default=0)
    except UserError:
        return 0  # images.read says what is wrong with it
