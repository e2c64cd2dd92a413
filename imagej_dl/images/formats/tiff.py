"""TIFF files, ImageJ's, OME's and others', by the modules of :mod:`imagej_dl.images.tiff`."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from imagej_dl.images.formats.base import Format
from imagej_dl.images.tiff import SUFFIXES, imagej_decoder, reading, series


class Tiff(Format):
    """TIFF: the format that is written, and of which ImageJ opens most files itself."""

    name = "TIFF"
    position = 1
    suffixes = SUFFIXES
    multi_scene = True
    writable = True

    def read(
        self, path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
    ) -> xr.DataArray:
        return reading.read(path, axes, mapped, scene)

    def scene_names(self, path: Path) -> list[str]:
        return series.names(path)

    def nbytes(self, path: Path) -> int:
        return series.nbytes(path)

    def may_be_coloured(self, path: Path) -> bool:
        return series.may_be_coloured(path)

    def unnamed_planes(self, path: Path, scene: int = 1) -> int:
        return series.unnamed_planes(path, scene)

    def opens_in_imagej(self, path: Path) -> bool:
        return imagej_decoder.opens(path)
