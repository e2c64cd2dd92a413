"""PNG and JPEG files, read as ImageJ reads them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.images.array import make
from imagej_dl.images.checks import repeated_warnings, truncation
from imagej_dl.images.formats.base import Format

if TYPE_CHECKING:
    from PIL import Image

# The compression of PNG and JPEG makes pixels at most so many times smaller.
_UNPACKED, _SMALL = 2000, 2**26
_BITS = {"1": 1, "I;16": 16, "I": 32, "F": 32}
_TRANSPARENT = "its transparency is left out; the colours are read as they are in the file"
# How much darker the next colour of a LUT may be than the last one, of 255: rounding.
_ROUNDING = 2.0


class _Picture(Format):
    picture = True

    def read(
        self, path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
    ) -> xr.DataArray:
        return _read(path)

    def read_label_map(self, path: Path, axes: str | None = None) -> xr.DataArray:
        return read_indices(path)

    def nbytes(self, path: Path) -> int:
        with opened(path) as picture:
            return picture.width * picture.height * 4

    def may_be_coloured(self, path: Path) -> bool:
        with warnings.catch_warnings(), opened(path) as picture:
            warnings.simplefilter("ignore")
            return picture.mode not in ("1", "L", "LA", "I", "F") and picture.mode[:2] != "I;"


class Png(_Picture):
    """PNG."""

    name = "PNG"
    position = 2
    suffixes = (".png",)


class Jpeg(_Picture):
    """JPEG, whose compression changes the ids of a label map."""

    name = "JPEG"
    position = 3
    suffixes = (".jpg", ".jpeg")
    lossless = False


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture; errors, also those when its pixels are read, are raised as UserError."""
    from PIL import Image, UnidentifiedImageError

    refuse_special(path)
    try:
        truncation.check_png(path)
        with Image.open(path) as picture:
            _refuse_unheld(picture, path)
            yield picture
    except Image.DecompressionBombError as error:
        raise UserError(
            "is too large for a PNG or JPEG file", path=path, remedy="Save it as TIFF."
        ) from error
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,  # Pillow's word for a damaged PNG
    ) as error:
        raise UserError(f"is not a readable picture ({error})", path=path) from error


def _refuse_unheld(picture: Image.Image, path: Path) -> None:
    """Refuse a picture that is larger than what its file could unpack to."""
    bits = _BITS.get(picture.mode, 8 * len(picture.getbands()))
    size = picture.width * picture.height * bits // 8
    if size > max(_SMALL, path.stat().st_size * _UNPACKED):
        raise ValueError(
            f"its header declares {picture.width} × {picture.height} pixels, and the file has "
            f"{path.stat().st_size} bytes"
        )


def _read(path: Path) -> xr.DataArray:
    """Return a picture (Y, X), or (Y, X, C) in colours.

    Pixels with a palette are its indices, and the palette is the LUT of the image. Transparency is
    left out. A JPEG whose colours are grey has one channel.

    Warns
    -----
    DataWarning : for what is left out or assumed: transparency, inks, a palette that is no LUT,
        and 16-bit colours, where they cannot be read.
    """
    attrs: dict[str, Any] = {}
    with opened(path) as picture:
        mode = picture.mode
        key = picture.info.get("transparency")
        if picture.format == "PNG" and deep_colours(path):
            array, key = _deep(path, picture), None
        elif mode == "P":
            attrs, array = _indexed(path, picture), np.asarray(picture)
        elif mode.endswith("A"):
            array = np.asarray(picture)
            array = _opaque(path, array)
        elif mode in ("CMYK", "YCCK"):
            warn("its inks (CMYK) are read as red, green and blue", path=path)
            array = np.asarray(picture.convert("RGB"))
        else:
            array = np.asarray(picture)
        grey = picture.format == "JPEG" and array.ndim == 3
        if _keyed_out(array, key):
            warn(_TRANSPARENT, path=path)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if grey and (array == array[..., :1]).all():
        same = "its red, green and blue are the same: they are read as one grey channel"
        repeated_warnings.warn(repeated_warnings.GREYS, f"{path}: {same}")
        array = array[..., 0]
    return make(array, "YX" if array.ndim == 2 else "YXC", title=path.name, **attrs)


def read_indices(path: Path) -> xr.DataArray:
    """Read a PNG as the numbers in the file; pixels with a palette are its indices.

    Raises
    ------
    UserError : when it cannot be read, or its numbers have more bits than Pillow reads.
    """
    with opened(path) as picture:
        if picture.format == "PNG" and deep_colours(path):
            raise UserError(
                "has 16 bits and transparency or colours, of which 8 bits could be read",
                path=path,
                remedy="Save the label map as TIFF.",
            )
        mode = picture.mode
        if mode.endswith(("A", "a")) and mode != "PA":
            mode = {"LA": "L", "La": "L"}.get(mode, "RGB")
        if mode == "PA":
            array = np.asarray(picture)[..., 0]
        else:
            array = np.asarray(picture if mode == picture.mode else picture.convert(mode))
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    return make(array, "YX" if array.ndim == 2 else "YXC", title=path.name)


def deep_colours(path: Path) -> bool:
    """Return True for a PNG with several 16-bit samples, of which Pillow silently reads 8 bits."""
    with path.open("rb") as file:
        header = file.read(26)
    depth, kind = header[24:]
    return depth == 16 and kind != 0


def _deep(path: Path, picture: Image.Image) -> NDArray[Any]:
    """Return 16-bit samples, which Pillow does not read."""
    try:
        from imagecodecs import png_decode
    except ImportError:
        warn(
            "of its 16-bit colours (or grey values with transparency) 8 bits are read; save it as "
            "TIFF to keep all of them",
            path=path,
        )
        array = np.asarray(picture)
    else:
        picture.load()  # reports damage as for other pictures
        array = png_decode(path.read_bytes())
    return _opaque(path, array) if array.shape[-1] in (2, 4) else array


def _opaque(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """Return (Y, X, 2 or 4) without its last sample, and grey as (Y, X)."""
    if (array[..., -1] != np.iinfo(array.dtype).max).any():
        warn(_TRANSPARENT, path=path)
    return array[..., 0] if array.shape[-1] == 2 else array[..., :3]


def _keyed_out(array: NDArray[Any], key: Any) -> bool:
    """Return True if a PNG declares a number or colour that occurs as transparent."""
    if key is None or array.dtype == bool:
        return False
    if isinstance(key, bytes):  # the opacity of each colour of a palette
        opaque = np.full(256, 255, np.uint8)
        opaque[: len(key)] = np.frombuffer(key, np.uint8)[:256]
        return bool(array.dtype == np.uint8 and (opaque[array] < 255).any())
    same = array == np.asarray(key)
    return bool((same.all(axis=-1) if array.ndim == 3 else same).any())


def _indexed(path: Path, picture: Image.Image) -> dict[str, Any]:
    """Return the palette as a LUT; warn if its indices are no grey values."""
    flat = picture.getpalette("RGB") or []
    lut = np.zeros((256, 3), np.uint8)
    lut[: len(flat) // 3] = np.reshape(flat[: len(flat) // 3 * 3], (-1, 3))
    used = np.unique(np.asarray(picture))
    bright = lut[used] @ np.array([0.299, 0.587, 0.114])
    steps = np.diff(bright)
    if not ((steps > -_ROUNDING).all() or (steps < _ROUNDING).all()):
        warn(
            f"is a picture in {len(used)} indexed colours; their numbers are read as grey values, "
            "as in ImageJ. If the colours matter: Image > Type > RGB Color in ImageJ, and save it",
            path=path,
        )
    return {"luts": [lut]}
