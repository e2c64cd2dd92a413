"""`imagej-dl prepare`: images as they came to images to draw on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl import project
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.images.scenes import ALL, PATTERN
from imagej_dl.progress import Progress


class Prepare(Command):
    """Convert a project's raw images to the ones that are drawn on.

    Each image of Raw becomes Labeling/NAME/images/NAME.tif, an ImageJ TIFF of the same pixel
    values and calibration. TIFF (ImageJ, OME, plain), PNG, JPEG, MetaMorph .stk and others are
    read; CZI with the extra czi, more with the extra bioio. Axes are those that the file states.
    Of a file with several scenes (series, positions) each becomes an image NAME_SCENE. Images
    that are there already are kept.
    """

    project: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The project's folder."
    )
    slices: str = Field(
        "whole",
        pattern="^(whole|all|max|middle|[1-9][0-9]*)$",
        description="What to take of a stack: whole, all (each slice an image NAME_1, NAME_2 …), "
        "max (the maximum projection), middle, or a slice's number from 1; of a movie without "
        "slices, the frames.",
    )
    scenes: str = Field(
        ALL,
        pattern=PATTERN,
        description="Which scenes (series, positions) to take of a file with several: all, or a "
        "scene's number from 1.",
    )
    axes: Annotated[str | None, Shown(advanced=True)] = Field(
        None, description="The images' axes, such as TYX, where their files say them wrong."
    )
    overwrite: bool = Field(False, description="Make images anew that are there.")

    def run(self, progress: Progress) -> None:
        project.prepare_all(
            self.project,
            self.slices,
            scenes=self.scenes,
            axes=self.axes,
            overwrite=self.overwrite,
            progress=progress,
            made=_say,
        )


def _say(item: project.Prepared) -> None:
    if item.kept:
        say(f"{item.image}: is there already and is kept (--overwrite makes it anew)")
    else:
        say(f"{item.image}: made of {item.part}")
