"""TIFF files as ImageJ reads and writes them: axes, pixel size, unit, frame interval, title."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic, refuse_existing
from imagej_dl.images import display, lossless_dtypes, memory_maps, scenes
from imagej_dl.images.array import AXES, calibration, make
from imagej_dl.images.tiff import calibration as calibrations
from imagej_dl.images.tiff import imagej_description as described
from imagej_dl.images.tiff import micromanager, partial_series, samples, series

_CLASSIC_LIMIT = 2**32 - 2**25
# A TIFF has the number of pixels in a unit of length as a fraction of 32-bit numbers.
_SMALLEST, _LARGEST = 2.0**-31, 2.0**31
_MAP_ABOVE = 256 * 2**20
_NATIVE: Literal["<", ">"] = "<" if sys.byteorder == "little" else ">"
# Of the types ImageJ has, those that its own TIFFs hold; labels above 16 bits go as uint32.
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
# What ImageJ keeps in a tag of its own and not in the description.
_BINARY = ("Info", "Labels", "Ranges", "LUTs", "ROI", "Overlays", "Properties")


def read_tiff(
    path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
) -> xr.DataArray:
    """Read a TIFF; see :func:`imagej_dl.images.read`."""
    with series.opened(path) as tiff:
        file, found = tiff.file, tiff.scenes()
        number = scenes.index(path, [one.name for one in found], scene)
        made = found[number].held()
        chosen = made.series
        array = _pixels(path, file, chosen, mapped)
        array, names = samples.colours(array, chosen)
        attrs = calibrations.read(path, file, chosen)
        if chosen.kind == "mmstack" and not file.is_ome:
            attrs |= micromanager.size(file)
        series.warn(tiff, made)
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
        array = described.signed(file, _ids(array, metadata), metadata)
        described.warn_of_function(path, file, array)
        array, names = _named(path, array, names, axes)
        channels = array.shape[names.index("C")] if "C" in names else 1
        attrs |= display.from_metadata(path, metadata, channels, colour_map)
    try:
        return make(array, names, title=path.name, **attrs)
    except UserError as error:
        raise UserError(error.problem, path=path, remedy=error.remedy) from error


def _pixels(
    path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries, mapped: bool
) -> np.ndarray:
    """Return the pixels of a series: loaded in native byte order, or mapped as they are."""
    single = not series.is_multifile  # else what lies behind each other may be of several files
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
    """Bytes of the temporary folder's disk: a memory map filled beyond them ends the process."""
    return shutil.disk_usage(tempfile.gettempdir()).free


def _ids(array: np.ndarray, metadata: dict[str, Any]) -> np.ndarray:
    """Give ids above 2^24 back to a label map that ImageJ has saved with stand-ins."""
    properties = metadata.get("Properties")
    ids = properties.get(lossless_dtypes.IDS) if isinstance(properties, dict) else None
    return array if ids is None else lossless_dtypes.received(array, None, ids)


def write(image: xr.DataArray, path: str | Path, overwrite: bool = False, **extra: Any) -> None:
    """Write an image as a TIFF that ImageJ opens as the same hyperstack, atomically.

    Parameters
    ----------
    image : uint8, uint16 and float32 as they are; uint32 labels as 32-bit integers with the
        same description (ImageJ shows them as float); other types are refused.
    path : the file; calibration, unit and frame interval go with it, and how the image is shown
        (LUTs, ranges, mode, selection and overlay, see :mod:`imagej_dl.images.display`).
    overwrite : whether a file that is there may be replaced.
    **extra : more of ImageJ's metadata for tifffile, such as `LUTs` or `Ranges`.

    Raises
    ------
    UserError : when the file is there, its name does not end in .tif or .tiff, or the pixel
        type has no place in a TIFF of ImageJ's.
    """
    path = Path(path)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise UserError("is no name of a TIFF", path=path, remedy="Let it end in .tif or .tiff.")
    refuse_existing(path, overwrite)
    array = np.asarray(image)
    if array.dtype.name not in (*_IMAGEJ_TYPES, "uint32"):
        raise UserError(f"cannot hold {array.dtype} pixels", path=path)
    if not array.size:
        raise UserError("would have no pixels", path=path)
    full = image.expand_dims([axis for axis in "TZC" if axis not in image.dims])
    hyperstack = full.transpose("T", "Z", "C", "Y", "X").data
    cal = calibration(image)
    if not all(_SMALLEST <= size <= _LARGEST for size in (cal.pixel_width, cal.pixel_height)):
        raise UserError(
            f"cannot hold pixels of {cal.pixel_width:g} × {cal.pixel_height:g} {cal.unit}",
            path=path,
            remedy="Give the image another unit of length, such as µm.",
        )
    shown, colour_map = display.to_metadata(image)
    metadata: dict[str, Any] = {"unit": cal.unit, "spacing": cal.pixel_depth, **shown, **extra}
    if cal.frame_interval:
        metadata |= {"finterval": cal.frame_interval, "tunit": "sec"}
    big = array.nbytes > _CLASSIC_LIMIT
    options: dict[str, Any] = {
        "resolution": (1 / cal.pixel_width, 1 / cal.pixel_height),
        "resolutionunit": 1,
        "extratags": [] if colour_map is None else [(320, 3, 768, colour_map.ravel(), True)],
    }
    if array.dtype.name == "uint32" or big:
        # ImageJ's own layout knows neither: the same description on an ordinary TIFF is read too.
        binary = {name: metadata.pop(name) for name in _BINARY if name in metadata}
        text = tifffile.imagej_description(hyperstack.shape, axes="TZCYX", **_ascii(metadata))
        options |= {"description": text, "metadata": None, "photometric": "minisblack"}
        options["extratags"] += tifffile.imagej_metadata_tag(binary, _NATIVE)
    else:
        names = "TZCYX"
        if hyperstack.shape[-1] == 1:
            # A last axis of 1 tifffile takes for the samples of a pixel: it must have such an axis.
            hyperstack, names = hyperstack[..., None], "TZCYXS"
        options |= {"imagej": True, "metadata": {"axes": names, **_ascii(metadata)}}
    with atomic(path) as temporary:
        if not memory_maps.mapped(array):
            tifffile.imwrite(temporary, hyperstack, bigtiff=big, **options)
            return
        # From file to file, so that the memory need not hold it. Not by a memory map: on a disk
        # that is full it would end the process, and some network disks have none.
        shape, kind = hyperstack.shape, hyperstack.dtype.newbyteorder(_NATIVE)
        options |= {"shape": shape, "dtype": kind, "byteorder": _NATIVE, "returnoffset": True}
        offset, _ = tifffile.imwrite(temporary, bigtiff=big, **options)  # type: ignore[misc]
        with temporary.open("r+b") as file:
            file.seek(offset)
            for _, part in memory_maps.pieces(hyperstack):
                file.write(np.ascontiguousarray(part, kind).data)


def _ascii(metadata: dict[str, Any]) -> dict[str, Any]:
    """Write text as ImageJ does: its description is ASCII with Java's escapes."""
    return {
        name: described.escaped(value) if isinstance(value, str) else value
        for name, value in metadata.items()
    }


def _named(path: Path, array: np.ndarray, names: str, axes: str | None) -> tuple[np.ndarray, str]:
    """Give every axis one of our names; refuse what cannot be known."""
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
    # A plain stack of pages says nothing of its axis; ImageJ opens it as Z, and so do we.
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
            remedy="Say what they are with --axes, for instance --axes TYX.",
        )
    return array, names
