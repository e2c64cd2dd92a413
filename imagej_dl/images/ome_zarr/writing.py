"""Writing of OME-Zarr: an image or a label map with its pyramid, block by block.

Written is NGFF 0.4 unless 0.5 is asked for. Both are read by Fiji (N5 and MoBIE), napari and
imagej-dl in their present versions; 0.4 also by QuPath and Bio-Formats, whose reader knows Zarr 2
only, and by all that is older than 2025. Chunks are compressed by Blosc with LZ4, as bioformats2raw
does, since readers in Java lack the Zstandard that zarr-python would take.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import DTypeLike

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic_folder, refuse_existing
from imagej_dl.images import memory_maps
from imagej_dl.images.array import AXES, Calibration, as_labels, calibration
from imagej_dl.images.ome_zarr import KEY, SUFFIX, pyramid, reading
from imagej_dl.images.ome_zarr.chunks import ChunkedSource
from imagej_dl.images.ome_zarr.describing import shown
from imagej_dl.images.ome_zarr.filling import Version, Writer, describe, filled


@contextmanager
def writer(
    path: str | Path,
    sizes: Mapping[str, int],
    dtype: DTypeLike,
    cal: Calibration | None = None,
    *,
    labels: bool = False,
    source: str | None = None,
    version: Version = "0.4",
    overwrite: bool = False,
    channels: Sequence[Mapping[str, Any]] = (),
    facts: Mapping[str, Any] | None = None,
) -> Iterator[Writer]:
    """Yield what takes the pixels of a new OME-Zarr; on success the folder is there as a whole.

    Parameters
    ----------
    path : the folder, whose name ends in .zarr.
    sizes : length of each axis: of T, C, Z those that there are, and Y and X.
    dtype : of the pixels: whole numbers and floats; of labels whole numbers.
    cal : calibration; without one the image has none.
    labels, source : whether it is a label map, and the way from it to its image, such as
        "../cells.ome.zarr" (see :func:`way`).
    version : of NGFF.
    channels, facts : see :func:`imagej_dl.images.ome_zarr.describing.attributes`.

    Raises
    ------
    UserError : when the folder is there, cannot be written, or cannot hold such pixels.
    ValueError : at the end, when not all blocks were written.
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise UserError(
            "is not the name of an OME-Zarr", path=path, remedy=f"Use the suffix .ome{SUFFIX}."
        )
    reading.need(path)
    refuse_existing(path, overwrite)
    with (
        atomic_folder(path, overwrite=overwrite) as folder,
        filled(
            folder,
            sizes,
            np.dtype(dtype),
            cal,
            path=path,
            labels=labels,
            source=source,
            version=version,
            channels=channels,
            facts=facts,
        ) as made,
    ):
        yield made


def write(
    image: xr.DataArray,
    path: str | Path,
    overwrite: bool = False,
    *,
    labels: bool = False,
    source: str | None = None,
    version: Version = "0.4",
    **extra: Any,
) -> None:
    """Write an image or a label map as OME-Zarr, block by block.

    Parameters
    ----------
    image : dims of T, C, Z, Y, X; its pixels may be a memory map, or read when they are needed.
    labels, source, version : as for :func:`writer`.
    **extra : `min` and `max`, the range in which the image is shown, and facts about a label map
        (see :mod:`imagej_dl.images.labels.provenance`); others have no place in an OME-Zarr.

    Raises
    ------
    UserError : as :func:`writer`; for labels that are no ids.
    """
    if labels and image.dtype not in (np.uint16, np.uint32):
        image = as_labels(image)
    facts = json.loads(extra[KEY]) if KEY in extra else None
    sizes = {str(axis): n for axis, n in image.sizes.items()}
    with writer(
        path,
        sizes,
        image.dtype.newbyteorder("="),
        calibration(image),
        labels=labels,
        source=source,
        version=version,
        overwrite=overwrite,
        channels=[] if labels else shown(image, extra),
        facts=None if facts is None else {"facts": facts},
    ) as made:
        _fill(made, image)


def add_labels(
    labels: xr.DataArray, image: str | Path, name: str = "labels", *, scene: int | None = None
) -> Path:
    """Write a label map into the OME-Zarr of its image, as `labels/NAME`; return its folder.

    Parameters
    ----------
    labels : of the sizes of the image; without C.
    image : the folder, or one in it; scene : see :func:`reading.open_lazily`.
    name : of the label map; one that is there is not replaced.

    Raises
    ------
    UserError : when there is one of this name, the sizes differ, or it cannot be written.
    """
    image = Path(image)
    of = reading.open_lazily(image, scene=scene)
    labels = as_labels(labels)
    sizes = {str(a): n for a, n in labels.sizes.items() if n > 1 or str(a) in "YX"}
    expected = {axis: n for axis, n in of.sizes.items() if axis != "C"}
    if sizes != expected:
        raise UserError(
            f"has the sizes {expected}, and the label map {sizes}",
            path=of.path,
            remedy="A label map has the frames, slices, rows and columns of its image.",
        )
    if not name.strip() or name != Path(name).name or name.startswith("."):
        raise UserError(f"{name!r} is no name of a label map", remedy="Use letters and digits.")
    assert isinstance(of.data.source, ChunkedSource)
    found = of.data.source.image
    version: Version = "0.5" if found.levels[0].facts.zarr_format == 3 else "0.4"
    known = reading.label_names(of.path)
    target = of.path / "labels" / name
    with atomic_folder(target) as folder:
        # As many axes as the image has; those that the label map lacks have the length 1.
        axes = found.axes.replace("?", "")
        full = {axis: sizes.get(axis, 1) for axis in AXES if axis in axes}
        with filled(
            folder,
            full,
            labels.dtype,
            of.calibration,
            path=target,
            labels=True,
            source="../../",
            version=version,
        ) as made:
            _fill(made, labels)
    describe(target.parent, version, {"labels": [*known, name]})
    return target


def _fill(made: Writer, image: xr.DataArray) -> None:
    """Write all pixels of an image; of axes that it lacks the length is 1."""
    pixels = image.transpose(*(axis for axis in AXES if axis in image.dims)).data
    pixels = pixels.reshape(made.shape)
    for place in pyramid.blocks(made.shape):
        made.write(place, pixels[place])
        memory_maps.forget(pixels)


def way(path: Path, image: Path) -> str | None:
    """Return the way from a label map to its image, where that is an OME-Zarr, too."""
    if image.suffix.lower() != SUFFIX:
        return None
    return Path(os.path.relpath(image, path)).as_posix()
