"""`imagej-dl show`: a label map over its image, in ImageJ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl.commands import unused
from imagej_dl.commands.base import Command, Positional, say
from imagej_dl.progress import Progress


class Show(Command):
    """Show a label map over its image in ImageJ, with its ROIs.

    Opens the image with coloured outlines and the label map, and adds the ROIs to the ROI
    Manager. Ends when ImageJ is closed. With --png it writes a picture instead, without a window.
    """

    labels: Annotated[Path, Positional()] = Field(description="The label map (TIFF, OME-Zarr).")
    image: Path | None = Field(None, description="The image that was segmented.")
    axes: str | None = Field(
        None, description="Axes of the label map, such as TYX, if its file declares wrong ones."
    )
    image_axes: str | None = Field(
        None, description="Axes of the image, such as TCYX, if its file declares wrong ones."
    )
    png: Path | None = Field(None, description="Write a picture of one plane to this PNG file.")
    frame: int = Field(1, ge=1, description="Frame of the picture, counted from 1.")
    slice: int = Field(1, ge=1, description="Z slice of the picture, counted from 1.")
    fiji: str | None = Field(
        None, description="Fiji folder, Maven coordinate, 'endpoint' or 'embedded'."
    )
    overwrite: bool = Field(False, description="Replace the PNG file if it exists.")

    def run(self, progress: Progress) -> None:
        from imagej_dl import fiji, images
        from imagej_dl.fiji import show
        from imagej_dl.filesystem.atomic import refuse_existing, refuse_input
        from imagej_dl.images.labels import marks

        if self.image is None:
            unused.refuse(self, ["image_axes"], "are those of an image, and none is named")
        if self.png is None:
            why = "is that of the picture, and ImageJ shows all of them"
            unused.refuse(
                self, ["frame", "slice"], why, remedy="Leave it out, or name a picture with --png."
            )
        if self.png is not None:
            refuse_input(self.png, self.labels, self.image)
            refuse_existing(self.png, self.overwrite)
        labels = images.read_labels(self.labels, self.axes)
        image = None if self.image is None else images.read(self.image, self.image_axes)
        beside = marks.path_of(self.labels)
        marked = marks.read(beside, labels) if beside.is_file() else None
        gateway = fiji.start(self.fiji, display=self.png is None)
        if self.png is not None:
            show.picture(
                labels,
                image,
                self.png,
                frame=self.frame,
                slice_=self.slice,
                marks=marked,
                overwrite=self.overwrite,
            )
            say(f"{self.png}: frame {self.frame}, drawn by ImageJ {gateway.version}")
            return
        show.in_imagej(labels, image, marked)
        say(f"ImageJ {gateway.version} shows it; close its windows to end.")
        show.wait_until_closed()
