"""The form of images in all steps: an xarray.DataArray with named axes and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images import memory_maps
from imagej_dl.images.lazy_arrays import LazyArray

AXES = "TCZYX"
"""The axes of an image in their order; an image has some of them."""

DISPLAY = (
    "luts",
    "display_ranges",
    "display_mode",
    "channels",
    "slice_labels",
    "selection",
    "overlay",
)
"""Optional attrs about the display of an image; see :mod:`imagej_dl.images.display`."""

HYPERSTACK = "TZCYX"
"""ImageJ's own order: channels are the innermost axis of a hyperstack's planes."""


@dataclass(frozen=True)
class Calibration:
    """The physical size of a pixel and the time between frames, in ImageJ's terms.

    `pixel_width`, `pixel_height` and `pixel_depth` are in `unit` ("pixel" when uncalibrated),
    `frame_interval` is in seconds (0: unknown).
    """

    pixel_width: float = 1.0
    pixel_height: float = 1.0
    pixel_depth: float = 1.0
    unit: str = "pixel"
    frame_interval: float = 0.0


def make(array: Any, dims: Sequence[str] | None = None, **attrs: Any) -> xr.DataArray:
    """Make an image of an array.

    Parameters
    ----------
    array : array of 2 to 5 axes, kept as it is (no copy unless axes must be put in order).
    dims : names of its axes, of T, C, Z, Y, X; in any order. 2-D may leave it out.
    **attrs : `title`, fields of :class:`Calibration` (with defaults), and any of
        :data:`DISPLAY`.

    Raises
    ------
    UserError : when the dims do not fit the array, or are not these axes.
    """
    array = array if isinstance(array, LazyArray) else np.asarray(array)
    if dims is None and array.ndim == 2:
        dims = "YX"
    names = tuple(dims or ())
    if len(names) != array.ndim or len(set(names)) != len(names) or not {"Y", "X"} <= set(names):
        raise UserError(
            f"an image of shape {array.shape} cannot have the axes {''.join(names) or '(none)'}",
            remedy="Name one of T, C, Z, Y, X for each axis; Y and X must be among them.",
        )
    if not set(names) <= set(AXES):
        raise UserError(f"axes {''.join(names)} are not among {', '.join(AXES)}")
    known = {field.name for field in fields(Calibration)} | {"title", *DISPLAY}
    if unknown := set(attrs) - known:
        raise TypeError(f"unknown attributes {sorted(unknown)}; known are {sorted(known)}")
    filled = {**asdict(Calibration()), "title": "", **attrs}
    image = xr.DataArray(array, dims=names, attrs=filled)
    return image.transpose(*(axis for axis in AXES if axis in names))


def from_hyperstack(array: Any, **attrs: Any) -> xr.DataArray:
    """Make an image of ImageJ's planes (T, Z, C, Y, X); of its axes those of length 1 are dropped.

    Y and X always stay; **attrs are those of :func:`make`.
    """
    keep = [i for i, n in enumerate(array.shape) if n > 1 or HYPERSTACK[i] in "YX"]
    names = "".join(HYPERSTACK[i] for i in keep)
    return make(array.reshape([array.shape[i] for i in keep]), names, **attrs)


def calibration(image: xr.DataArray) -> Calibration:
    """Return the calibration in the image's attrs, with defaults for what is missing."""
    attrs = image.attrs
    return Calibration(**{f.name: attrs.get(f.name, f.default) for f in fields(Calibration)})


def with_data(
    image: xr.DataArray, array: Any, dims: Sequence[str] | None = None, **attrs: Any
) -> xr.DataArray:
    """Make an image of `array` with the attrs of `image` (same dims unless named).

    LUTs, display ranges and ROIs are not copied: they belong to the former pixels.
    """
    known = asdict(calibration(image)) | {"title": image.attrs.get("title", "")} | attrs
    return make(array, dims if dims is not None else [str(d) for d in image.dims], **known)


def as_labels(labels: Any) -> Any:
    """Return a label array or image as uint16, or uint32 when its ids need it: ids never wrap.

    Raises
    ------
    UserError : for negative ids, ids above 2³²−1, and numbers that are not whole.
    """
    array = np.asarray(labels)
    if array.dtype == np.uint16:
        return labels
    if array.dtype == np.uint32:
        fits = memory_maps.largest(array) <= np.iinfo(np.uint16).max if array.ndim > 1 else False
        return labels.astype(np.uint16) if fits else labels
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        wrong = array[array != np.rint(array)]  # NaN too
        raise UserError(
            f"is not a label map: {wrong.size} of its {array.size} pixels are not whole numbers, "
            f"such as {wrong[0]:g}",
            remedy="A label map has 0 for background and one whole number for each object: save "
            "it where it was made without scaling, smoothing or interpolation.",
        )
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    if low < 0 or high > np.iinfo(np.uint32).max:
        raise UserError(
            f"is not a label map: its values go from {low} to {high}",
            remedy="A label map has 0 for background and one whole number above 0 for each "
            "object, up to 4294967295; in ImageJ, Process > Math > Min... sets lower values to 0."
            if low < 0
            else "Renumber its objects from 1.",
        )
    return labels.astype(np.uint16 if high <= np.iinfo(np.uint16).max else np.uint32)
