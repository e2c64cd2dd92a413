"""OME-Zarr folders, by the modules of :mod:`imagej_dl.images.ome_zarr`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl.images.formats.base import Format
from imagej_dl.images.ome_zarr import INSTALL, SUFFIXES, reading
from imagej_dl.images.ome_zarr.reading import LazyImage, open_lazily
from imagej_dl.images.ome_zarr.writing import Writer, add_labels, writer
from imagej_dl.images.ome_zarr.writing import write as write_ome_zarr

__all__ = [
    "LazyImage",
    "OmeZarr",
    "Writer",
    "add_labels",
    "open_lazily",
    "write_ome_zarr",
    "writer",
]

LAZY_ABOVE = 256 * 2**20
"""Bytes of pixels above which they are read when they are needed, where that is allowed."""


class OmeZarr(Format):
    """OME-Zarr: a folder of chunks, of which only those that are needed are read."""

    name = "OME-Zarr"
    position = 7
    suffixes = SUFFIXES
    folder_suffixes = SUFFIXES
    uploadable = False
    multi_scene = True
    writable = True
    library = "zarr"
    install = INSTALL

    def read(
        self, path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
    ) -> xr.DataArray:
        return _loaded(open_lazily(path, scene=scene, axes=axes), mapped)

    def read_label_map(self, path: Path, axes: str | None = None) -> xr.DataArray:
        return _loaded(open_lazily(path, axes=axes, labels=True), False)

    def scene_names(self, path: Path) -> list[str]:
        return reading.scene_names(path)

    def place(self, path: Path, scene: int | None = None) -> Path:
        return reading.place(path, scene or 1)

    def nbytes(self, path: Path) -> int:
        return open_lazily(path, scene=1).data.nbytes

    def may_be_coloured(self, path: Path) -> bool:
        return open_lazily(path, scene=1).sizes.get("C", 1) in (3, 4)


def _loaded(found: LazyImage, lazily: bool) -> xr.DataArray:
    if lazily and found.data.nbytes >= LAZY_ABOVE:
        return found.image()
    return found.image(np.asarray(found.data))
