"""Files of microscopes that are no TIFFs of ImageJ's: MetaMorph, ZEISS, and what bioio reads.

Their axes and pixel sizes are those that the file states. The libraries for CZI and for bioio's
formats are extras: without them such a file is an error that names the extra.
"""

from __future__ import annotations

import struct
import warnings
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.array import make

STK, CZI = ".stk", ".czi"
BIOIO = (
    ".nd2",
    ".lif",
    ".dv",
    ".r3d",
    ".oib",
    ".oif",
    ".oir",
    ".ims",
    ".sld",
    ".sldy",
    ".vsi",
    ".zarr",
)
"""Suffixes that bioio and its plugins read (of .zarr it is a folder)."""
RAW = (STK, CZI, *BIOIO)

_UNITS = {"um": "µm", "microns": "µm", "micron": "µm", "μm": "µm", "micrometer": "µm", "": "pixel"}
_CZI_AXES = "TCZ"


def read_stk(path: Path, axes: str | None = None) -> xr.DataArray:
    """Read a MetaMorph stack with all its planes, which follow the only page that TIFF knows.

    The planes are slices where the file states distances between them, else frames where it
    states different times. See :func:`imagej_dl.images.read` for parameters and errors.

    Warns
    -----
    DataWarning : when the file states neither; the planes are taken as slices then.
    """
    try:
        with tifffile.TiffFile(path) as file:
            metadata = file.stk_metadata
            if metadata is None:
                raise ValueError("it has no tags of MetaMorph's")
            array = np.asarray(file.series[0].asarray())
            page = file.series[0].keyframe
    except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        raise UserError(f"is not a readable MetaMorph stack ({error})", path=path) from error
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    count = int(metadata["NumberPlanes"])
    array = array.reshape(count, *page.shape)
    attrs = _metamorph_size(metadata)
    depth = np.abs(np.asarray(metadata.get("ZDistance", 0), float)).ravel()
    heights = np.asarray(metadata.get("AbsoluteZ", 0), float).ravel()
    times = _milliseconds(metadata)
    stack = "Z"
    if count > 1 and (depth.any() or np.ptp(heights)):
        apart = depth[depth > 0] if depth.any() else np.abs(np.diff(heights))
        attrs["pixel_depth"] = float(np.median(apart)) or 1.0
    elif count > 1 and len(times) == count and np.ptp(times):
        stack = "T"
        attrs["frame_interval"] = float(np.median(np.diff(times))) / 1000
    elif count > 1 and axes is None:
        warn_unstated(path, count)
    names = axes.upper() if axes else stack + page.axes.replace("S", "C")
    return _made(path, array, names, attrs)


def read_czi(path: Path, axes: str | None = None) -> xr.DataArray:
    """Read a ZEISS CZI file: its frames, channels and slices, mosaics put together.

    Warns
    -----
    DataWarning : when it has several scenes, of which the first is read.
    """
    if find_spec("pylibCZIrw") is None:
        raise UserError(
            "is a CZI file, and pylibCZIrw, which reads them, is not installed",
            path=path,
            remedy="pip install 'imagej-dl[czi]', or save it as TIFF in Fiji.",
        )
    from pylibCZIrw import czi

    try:
        with czi.open_czi(str(path)) as file:
            sizes = {axis: high - low for axis, (low, high) in file.total_bounding_box.items()}
            scenes = file.scenes_bounding_rectangle
            _refuse_axes(path, sizes)
            where = {"scene": min(scenes)} if scenes else {}
            if len(scenes) > 1:
                _warn_scenes(path, len(scenes))
            stack = [axis for axis in _CZI_AXES if axis in sizes]
            planes = [
                file.read(plane=dict(zip(stack, place, strict=True)), **where)
                for place in product(*(range(sizes[axis]) for axis in stack))
            ]
            metadata = file.metadata
    except UserError:
        raise
    except Exception as error:  # the library's own, of no common kind
        words = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"is not a readable CZI file ({words})", path=path) from error
    array = np.stack(planes).reshape([sizes[axis] for axis in stack] + list(planes[0].shape))
    names = "".join(stack) + "YX"
    if array.shape[-1] == 1:
        array = array[..., 0]
    elif "C" in names and sizes["C"] > 1:
        raise UserError("has colours in several channels", path=path, remedy="Split them in ZEN.")
    else:
        array, names = array[..., ::-1], names.replace("C", "c") + "C"  # stored blue, green, red
        if "c" in names:
            array, names = array.squeeze(names.index("c")), names.replace("c", "")
    return _made(path, array, axes.upper() if axes else names, _czi_size(metadata))


def read_bioio(path: Path, axes: str | None = None) -> xr.DataArray:
    """Read what bioio and its plugins read.

    Warns
    -----
    DataWarning : when it has several scenes, of which the first is read.
    """
    if find_spec("bioio") is None:
        raise UserError(
            f"is a {path.suffix} file, and bioio, which may read it, is not installed",
            path=path,
            remedy="pip install 'imagej-dl[bioio]' and bioio's plugin for the format (such as "
            "bioio-nd2), or save it as TIFF in Fiji.",
        )
    from bioio import BioImage

    try:
        image = BioImage(path)
        if len(image.scenes) > 1:
            _warn_scenes(path, len(image.scenes))
        array, names = np.asarray(image.data), str(image.dims.order)
        sizes, interval = image.physical_pixel_sizes, getattr(image, "time_interval", None)
    except Exception as error:  # each plugin has its own
        words = (" ".join(str(error).split()) or type(error).__name__)[:300]
        raise UserError(
            f"cannot be read by bioio ({words})",
            path=path,
            remedy="Install bioio's plugin for the format, or save it as TIFF in Fiji.",
        ) from error
    if "S" in names:
        channel = names.index("C") if "C" in names else None
        if channel is not None and array.shape[channel] > 1:
            raise UserError("has colours in several channels", path=path)
        if channel is not None:
            array, names = array.squeeze(channel), names.replace("C", "")
        names = names.replace("S", "C")
    attrs: dict[str, Any] = {}
    for axis, key in (("X", "pixel_width"), ("Y", "pixel_height"), ("Z", "pixel_depth")):
        if value := getattr(sizes, axis, None):
            attrs |= {key: float(value), "unit": "µm"}
    if interval is not None:
        seconds = getattr(interval, "total_seconds", None)
        attrs["frame_interval"] = float(seconds() if seconds else interval)
    return _made(path, array, axes.upper() if axes else names, attrs)


def warn_unstated(path: Path, count: int) -> None:
    """Say that a file does not state what its planes are."""
    warnings.warn(
        f"{path}: does not say what its {count} planes are; they are taken as slices (Z). If they "
        "are frames, pass --axes TYX",
        DataWarning,
        stacklevel=4,
    )


def _made(path: Path, array: np.ndarray, names: str, attrs: dict[str, Any]) -> xr.DataArray:
    """Drop axes of length 1 and make the image; `names` may be given for all axes or the rest."""
    if len(names) != array.ndim:
        array = array.squeeze()
    if len(names) != array.ndim:
        raise UserError(
            f"has the shape {array.shape}, to which the axes {names} do not fit", path=path
        )
    keep = [i for i, name in enumerate(names) if array.shape[i] > 1 or name in "YX"]
    array = array.reshape([array.shape[i] for i in keep])
    try:
        return make(array, "".join(names[i] for i in keep), title=path.name, **attrs)
    except UserError as error:
        raise UserError(error.problem, path=path, remedy=error.remedy) from error


def _metamorph_size(metadata: dict[str, Any]) -> dict[str, Any]:
    width, height = (float(metadata.get(f"{axis}Calibration") or 0) for axis in "XY")
    unit = str(metadata.get("CalibrationUnits") or "").strip("\0 ")
    if not metadata.get("SpatialCalibration") or not (width > 0 and height > 0):
        return {}
    return {"pixel_width": width, "pixel_height": height, "unit": _UNITS.get(unit, unit)}


def _milliseconds(metadata: dict[str, Any]) -> np.ndarray:
    """Return when the planes were made, in ms."""
    dates = metadata.get("DatetimeCreated")
    if dates is not None:
        return np.asarray(dates, "datetime64[ms]").astype(float)
    return np.asarray(metadata.get("TimeCreated", ()), float)  # since midnight


def _czi_size(metadata: Any) -> dict[str, Any]:
    """Return the pixel size from a CZI's XML, which gives it in metres, and the interval."""
    try:
        items = metadata["ImageDocument"]["Metadata"]["Scaling"]["Items"]["Distance"]
        sizes = {item["@Id"]: float(item["Value"]) * 1e6 for item in items if item.get("Value")}
    except (KeyError, TypeError, ValueError):
        sizes = {}
    names = {"X": "pixel_width", "Y": "pixel_height", "Z": "pixel_depth"}
    attrs: dict[str, Any] = {names[a]: v for a, v in sizes.items() if a in names and v > 0}
    if attrs:
        attrs["unit"] = "µm"
    try:
        image = metadata["ImageDocument"]["Metadata"]["Information"]["Image"]
        attrs["frame_interval"] = float(
            image["Dimensions"]["T"]["Positions"]["Interval"]["Increment"]
        )
    except (KeyError, TypeError, ValueError):
        pass
    return attrs


def _refuse_axes(path: Path, sizes: dict[str, int]) -> None:
    strange = [axis for axis in sizes if axis not in "TCZYX" and sizes[axis] > 1]
    if strange:
        raise UserError(
            f"has the axes {', '.join(strange)}, which are not of T, C, Z, Y, X",
            path=path,
            remedy="Split the file in ZEN or in Fiji.",
        )


def _warn_scenes(path: Path, count: int) -> None:
    warnings.warn(
        f"{path}: holds {count} scenes, of which the first is read; save each to a file of its "
        "own to have them all",
        DataWarning,
        stacklevel=4,
    )
