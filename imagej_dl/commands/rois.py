"""`imagej-dl rois`: a label map to ROIs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click
from pydantic import Field

from imagej_dl import rois
from imagej_dl.commands.base import Command, Positional
from imagej_dl.errors import UserError
from imagej_dl.files import refuse_existing
from imagej_dl.images.formats import read_labels
from imagej_dl.progress import Progress


class Rois(Command):
    """Turn a label map into a RoiSet.zip.

    Each label of each plane becomes a ROI that encloses exactly its pixels: a traced one, or a
    composite where the label has holes or several pieces. Names come from the table (.csv)
    beside the label map, if there is one. `imagej-dl labels` makes the same label map of the
    ROIs again, with the same ids.
    """

    labels: Annotated[Path, Positional()] = Field(description="The label map, a TIFF or PNG.")
    out: Path = Field(description="The RoiSet.zip to write.")
    axes: str | None = Field(
        None, description="The label map's axes, such as TYX, where its file says them wrong."
    )
    hyperstack: bool = Field(
        False,
        description="Give ROIs a slice or frame of a hyperstack also where the labels have "
        "only one of the two, as for an image with several channels.",
    )
    overwrite: bool = Field(False, description="Replace the file if it is there.")

    def run(self, progress: Progress) -> None:
        refuse_existing(self.out, self.overwrite)
        labels = read_labels(self.labels, self.axes)
        table = rois.table_path(self.labels)
        names = rois.read_names(table) if table.is_file() else None
        found = rois.trace(labels, names, hyperstack=self.hyperstack or None)
        if not found:
            raise UserError("holds no label, only background", path=self.labels)
        rois.write(found, self.out, overwrite=self.overwrite)
        click.echo(f"{self.out}: {len(found)} ROIs")
