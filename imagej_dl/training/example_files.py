"""Read images, their label maps and what belongs to them, and check that these fit."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import Far, Levels, Normalisation, grey_rgb
from imagej_dl.images.checks import lossy_compression, non_finite
from imagej_dl.images.formats import registry as formats
from imagej_dl.images.labels import label_maps, marks, provenance


def checked(
    name: str, image: xr.DataArray, labels: xr.DataArray, labels_name: str
) -> tuple[xr.DataArray, xr.DataArray]:
    """Check that a label map fits its image; return both, the label map with the image's axes."""
    labels = images.stacked_like(label_maps.from_image(labels, labels_name, as_is=True), image)
    wanted = [axis for axis in image.dims if axis != "C"]
    sizes = tuple(image.sizes[axis] for axis in wanted)
    if labels.shape != sizes:
        raise UserError(
            f"has the shape {labels.shape} ({_axes(labels)}), but its image {name} has {sizes} "
            f"({''.join(map(str, wanted))})",
            path=labels_name,
            remedy="Make the label map again from the image that the ROIs were drawn on.",
        )
    return image, images.with_data(labels, labels.data, [str(axis) for axis in wanted])


def channels_of(sources: Iterable[str | Path | xr.DataArray]) -> int:
    """Return the channels that grey images are read with: 3 if any image is coloured, else 1.

    Only files with three channels are read, up to the first coloured one.
    """
    for source in sources:
        if not isinstance(source, xr.DataArray):
            try:
                if not grey_rgb.may_be_coloured(Path(source)):
                    continue
                source = images.read(source, mapped=True)
            except UserError:
                continue  # reported when it is read
        if source.sizes.get("C", 1) == 3 and not grey_rgb.is_grey(source):
            return 3
    return 1


def places_of(image: xr.DataArray) -> list[dict[str, int]]:
    """Return the place of each plane of an image, over T and Z as far as it has them."""
    stack = [axis for axis in ("T", "Z") if axis in image.dims]
    shape = tuple(image.sizes[axis] for axis in stack)
    return [dict(zip(stack, index, strict=True)) for index in np.ndindex(*shape)]


def words_of(place: dict[str, int]) -> str:
    """Return the place of a plane as it follows the name of its file, such as " T=3 Z=1"."""
    return "".join(f" {axis}={index + 1}" for axis, index in place.items())


def plane_of(name: str, image: xr.DataArray, place: dict[str, int]) -> NDArray:
    """Return a plane (Y, X) or (Y, X, C) of an image with its original intensities.

    Raises UserError for pixels that are NaN or infinite.
    """
    plane = image.isel(place).transpose(..., "Y", "X")
    raw = plane.transpose("Y", "X", "C").data if "C" in plane.dims else plane.data
    non_finite.check(raw, name, place)
    return raw


def normalised(
    name: str,
    raw: NDArray,
    place: dict[str, int],
    normalisation: Normalisation,
    levels: Levels | None,
) -> tuple[NDArray[np.float32], Levels]:
    """Return a plane of an image as the network sees it, (Y, X, C), and the levels that made it so.

    Raises
    ------
    UserError : for a pixel that is far beyond all others.
    """
    far: list[Far] = []
    ready, used = normalisation.with_levels(raw, levels, far=far)
    if far:
        raise UserError(
            f"the pixel at {non_finite.where(far[0].at, place)} is {far[0].plane:g}, so far "
            "beyond all others that the network cannot be trained",
            path=name,
            remedy=non_finite.remedy(non_finite.outlying(raw)),
        )
    return ready[..., None] if ready.ndim == 2 else ready, used


def belonging(source: str | Path | xr.DataArray, image: xr.DataArray) -> xr.DataArray:
    """Read a weight or contour map, and check that it has its image's size."""
    if isinstance(source, xr.DataArray):
        found = source
    else:
        lossy_compression.refuse(Path(source))
        found = grey_rgb.as_grey(images.read(source))
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
    """Return a digest of a plane's pixels, which does not depend on its file's name."""
    head = f"{raw.shape}{raw.dtype.kind}{raw.dtype.itemsize}".encode()
    little = raw.astype(raw.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(head + little.tobytes()).hexdigest()[:16]


def _axes(image: xr.DataArray) -> str:
    return "".join(map(str, image.dims))


def short_names(sources: Sequence[str | Path | xr.DataArray]) -> list[str]:
    """Name images by their path below their common folder, since split.json is shared."""
    paths = [Path(s).absolute() for s in sources if not isinstance(s, xr.DataArray)]
    root = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    return [
        str(source.attrs.get("title") or f"image {number}")
        if isinstance(source, xr.DataArray)
        else Path(source).absolute().relative_to(root).as_posix()
        for number, source in enumerate(sources, 1)
    ]


def labels_of(
    source: str | Path | xr.DataArray, image: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Return the label map of an image, and the marks that belong to it, if there are any.

    It is an array, a file, or the filled ROIs of a RoiSet. The connected components of a mask
    become objects.

    Raises
    ------
    UserError : also when the label map's file says that it has marks, and they are missing.
    """
    if isinstance(source, xr.DataArray):
        return label_maps.from_image(source), None
    source = Path(source)
    if formats.is_image(source) and source.suffix.lower() not in (".zip", ".roi"):
        labels, beside = images.read_labels(source), marks.path_of(source)
        if beside.is_file():
            return labels, marks.read(beside, labels)
        if provenance.read(source).get(marks.STEM):
            raise UserError(
                f"is missing: the ROIs of {source} mark what is ignored or background",
                path=beside,
                remedy="Make both again from the ROIs with `imagej-dl labels --overwrite`.",
            )
        return labels, None
    from imagej_dl import rois

    try:
        drawn = rois.labelled(rois.read(source), image)
    except UserError as error:
        raise error.at(error.path or source) from error
    return drawn.labels, drawn.marks
