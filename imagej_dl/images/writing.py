"""Writing of images and label maps, in the format that the name of the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from imagej_dl.images import ome_zarr
from imagej_dl.images.display import coloured
from imagej_dl.images.ome_zarr import writing as zarr_writing
from imagej_dl.images.tiff import writing as tiff_writing


def write(image: xr.DataArray, path: str | Path, overwrite: bool = False, **extra: Any) -> None:
    """Write an image: a TIFF that ImageJ opens as the same hyperstack, or an OME-Zarr.

    Parameters
    ----------
    image, overwrite, **extra : see :func:`imagej_dl.images.tiff.writing.write` and
        :func:`imagej_dl.images.ome_zarr.writing.write`.
    path : a name that ends in .tif, .tiff or .zarr.

    Raises
    ------
    UserError : as those, and for other names.
    """
    if Path(path).suffix.lower() in ome_zarr.SUFFIXES:
        zarr_writing.write(image, path, overwrite, **extra)
        return
    tiff_writing.write(image, path, overwrite, **extra)


def write_labels(
    labels: xr.DataArray,
    path: str | Path,
    overwrite: bool = False,
    *,
    source: str | None = None,
    **extra: Any,
) -> None:
    """Write a label map: a TIFF in the colours of labels, or an OME-Zarr that says what it is.

    Parameters
    ----------
    source : the way to its image, which an OME-Zarr keeps (see
        :func:`imagej_dl.images.ome_zarr.writing.way`).

    The others, and errors, are those of :func:`write`.
    """
    if Path(path).suffix.lower() in ome_zarr.SUFFIXES:
        zarr_writing.write(labels, path, overwrite, labels=True, source=source, **extra)
        return
    write(coloured(labels), path, overwrite, **extra)
