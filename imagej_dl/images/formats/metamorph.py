"""MetaMorph stacks (.stk): TIFF files whose planes follow the only page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr

from imagej_dl.errors import UserError, one_line
from imagej_dl.images import frame_intervals, units
from imagej_dl.images.formats.base import Format, labelled, warn_unnamed_planes
from imagej_dl.images.tiff import partial_series
from imagej_dl.images.tiff.series import BROKEN, from_file, nbytes, quiet, warn


class MetaMorph(Format):
    """MetaMorph stacks, with the axes and pixel sizes that their own tags state."""

    name = "MetaMorph stack"
    position = 4
    suffixes = (".stk",)
    raw_only = True

    def read(
        self, path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
    ) -> xr.DataArray:
        return _read(path, axes)

    def nbytes(self, path: Path) -> int:
        return nbytes(path)


def _read(path: Path, axes: str | None = None) -> xr.DataArray:
    """Read a MetaMorph stack with all its planes, which follow the only page that TIFF knows.

    The planes are slices where the file states distances between them, else frames where it
    states different times. See :func:`imagej_dl.images.read` for parameters and errors.

    Warns
    -----
    DataWarning : when the file states neither; the planes are taken as slices then.
    """
    try:
        with quiet() as log, tifffile.TiffFile(path) as file:
            tiff = from_file(path, file, log)
            metadata = file.stk_metadata
            if metadata is None:
                raise ValueError("it has no MetaMorph tags")
            stated = int(metadata["NumberPlanes"])
            partial = partial_series.checked(file.series[0], tiff.chain, "its header")
            array, page = partial_series.read(partial.series), partial.series.keyframe
            warn(tiff, partial)
        array = array.reshape(-1, *page.shape)
        count = len(array)
        attrs = _metamorph_size(metadata)
        depth = np.abs(np.asarray(metadata.get("ZDistance", 0), float)).ravel()
        heights = np.asarray(metadata.get("AbsoluteZ", 0), float).ravel()
        times = _milliseconds(metadata)
        if stated != count:  # values of planes that are missing
            depth, heights, times = depth[:count], heights[:count], times[:count]
    except BROKEN as error:
        words = one_line(error)
        raise UserError(f"is not a readable MetaMorph stack ({words})", path=path) from error
    stack = "Z"
    if count > 1 and (depth.any() or np.ptp(heights)):
        apart = depth[depth > 0] if depth.any() else np.abs(np.diff(heights))
        apart = apart[np.isfinite(apart) & (apart > 0)]
        attrs["pixel_depth"] = float(np.median(apart)) if len(apart) else 1.0
    elif count > 1 and len(times) == count and np.ptp(times):
        stack = "T"
        attrs["frame_interval"] = frame_intervals.of_times(path, dict(enumerate(times / 1000)))
    elif count > 1 and axes is None:
        warn_unnamed_planes(path, count)
    names = axes.upper() if axes else stack + page.axes.replace("S", "C")
    return labelled(path, array, names, attrs)


def _metamorph_size(metadata: dict[str, Any]) -> dict[str, Any]:
    width, height = (float(metadata.get(f"{axis}Calibration") or 0) for axis in "XY")
    unit = str(metadata.get("CalibrationUnits") or "").strip("\0 ")
    if not metadata.get("SpatialCalibration") or not (width > 0 and height > 0):
        return {}
    return {"pixel_width": width, "pixel_height": height, "unit": units.plain(unit)}


def _milliseconds(metadata: dict[str, Any]) -> np.ndarray:
    """Return when the planes were made, in ms."""
    dates = metadata.get("DatetimeCreated")
    if dates is not None:
        return np.asarray(dates, "datetime64[ms]").astype(float)
    return np.asarray(metadata.get("TimeCreated", ()), float)  # since midnight
