"""Rasterising of the ROIs of a project to label maps, with its settings."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import xarray as xr

from imagej_dl import rois
from imagej_dl.errors import DataWarning, UserError, warn
from imagej_dl.rois.painting import Overlap


@dataclass(frozen=True)
class Filling:
    """Settings of :func:`imagej_dl.rois.label_map`, and the `axes` of the image."""

    overlap: Overlap = "last"
    lines_as_areas: bool = False
    channel: int | None = None
    axes: str | None = None
    ignore: str = ""
    background: str = ""

    @property
    def changed(self) -> dict[str, Any]:
        """The settings that are not the defaults."""
        return {name: value for name, value in asdict(self).items() if value != _DEFAULT[name]}

    def after(self, before: dict[str, Any]) -> Filling:
        """Return those settings `before` that are not changed here, beside these.

        `before` are those recorded in a label map; what a later version has recorded is left out.
        """
        known = {name: value for name, value in before.items() if name in _DEFAULT}
        return Filling(**(known | self.changed))

    def fill(
        self, drawn_rois: list[rois.Roi], image: xr.DataArray, source: str | Path
    ) -> rois.Labelled:
        """Return the label map of ROIs, report and marks; warnings and errors name the RoiSet."""
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                drawn = rois.labelled(
                    drawn_rois,
                    image,
                    overlap=self.overlap,
                    lines_as_areas=self.lines_as_areas,
                    channel=self.channel,
                    ignore=self.ignore,
                    background=self.background,
                )
        except UserError as error:
            raise error.at(source) from error
        for item in caught:
            if issubclass(item.category, DataWarning):
                warn(str(item.message), path=source)
            else:
                warnings.warn(f"{source}: {item.message}", item.category, stacklevel=2)
        return drawn


_DEFAULT = {field.name: field.default for field in fields(Filling)}
