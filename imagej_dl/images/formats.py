"""Reading of image files, whatever their format, and finding them in folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images import microscopes
from imagej_dl.images.array import as_labels, make
from imagej_dl.images.tiff import read_tiff

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")


def read(path: str | Path, axes: str | None = None, mapped: bool = False) -> xr.DataArray:
    """Read an image file.

    Parameters
    ----------
    path : TIFF (ImageJ, OME or plain), PNG, JPEG or MetaMorph .stk; CZI and what bioio reads
        where these extras are installed. Colour images have their colours as C.
    axes : what the file's axes are, such as "TYX", where the file says nothing or says it wrong.
    mapped : whether a TIFF of 256 MiB of pixels or more may come as a memory map, not to be written
        to and in the byte order of the file, whose pixels are read where they are used; where it is
        compressed, of a temporary file that it is unpacked into.

    Returns
    -------
    image with dims of T, C, Z, Y, X; axes of length 1 are dropped, Y and X excepted.

    Raises
    ------
    UserError : when there is no such file, it is not an image, or its axes do not fit.
    """
    path = Path(path)
    if not path.exists():
        raise UserError("there is no such file", path=path)
    suffix = path.suffix.lower()
    if path.is_dir() and suffix != ".zarr":
        raise UserError("is a folder, not an image", path=path)
    if suffix in (".tif", ".tiff"):
        return read_tiff(path, axes, mapped)
    if suffix in (".png", ".jpg", ".jpeg"):
        return _read_picture(path)
    if suffix == microscopes.STK:
        return microscopes.read_stk(path, axes)
    if suffix == microscopes.CZI:
        return microscopes.read_czi(path, axes)
    if suffix in microscopes.BIOIO:
        return microscopes.read_bioio(path, axes)
    raise UserError(
        f"has a suffix that is not known ({path.suffix or 'none'})",
        path=path,
        remedy=f"Known are {', '.join((*SUFFIXES, *microscopes.RAW))}; in Fiji, File > Save As > "
        "Tiff makes one.",
    )


def read_labels(path: str | Path, axes: str | None = None) -> xr.DataArray:
    """Read a label map: as :func:`read`, as uint16 or uint32; UserError if it is none."""
    image = read(path, axes)
    try:
        labels = as_labels(image)
    except UserError as error:
        raise UserError(error.problem, path=path, remedy=error.remedy) from error
    if "C" in labels.dims:
        raise UserError(
            "has channels, so it is an image and not a label map",
            path=path,
            remedy="If that axis is time, pass --axes TYX.",
        )
    return labels


def find(sources: Iterable[Path]) -> list[Path]:
    """Return the image files among `sources`; a folder stands for the images in it, by name.

    Raises
    ------
    UserError : for a path that is not there and a folder without an image.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise UserError("there is no such file or folder", path=source)
        if source.is_file():
            found.append(source)
            continue
        inside = sorted(
            p for p in source.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != "."
        )
        if not inside:
            raise UserError(f"holds no image ({', '.join(SUFFIXES)})", path=source)
        found += inside
    return found


def _read_picture(path: Path) -> xr.DataArray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            mode = picture.mode
            # A palette hides the grey values that the picture shows; alpha is no channel of it.
            if mode == "P" or mode.endswith("A"):
                mode = "L" if mode == "LA" else "RGB"
            array = np.asarray(picture.convert(mode) if mode != picture.mode else picture)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"is not a readable picture ({error})", path=path) from error
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    return make(array, "YX" if array.ndim == 2 else "YXC", title=path.name)
