"""`imagej-dl track`: a label movie to tracks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import click
from pydantic import Field

from imagej_dl.commands.base import Command, Positional
from imagej_dl.progress import Progress


class Track(Command):
    """Track the labels of a video with TrackMate, or its like without Java.

    Writes tracks.xml (TrackMate), tracked.tif (one id for each track), spots.csv, edges.csv,
    settings.json and CTC/01_RES (Cell Tracking Challenge, with parents).
    """

    labels: Annotated[Path, Positional()] = Field(
        description="Label movie: a TIFF with frames, one number for each object."
    )
    out: Path = Field(description="Folder for the results, made anew.")
    image: Path | None = Field(
        None, description="The movie the labels are of: intensities, and TrackMate's window."
    )
    engine: Literal["auto", "trackmate", "embedded"] = Field(
        "auto", description="TrackMate in a Fiji, or the embedded engine without Java."
    )
    settings: Path | None = Field(
        None,
        description='JSON file {"tracker": …, "settings": {…}} with TrackMate\'s keys, distances'
        " in the image's unit; unless given, LAP with gap closing and splitting, 15 and 2 frames.",
    )
    axes: str | None = Field(
        None, description="Axes of the label file when it does not say them, such as TYX."
    )
    image_axes: str | None = Field(
        None, description="Axes of the movie where its file says them wrong, such as TCYX."
    )
    fiji: str | None = Field(
        None, description="Fiji folder, Maven coordinate or 'endpoint'; FIJI_HOME if not given."
    )
    overwrite: bool = Field(False, description="Replace the folder if it is there.")

    def run(self, progress: Progress) -> None:
        from imagej_dl import images, tracking
        from imagej_dl.files import refuse_existing

        refuse_existing(self.out, self.overwrite)
        settings = tracking.read_settings(self.settings) if self.settings else None
        labels, image = tracking.pair(
            images.read(self.labels, self.axes),
            images.read(self.image, self.image_axes) if self.image else None,
            self.labels,
            self.image,
        )
        tracks = tracking.track(
            labels,
            image,
            settings,
            self.engine,
            image_path=(self.image or self.labels).resolve(),
            fiji=self.fiji,
            progress=progress,
        )
        tracking.write(tracks, self.out, self.overwrite)
        name = {"trackmate": "TrackMate", "embedded": "the embedded engine"}[tracks.engine]
        counts = ", ".join(f"{number} {name}" for name, number in tracks.counts.items())
        click.echo(f"{self.out}: {tracks.settings.tracker} by {name}: {counts}")
