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
    """Convert a project's raw images to the images for annotation.

    Each image of Raw becomes Labeling/NAME/images/NAME.tif, an ImageJ TIFF of the same pixel
    values and calibration: TIFF (ImageJ, OME, plain), PNG, JPEG, MetaMorph .stk; CZI with the
    extra czi, and the formats of bioio with the extra bioio. The axes are those that the file
    declares. Each scene (series, position) of a file becomes an image NAME_SCENE. Existing
    images are kept.
    """

    project: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The project's folder."
    )
    slices: str = Field(
        "whole",
        pattern="^(whole|all|max|middle|[1-9][0-9]*)$",
        description="Which slices of a stack to use: whole (the stack as it is), all (each slice "
        "becomes an image NAME_1, NAME_2 …), max (maximum projection), middle, or the number of "
        "a slice, counted from 1. In a movie without slices, the frames.",
    )
    scenes: str = Field(
        ALL,
        pattern=PATTERN,
        description="Which scenes (series, positions) of a file to use: all, or the number of a "
        "scene, counted from 1.",
    )
    axes: Annotated[str | None, Shown(advanced=True)] = Field(
        None, description="Axes of the images, such as TYX, if their files declare wrong ones."
    )
    overwrite: bool = Field(False, description="Replace existing images.")

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
        say(f"{item.image}: exists and is kept (pass --overwrite to replace it)")
    else:
        say(f"{item.image}: created from {item.part}")
