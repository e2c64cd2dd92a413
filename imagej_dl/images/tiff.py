"""TIFF files as ImageJ reads and writes them: axes, pixel size, unit, frame interval, title."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.files import atomic, refuse_existing
from imagej_dl.images.array import AXES, calibration, make, seconds

# ImageJ's own spelling of metre units in old files.
_UNITS = {"\\u00B5m": "µm", "micron": "µm", "microns": "µm", "μm": "µm", "": "pixel"}
_INCH = {2: "inch", 3: "cm"}
_CLASSIC_LIMIT = 2**32 - 2**25
# The largest number of labels ImageJ's 16-bit and float images hold exactly.
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")


def read_tiff(path: Path, axes: str | None = None) -> xr.DataArray:
    """Read a TIFF; see :func:`imagej_dl.images.read`."""
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            array = series.asarray()
            names = series.axes
            attrs = _ome(file) if file.is_ome else _imagej(file)
    except UserError:
        raise
    except (
        tifffile.TiffFileError,
        ValueError,
        OSError,
        IndexError,
        struct.error,
        KeyError,
    ) as error:
        raise UserError(
            f"is not a readable TIFF image ({error})",
            path=path,
            remedy="Open it in ImageJ and save it again as TIFF.",
        ) from error
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    array, names = _named(path, array, names, axes)
    return make(array, names, title=path.name, **attrs)


def write(image: xr.DataArray, path: str | Path, overwrite: bool = False, **extra: Any) -> None:
    """Write an image as a TIFF that ImageJ opens as the same hyperstack, atomically.

    Parameters
    ----------
    image : uint8, uint16 and float32 as they are; uint32 labels as 32-bit integers with the
        same description (ImageJ shows them as float); other types are refused.
    path : the file; calibration, unit and frame interval go with it.
    overwrite : whether a file that is there may be replaced.
    **extra : more of ImageJ's metadata for tifffile, such as `LUTs` or `Ranges`.

    Raises
    ------
    UserError : when the file is there, or the pixel type has no place in a TIFF of ImageJ's.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    array = np.asarray(image)
    if array.dtype.name not in (*_IMAGEJ_TYPES, "uint32"):
        raise UserError(f"cannot hold {array.dtype} pixels", path=path)
    full = image.expand_dims([axis for axis in "TZC" if axis not in image.dims])
    hyperstack = full.transpose("T", "Z", "C", "Y", "X").data
    cal = calibration(image)
    metadata: dict[str, Any] = {"unit": cal.unit, "spacing": cal.pixel_depth, **extra}
    if cal.frame_interval:
        metadata |= {"finterval": cal.frame_interval, "tunit": "sec"}
    big = array.nbytes > _CLASSIC_LIMIT
    options: dict[str, Any] = {
        "resolution": (1 / cal.pixel_width, 1 / cal.pixel_height),
        "resolutionunit": 1,
    }
    if array.dtype == np.uint32 or big:
        # ImageJ's own layout knows neither: the same description on an ordinary TIFF is read too.
        text = tifffile.imagej_description(hyperstack.shape, axes="TZCYX", **_ascii(metadata))
        options |= {"description": text, "metadata": None, "photometric": "minisblack"}
    else:
        options |= {"imagej": True, "metadata": {"axes": "TZCYX", **_ascii(metadata)}}
    with atomic(path) as temporary:
        tifffile.imwrite(temporary, hyperstack, bigtiff=big, **options)


def _ascii(metadata: dict[str, Any]) -> dict[str, Any]:
    """Write µ as ImageJ does: its description is ASCII with Java escapes."""
    unit = metadata["unit"].encode("ascii", "backslashreplace").decode()
    return {**metadata, "unit": unit.replace("\\xb5", "\\u00B5")}


def _imagej(file: tifffile.TiffFile) -> dict[str, Any]:
    tags = file.pages.first.tags
    metadata = file.imagej_metadata or {}
    attrs: dict[str, Any] = {}
    unit = str(metadata.get("unit", "")) or _INCH.get(_tag(tags, "ResolutionUnit", 1), "")
    attrs["unit"] = _UNITS.get(unit, unit)
    if attrs["unit"] != "pixel" or metadata:
        attrs["pixel_width"] = _size(tags, "XResolution")
        attrs["pixel_height"] = _size(tags, "YResolution")
    attrs["pixel_depth"] = float(metadata.get("spacing", 1.0)) or 1.0
    interval = float(metadata.get("finterval", 0.0))
    if not interval and metadata.get("fps"):
        interval = 1 / float(metadata["fps"])
    attrs["frame_interval"] = interval * seconds(str(metadata.get("tunit", "sec")))
    return attrs


def _ome(file: tifffile.TiffFile) -> dict[str, Any]:
    import xml.etree.ElementTree as ET

    try:
        root = ET.fromstring(file.ome_metadata or "")
    except ET.ParseError:
        return {}
    pixels = next((e for e in root.iter() if e.tag.endswith("}Pixels")), None)
    if pixels is None:
        return {}
    attrs: dict[str, Any] = {}
    for axis, name in (("X", "pixel_width"), ("Y", "pixel_height"), ("Z", "pixel_depth")):
        if value := pixels.get(f"PhysicalSize{axis}"):
            attrs[name] = float(value)
            attrs["unit"] = pixels.get("PhysicalSizeXUnit", "µm")
    if value := pixels.get("TimeIncrement"):
        attrs["frame_interval"] = float(value) * seconds(pixels.get("TimeIncrementUnit", "s"))
    return attrs


def _size(tags: Any, name: str) -> float:
    above, below = _tag(tags, name, (1, 1))
    return below / above if above and below else 1.0


def _tag(tags: Any, name: str, default: Any) -> Any:
    tag = tags.get(name)
    return default if tag is None else tag.value


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
