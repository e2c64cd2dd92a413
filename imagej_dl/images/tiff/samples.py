"""Samples of the pixels of a TIFF: colours, opacity, inks, a palette."""

from __future__ import annotations

from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

_ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
_RAMP = np.arange(256, dtype=np.uint16) * 257


def colours(array: NDArray[Any], series: tifffile.TiffPageSeries) -> tuple[NDArray[Any], str]:
    """Return pixels whose samples are channels of the image, and their axes.

    Colours in each of several channels become channels one behind the other. Opacity is left out.
    A fourth 8-bit sample besides red, green and blue is left out, whatever it is, and inks become
    colours, both as in ImageJ.
    """
    names = series.axes
    if "S" not in names:
        return array, names
    axis = names.index("S")
    array = _channels(array, series.keyframe, axis)
    if "C" not in names:
        return array, names
    array = np.moveaxis(array, axis, names.index("C") + (axis > names.index("C")))
    names = names.replace("S", "")
    place = names.index("C")
    shape = (*array.shape[:place], -1, *array.shape[place + 2 :])
    return array.reshape(shape), names


def _channels(array: NDArray[Any], page: tifffile.TiffPage, axis: int) -> NDArray[Any]:
    """Return the samples that are channels."""
    samples, extra = array.shape[axis], tuple(page.extrasamples or ())
    if page.photometric == tifffile.PHOTOMETRIC.SEPARATED and samples == 4:
        return _of_inks(np.moveaxis(array, axis, 0), axis)
    if page.photometric == tifffile.PHOTOMETRIC.RGB and samples == 4 and array.dtype == np.uint8:
        return array.take(range(3), axis)
    first = samples - len(extra)
    kept = [i for i in range(samples) if i < first or extra[i - first] not in _ALPHA]
    return array if len(kept) == samples else array.take(kept, axis)


def colour_map(file: tifffile.TiffFile, dtype: np.dtype) -> NDArray[np.uint16] | None:
    """Return the (3, 256) LUT of a TIFF, as ImageJ finds it; None for grey from dark to bright.

    ImageJ takes no notice of the palettes of 16-bit pixels in other programs' files.
    """
    page = file.pages.first
    palette = page.colormap
    if palette is not None and palette.shape[0] == 3 and (file.is_imagej or dtype == np.uint8):
        if palette.shape[1] < 256 and page.bitspersample > 1:
            palette = np.pad(palette, ((0, 0), (0, 256 - palette.shape[1])))
        if palette.shape[1] == 256:
            return palette
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        return np.stack([_RAMP[::-1]] * 3)
    return None


def _of_inks(inks: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return red, green and blue of (4, …) cyan, magenta, yellow and black, as ImageJ does."""
    bits = inks.dtype.itemsize * 8
    wide = inks.astype(np.int64)
    dark = (wide[:3] * (2**bits - wide[3]) >> bits) + wide[3]
    colour = 2**bits - 1 - np.where(wide[3] > 0, dark, wide[:3])
    return np.moveaxis(colour.astype(inks.dtype), 0, axis)
