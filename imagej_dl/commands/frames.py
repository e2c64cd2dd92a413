"""`imagej-dl frames`: videos as single frames with a table, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import xarray as xr
from pydantic import Field

from imagej_dl import images
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.files import atomic_folder, refuse_existing, refuse_input
from imagej_dl.progress import Progress


class Frames(Command):
    """Cut videos into single frames, or put frames together to videos.

    FOLDER has inputs and labels, as in microscopy-dl-suite-tf. split writes inputs/raw_NNN.tif,
    labels/instance_ids_NNN.tif and the table videos2im_relation.csv; join takes them and writes
    inputs/VIDEO.tif and labels/VIDEO.tif.
    """

    action: Annotated[Literal["split", "join"], Positional()] = Field(
        description="split: videos to frames; join: frames to videos."
    )
    folder: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The folder with inputs and, if there are, labels."
    )
    out: Annotated[Path, Shown(path="folder")] = Field(description="The folder that is made.")
    videos: Annotated[Path | None, Shown("Table of videos")] = Field(
        None, description="The table videos2im_relation.csv, where it is not in the folder."
    )
    overwrite: bool = Field(False, description="Replace what is there.")

    def run(self, progress: Progress) -> None:
        from imagej_dl.suite import data, write_frames

        refuse_existing(self.out, self.overwrite)
        refuse_input(self.out, self.folder)
        labelled = data.is_labelled(self.folder)
        found = data.items(self.folder, labelled=labelled, recurrent=True, relation=self.videos)
        pictures = {item.name: _read(item.image) for item in found}
        truth = {item.name: _read(item.labels) for item in found if item.labels is not None}
        if self.action == "split":
            write_frames(pictures, truth, self.out, overwrite=self.overwrite)
        else:
            with atomic_folder(self.out, overwrite=self.overwrite) as temporary:
                for place, videos in (("inputs", pictures), ("labels", truth)):
                    for name, video in videos.items():
                        images.write(video, temporary / place / f"{name}.tif")
        frames = sum(video.sizes.get("T", 1) for video in pictures.values())
        say(f"{self.out}: {len(pictures)} videos, {frames} frames")


def _read(source: str | Path | xr.DataArray) -> xr.DataArray:
    return source if isinstance(source, xr.DataArray) else images.read(source)
