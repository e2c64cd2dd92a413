"""`imagej-dl labels`: ROIs to label maps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Literal

import click
import xarray as xr
from pydantic import Field

from imagej_dl import images, project, rois
from imagej_dl.commands.base import Command, Positional
from imagej_dl.errors import UserError
from imagej_dl.files import refuse_existing
from imagej_dl.progress import Progress


class Labels(Command):
    """Turn ROIs into label maps, pixel for pixel as ImageJ fills them.

    IMAGE and ROISET (a RoiSet.zip or a .roi) make one label map. IMAGE may instead be a
    project, or a folder with images and RoiSets: each image goes to Processed/images and its
    label map to Processed/masks under the same name. Beside each label map lies a table
    (.csv) of its ROIs: label, name, type, position, area in pixels.
    """

    image: Annotated[Path, Positional()] = Field(
        description="The image the ROIs were drawn on; or a project, or a folder of such images."
    )
    roiset: Annotated[Path | None, Positional()] = Field(
        None, description="The ROIs: a RoiSet.zip or a .roi file. Not for a folder."
    )
    out: Path | None = Field(
        None,
        description="The label map to write (.tif); for a folder, the folder that gets images "
        "and masks (its own Processed where this is left out).",
    )
    overlap: Literal["last", "first", "smallest", "error"] = Field(
        "last",
        description="Whose a pixel in several ROIs is: the last or first in the RoiSet, the "
        "one of the smallest area, or an error.",
    )
    lines_as_areas: bool = Field(
        False, description="Fill lines too, as wide as their stroke (pixels)."
    )
    channel: int | None = Field(
        None, ge=1, description="Take only ROIs of this channel, from 1, and those without one."
    )
    axes: str | None = Field(
        None, description="The image's axes, such as TYX, where its file says them wrong."
    )
    overwrite: bool = Field(False, description="Replace files that are there.")

    def run(self, progress: Progress) -> None:
        if self.image.is_dir():
            self._run_folder(progress)
            return
        if self.roiset is None:
            raise UserError("is one image, so its ROIs are needed too", path=self.image)
        if self.out is None:
            raise UserError("pass --out LABELS.tif", path=self.image)
        self._refuse(self.out, rois.table_path(self.out))
        self._write(self.image, self.roiset, self.out)

    def _run_folder(self, progress: Progress) -> None:
        if self.roiset is not None:
            raise UserError("is a folder, so a RoiSet of its own cannot be given", path=self.image)
        found = project.drawn(self.image)
        target = self.out or project.processed(self.image)
        plan = [
            (item, target / "images" / f"{item.name}.tif", target / "masks" / f"{item.name}.tif")
            for item in found
        ]
        for _, image, labels in plan:
            self._refuse(image, labels, rois.table_path(labels))
        for done, (item, image, labels) in enumerate(plan):
            progress("labels", done, len(plan))
            picture = self._write(item.image, item.rois, labels)
            images.write(picture, image, overwrite=self.overwrite)
        progress("labels", len(plan), len(plan))

    def _refuse(self, *paths: Path) -> None:
        # all are looked at before the first is written
        for path in paths:
            refuse_existing(path, self.overwrite)

    def _write(self, image: Path, roiset: Path, out: Path) -> xr.DataArray:
        picture = images.read(image, self.axes)
        found = rois.read(roiset)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                labels, report = rois.label_map(
                    found,
                    picture,
                    overlap=self.overlap,
                    lines_as_areas=self.lines_as_areas,
                    channel=self.channel,
                )
        except UserError as error:
            raise UserError(error.problem, path=roiset, remedy=error.remedy) from error
        for item in caught:
            # which of a folder's RoiSets it is about
            warnings.warn(f"{roiset}: {item.message}", item.category, stacklevel=2)
        images.write(labels, out, overwrite=self.overwrite)
        report.write(rois.table_path(out))
        contested = f", {report.contested} contested pixels ({self.overlap} wins)"
        click.echo(
            f"{out}: {len(report.kept)} of {len(found)} ROIs"
            + (contested if report.contested else "")
        )
        return picture
