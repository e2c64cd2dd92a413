"""`imagej-dl new`: the folders of a new project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl import project as layout
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.progress import Progress


class New(Command):
    """Create the folders of a new project.

    Raw is for the original images, Labeling has one folder per image with the ROIs that you
    draw, and Processed holds the pairs of image and label map for training.
    """

    project: Annotated[Path, Positional(), Shown(path="folder", gives="project")] = Field(
        description="Folder of the new project."
    )

    def run(self, progress: Progress) -> None:
        layout.create(self.project)
        say(
            f"{self.project}: for each image, save it as Labeling/NAME/images/NAME.tif and the "
            f"ROIs drawn on it as Labeling/NAME/RoiSet.zip, then run `imagej-dl labels "
            f"{self.project}`."
        )
