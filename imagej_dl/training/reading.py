"""From files to images and label maps that belong together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import numbers


def checked(
    name: str, image: xr.DataArray, labels: xr.DataArray, labels_name: str
) -> tuple[xr.DataArray, xr.DataArray]:
    """Check that the labels are labels and those of the image; give them its axes."""
    if "C" in labels.dims:
        raise UserError(
            "is a colour or multi-channel image, not a label map",
            path=labels_name,
            remedy="Label maps have one channel, whose values are the objects' ids.",
        )
    try:
        labels = images.as_labels(labels)
    except UserError as error:
        raise UserError(error.problem, path=labels_name, remedy=error.remedy) from error
    labels = images.stacked_like(labels, image)
    wanted = [axis for axis in image.dims if axis != "C"]
    sizes = tuple(image.sizes[axis] for axis in wanted)
    if labels.shape != sizes:
        raise UserError(
            f"has the shape {labels.shape} ({_axes(labels)}), its image {name} has {sizes} "
            f"({''.join(map(str, wanted))})",
            path=labels_name,
            remedy="Make the label map again from the image that the ROIs were drawn on.",
        )
    return image, images.with_data(labels, labels.data, [str(axis) for axis in wanted])


def plane_of(name: str, image: xr.DataArray, place: dict[str, int]) -> NDArray:
    """Return a plane (Y, X) or (Y, X, C) of an image as it is in its file.

    Raises UserError for pixels that are NaN or infinite.
    """
    plane = image.isel(place).transpose(..., "Y", "X")
    raw = plane.transpose("Y", "X", "C").data if "C" in plane.dims else plane.data
    numbers.check(raw, name, place)
    return raw


def belonging(source: str | Path | xr.DataArray, image: xr.DataArray) -> xr.DataArray:
    """Read a map that belongs to an image, and check that it has its size."""
    found = source if isinstance(source, xr.DataArray) else images.read(source)
    found = images.stacked_like(found, image)
    wanted = {axis: size for axis, size in image.sizes.items() if axis != "C"}
    if dict(found.sizes) != wanted:
        raise UserError(
            f"has the axes {dict(found.sizes)}, its image has {wanted}",
            path=str(source) if not isinstance(source, xr.DataArray) else None,
            remedy="Make it again from the labels of that image.",
        )
    return found.transpose(*wanted)


def name_of(raw: NDArray) -> str:
    """Name a plane by its pixels, whatever its file is called."""
    head = f"{raw.shape}{raw.dtype.kind}{raw.dtype.itemsize}".encode()
    little = raw.astype(raw.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(head + little.tobytes()).hexdigest()[:16]


def _axes(image: xr.DataArray) -> str:
    return "".join(map(str, image.dims))


def short_names(sources: Sequence[str | Path | xr.DataArray]) -> list[str]:
    """Name images by their path below what all have in common: split.json goes to others."""
    paths = [Path(s).absolute() for s in sources if not isinstance(s, xr.DataArray)]
    root = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    return [
        str(source.attrs.get("title") or f"image {number}")
        if isinstance(source, xr.DataArray)
        else Path(source).absolute().relative_to(root).as_posix()
        for number, source in enumerate(sources, 1)
    ]


def labels_of(source: str | Path | xr.DataArray, image: xr.DataArray) -> xr.DataArray:
    """Return the label map of an image: an array, a file, or the ROIs of a RoiSet, filled."""
    if isinstance(source, xr.DataArray):
        return source
    if Path(source).suffix.lower() not in (".zip", ".roi") and not Path(source).is_dir():
        return images.read(source)
    from imagej_dl import rois

    try:
        return rois.label_map(rois.read(source), image)[0]
    except UserError as error:
        raise UserError(error.problem, path=error.path or source, remedy=error.remedy) from error
