"""How the ROIs of a project become label maps."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from imagej_dl import rois
from imagej_dl.errors import DataWarning, UserError, warn
from imagej_dl.rois.painting import Overlap


@dataclass(frozen=True)
class Filling:
    """How ROIs become a label map, see :func:`imagej_dl.rois.label_map`; `axes` of the image."""

    overlap: Overlap = "last"
    lines_as_areas: bool = False
    channel: int | None = None
    axes: str | None = None

    def fill(
        self, found: list[rois.Roi], image: xr.DataArray, source: str | Path
    ) -> tuple[xr.DataArray, rois.LabelReport]:
        """Fill the ROIs; warnings and errors say which of several RoiSets they are about."""
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                labels, report = rois.label_map(
                    found,
                    image,
                    overlap=self.overlap,
                    lines_as_areas=self.lines_as_areas,
                    channel=self.channel,
                )
        except UserError as error:
            raise error.at(source) from error
        for item in caught:
            if issubclass(item.category, DataWarning):
                warn(str(item.message), path=source)
            else:
                warnings.warn(f"{source}: {item.message}", item.category, stacklevel=2)
        return labels, report
