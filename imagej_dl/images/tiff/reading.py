"""Reading of TIFF files as ImageJ reads them: axes, pixel size, unit, frame interval, title."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images import display, lossless_dtypes, scenes
from imagej_dl.images.array import AXES, make
from imagej_dl.images.tiff import (
    calibration,
    imagej_description,
    micromanager,
    partial_series,
    samples,
    series,
)

_MAP_ABOVE = 256 * 2**20


def read(
    path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
) -> xr.DataArray:
    """Read a TIFF; see :func:`imagej_dl.images.read`."""
    with series.opened(path) as tiff:
        file, tiff_scenes = tiff.file, tiff.scenes()
        number = scenes.index(path, [one.name for one in tiff_scenes], scene)
        partial = tiff_scenes[number].load()
        chosen = partial.series
        array = _pixels(path, file, chosen, mapped)
        array, names = samples.colours(array, chosen)
        attrs = calibration.read(path, file, chosen)
        if chosen.kind == "mmstack" and not file.is_ome:
            attrs |= micromanager.calibration(file)
        series.warn(tiff, partial)
        metadata = dict(file.imagej_metadata or {})
        colour_map = samples.colour_map(file, array.dtype)
        if array.dtype.kind == "c":
            raise UserError(
                "holds complex numbers, not intensities",
                path=path,
                remedy="Save their magnitude or phase as an image.",
            )
        if array.dtype == bool:
            array = array.astype(np.uint8) * 255
        array = imagej_description.signed(file, _ids(array, metadata), metadata)
        imagej_description.warn_calibration_function(path, file, array)
        array, names = _named(path, array, names, axes)
        channels = array.shape[names.index("C")] if "C" in names else 1
        attrs |= display.from_metadata(path, metadata, channels, colour_map)
    try:
        return make(array, names, title=path.name, **attrs)
    except UserError as error:
        raise error.at(path) from error


def _pixels(
    path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries, mapped: bool
) -> np.ndarray:
    """Return the pixels of a series: loaded in native byte order, or as a memory map."""
    single = not series.is_multifile  # pixels that seem contiguous may lie in several files
    if mapped and single and series.nbytes >= _MAP_ABOVE and series.dataoffset is not None:
        keyframe = series.keyframe
        if keyframe.is_memmappable:
            dtype = np.dtype(f"{file.byteorder}{series.dtype.char}")
            with suppress(OSError):  # some network disks cannot map
                return np.memmap(path, dtype, "r", series.dataoffset, series.shape)
    if mapped and single and _MAP_ABOVE <= series.nbytes < _room():
        # What is compressed is unpacked into a temporary file, piece by piece.
        array = series.asarray(out="memmap")
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    return partial_series.read(series)


def _room() -> int:
    """Return the free bytes for temporary files: a memory map beyond them ends the process."""
    return shutil.disk_usage(tempfile.gettempdir()).free


def _ids(array: np.ndarray, metadata: dict[str, Any]) -> np.ndarray:
    """Restore ids above 2^24 in a label map that ImageJ saved with stand-ins."""
    properties = metadata.get("Properties")
    ids = properties.get(lossless_dtypes.IDS) if isinstance(properties, dict) else None
    return array if ids is None else lossless_dtypes.received(array, None, ids)


def _named(path: Path, array: np.ndarray, names: str, axes: str | None) -> tuple[np.ndarray, str]:
    """Name each axis T, C, Z, Y or X; refuse axes that are ambiguous."""
    if axes is not None:
        wanted = axes.upper()
        squeezed = array.squeeze()
        if len(wanted) == array.ndim:
            return array, wanted
        if len(wanted) == squeezed.ndim:
            return squeezed, wanted
        raise UserError(
            f"has the shape {array.shape}, to which the axes {axes} do not fit", path=path
        )
    names = names.replace("S", "C") if "C" not in names else names
    # A plain stack of pages does not name its axis; ImageJ opens it as Z.
    free = [n for n in names if n not in AXES]
    if len(free) == 1 and array.shape[names.index(free[0])] > 1 and "Z" not in names:
        names = names.replace(free[0], "Z")
    keep = [i for i, n in enumerate(names) if array.shape[i] > 1 or n in "YX"]
    array = array.reshape([array.shape[i] for i in keep])
    names = "".join(names[i] for i in keep)
    if not set(names) <= set(AXES) or len(set(names)) != len(names):
        raise UserError(
            f"has axes that are not known ({names}, shape {array.shape})",
            path=path,
            remedy="Pass --axes, for instance --axes TYX.",
        )
    return array, names
