"""PNG and JPEG files, as Pillow reads them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.array import make

if TYPE_CHECKING:
    from PIL import Image


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture; whatever is wrong with it, also when its pixels are read, is a UserError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            yield picture
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,  # Pillow's word for a damaged PNG
        Image.DecompressionBombError,
    ) as error:
        raise UserError(f"is not a readable picture ({error})", path=path) from error


def read(path: Path) -> xr.DataArray:
    """Return a picture (Y, X), or (Y, X, C) in colours; a palette's are those that it shows."""
    with opened(path) as picture:
        mode = picture.mode
        if picture.format == "PNG" and deep_colours(path):
            warnings.warn(
                f"{path}: of its 16-bit colours (or grey values with transparency) 8 bits are "
                "read; a TIFF has all of them read",
                DataWarning,
                stacklevel=3,
            )
        # A palette hides the grey values that the picture shows; alpha is no channel of it.
        if mode == "P" or mode.endswith("A"):
            mode = "L" if mode == "LA" else "RGB"
        array = np.asarray(picture.convert(mode) if mode != picture.mode else picture)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    return make(array, "YX" if array.ndim == 2 else "YXC", title=path.name)


def deep_colours(path: Path) -> bool:
    """Say whether a PNG has 16 bits of several samples, of which Pillow reads 8 without a word."""
    with path.open("rb") as file:
        header = file.read(26)
    depth, kind = header[24:]
    return depth == 16 and kind != 0
