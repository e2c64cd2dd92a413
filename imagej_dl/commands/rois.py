"""`imagej-dl rois`: a label map to ROIs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl import rois
from imagej_dl.commands.base import Command, Positional, say
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import refuse_existing, refuse_input
from imagej_dl.images.labels import marks
from imagej_dl.images.reading import read_labels
from imagej_dl.progress import Progress


class Rois(Command):
    """Trace the objects of a label map into a RoiSet.zip.

    Each label of each plane becomes a ROI that encloses exactly its pixels: a traced one, or a
    composite where the label has holes or several pieces. Names come from the table (.csv)
    beside the label map, if there is one. `imagej-dl labels` turns the ROIs back into the
    same label map, with the same ids. Marks beside the label map become ROIs named ignore and
    background.
    """

    labels: Annotated[Path, Positional()] = Field(description="The label map, a TIFF or PNG.")
    out: Path = Field(description="The RoiSet.zip to write.")
    axes: str | None = Field(
        None, description="Axes of the label map, such as TYX, if its file declares wrong ones."
    )
    hyperstack: bool = Field(
        False,
        description="Write hyperstack positions (slice, frame) even if the labels have only "
        "one of the two axes, as for an image with several channels.",
    )
    overwrite: bool = Field(False, description="Replace the file if it exists.")

    def run(self, progress: Progress) -> None:
        if self.out.suffix.lower() != ".zip":
            raise UserError(
                "is not a valid file name for a RoiSet",
                path=self.out,
                remedy="Choose one that ends in .zip.",
            )
        refuse_input(self.out, self.labels)
        refuse_existing(self.out, self.overwrite)
        labels = read_labels(self.labels, self.axes)
        traced = rois.trace(labels, self._names(), hyperstack=self.hyperstack or None)
        if not traced:
            raise UserError("holds no labels, only background", path=self.labels)
        beside = marks.path_of(self.labels)
        if beside.is_file():
            marked = marks.read(beside, labels)
            traced += rois.trace_marks(marked, hyperstack=self.hyperstack or None)
        rois.write(traced, self.out, overwrite=self.overwrite)
        say(f"{self.out}: {len(traced)} ROIs")

    def _names(self) -> dict[int, str] | None:
        table = rois.table_path(self.labels)
        if not table.is_file():
            return None
        try:
            return rois.read_names(table)
        except (UserError, OSError) as error:
            # ImageJ's Results or another program's measurements have such names too
            why = error.problem if isinstance(error, UserError) else "cannot be read"
            warn(f"{why}, so the ROIs are written without its names", path=table)
            return None
