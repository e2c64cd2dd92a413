"""Writing of images and label maps, in the format that the name of the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from imagej_dl.images import ome_zarr, tiff
from imagej_dl.images.display import coloured


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
        from imagej_dl.images.ome_zarr import writing as zarr_writing

        zarr_writing.write(image, path, overwrite, **extra)
        return
    from imagej_dl.images.tiff import writing as tiff_writing

    tiff_writing.write(image, path, overwrite, **extra)


def write_labels(
    labels: xr.DataArray,
    path: str | Path,
    overwrite: bool = False,
    *,
    source: Path | None = None,
    **extra: Any,
) -> None:
    """Write a label map: a TIFF in the colours of labels, or an OME-Zarr that says what it is.

    Parameters
    ----------
    source : the file of its image, which an OME-Zarr names if it is one, too.

    The others, and errors, are those of :func:`write`.
    """
    if Path(path).suffix.lower() in ome_zarr.SUFFIXES:
        from imagej_dl.images.ome_zarr import writing as zarr_writing

        of = source if source is not None and source.suffix.lower() in ome_zarr.SUFFIXES else None
        zarr_writing.write(labels, path, overwrite, labels=True, source=of, **extra)
        return
    write(coloured(labels), path, overwrite, **extra)


assert not set(tiff.SUFFIXES) & set(ome_zarr.SUFFIXES)
