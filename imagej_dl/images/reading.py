"""Reading of image files, whatever their format, and finding them in folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.filesystem import names
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.images import scenes
from imagej_dl.images.checks import lossy_compression
from imagej_dl.images.formats import bioio_files, czi, metamorph, pictures
from imagej_dl.images.labels import label_maps
from imagej_dl.images.tiff import file_sets, series
from imagej_dl.images.tiff.writing import read_tiff

_TIFF, _PICTURE = (".tif", ".tiff"), (".png", ".jpg", ".jpeg")
SUFFIXES = (*_TIFF, *_PICTURE)
RAW = (metamorph.STK, czi.SUFFIX, *bioio_files.SUFFIXES)
"""Further suffixes, of microscopes' files."""


def read(
    path: str | Path,
    axes: str | None = None,
    mapped: bool = False,
    *,
    scene: int | None = None,
) -> xr.DataArray:
    """Read an image file.

    Parameters
    ----------
    path : TIFF (ImageJ, OME or plain), PNG, JPEG or MetaMorph .stk; CZI and what bioio reads
        where these extras are installed. Colour images have their colours as C.
    axes : what the file's axes are, such as "TYX", where the file says nothing or says it wrong.
    mapped : whether a TIFF of 256 MiB of pixels or more may come as a memory map, not to be written
        to and in the byte order of the file, whose pixels are read where they are used; where it is
        compressed, of a temporary file that it is unpacked into.
    scene : which of the images of a file with several (see :func:`scenes_of`) is read, by its
        number from 1; the first where left out.

    Returns
    -------
    image with dims of T, C, Z, Y, X; axes of length 1 are dropped, Y and X excepted.

    Raises
    ------
    UserError : when there is no such file, it is not an image, its axes do not fit, or it has no
        such scene.

    Warns
    -----
    DataWarning : when the file has several scenes and none is chosen.
    """
    path = Path(path)
    suffix = _known(path)
    if suffix in _TIFF:
        return read_tiff(path, axes, mapped, scene)
    if suffix == czi.SUFFIX:
        return czi.read(path, axes, scene)
    if suffix in bioio_files.SUFFIXES:
        return bioio_files.read(path, axes, scene)
    scenes.index(path, (), scene)
    return metamorph.read_stk(path, axes) if suffix == metamorph.STK else pictures.read(path)


def scenes_of(path: str | Path) -> list[scenes.Scene]:
    """Return the scenes (series, positions) of an image file: at least one.

    Raises
    ------
    UserError : as of :func:`read`.
    """
    path = Path(path)
    suffix = _known(path)
    if suffix in _TIFF:
        return scenes.numbered(path, series.names(path))
    if suffix == czi.SUFFIX:
        return scenes.numbered(path, czi.names(path))
    if suffix in bioio_files.SUFFIXES:
        return scenes.numbered(path, bioio_files.names(path))
    return scenes.numbered(path, ())


def nbytes(path: str | Path) -> int:
    """Return how much memory the pixels of an image file take, which are not read.

    Of a file with several scenes it is the first. See :func:`read` for errors.
    """
    path = Path(path)
    suffix = _known(path)
    if suffix in _PICTURE:
        return pictures.nbytes(path)
    if suffix in (*_TIFF, metamorph.STK):
        return series.nbytes(path)
    image = read(path)
    return int(image.nbytes)


def _known(path: Path) -> str:
    """Return the suffix of a file that is there and of a kind that is known."""
    if not path.exists():
        raise UserError("there is no such file", path=path)
    suffix = path.suffix.lower()
    if path.is_dir() and suffix != ".zarr":
        raise UserError("is a folder, not an image", path=path)
    if suffix in (*SUFFIXES, *RAW):
        refuse_special(path, folder=True)
        return suffix
    raise UserError(
        f"has a suffix that is not known ({path.suffix or 'none'})",
        path=path,
        remedy=f"Known are {', '.join((*SUFFIXES, *RAW))}; in Fiji, File > Save As > Tiff makes "
        "one.",
    )


def read_labels(
    path: str | Path, axes: str | None = None, *, as_is: bool = False, volumes: bool = False
) -> xr.DataArray:
    """Read a label map as uint16 or uint32: the numbers in the file, of a palette its indices.

    Parameters
    ----------
    path, axes : see :func:`read`.
    as_is : whether the ids are taken as they are, as those of tracks; else the pieces of a mask
        become its objects, see :func:`imagej_dl.images.labels.id_semantics.as_objects`.
    volumes : whether the pieces of a stack are those of volumes, not of single slices.

    Raises
    ------
    UserError : as of :func:`read`; for lossy files, and for an image that is no label map.

    Warns
    -----
    DataWarning : for what is assumed: masks, ids in several pieces, NaN.
    """
    path = Path(path)
    picture = _known(path) in _PICTURE
    lossy_compression.refuse(path)
    image = label_maps.read_picture(path) if picture else read(path, axes)
    drawn = not as_is and label_maps.is_drawn(path)
    return label_maps.of(image, path, as_is=as_is, volumes=volumes, drawn=drawn)


def find(sources: Iterable[Path]) -> list[Path]:
    """Return the image files among `sources`; a folder stands for the images in it, by name.

    Of several files that are one image (see :mod:`imagej_dl.images.tiff.file_sets`) the first is
    returned.

    Raises
    ------
    UserError : for a path that is not there and a folder without an image.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise UserError("there is no such file or folder", path=source)
        if not source.is_dir():
            found.append(source)  # what is no file is refused when it is read
            continue
        inside = sorted(
            p for p in source.iterdir() if p.suffix.lower() in SUFFIXES and names.is_data(p)
        )
        if not inside:
            raise UserError(f"holds no image ({', '.join(SUFFIXES)})", path=source)
        found += inside
    return file_sets.once(found)
