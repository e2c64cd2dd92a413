"""TIFF files, ImageJ's, OME's and others', by the modules of :mod:`imagej_dl.images.tiff`."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from imagej_dl.errors import UserError
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
        with series.opened(path) as tiff:
            return [scene.name for scene in tiff.scenes()]

    def nbytes(self, path: Path) -> int:
        return series.nbytes(path)

    def may_be_coloured(self, path: Path) -> bool:
        with series.opened(path) as tiff:
            first = tiff.scenes()[0].load().series
            axes = zip(first.axes, first.shape, strict=True)
            return any(size in (3, 4) for name, size in axes if name in "CS")

    def unnamed_planes(self, path: Path, scene: int = 1) -> int:
        try:
            with series.opened(path) as tiff:
                chosen = tiff.scenes()[scene - 1].load().series
                axes = zip(chosen.axes, chosen.shape, strict=True)
                return max((size for name, size in axes if name not in "TCZYXS"), default=0)
        except UserError:
            return 0  # reading the file reports what is wrong with it

    def opens_in_imagej(self, path: Path) -> bool:
        return imagej_decoder.opens(path)
