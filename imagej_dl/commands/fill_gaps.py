"""`imagej-dl fill-gaps`: fill in objects missing in single frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.filesystem.atomic import refuse_existing, refuse_input
from imagej_dl.progress import Progress
from imagej_dl.tracking.gap_filling import SIGMA, SMALLEST


class FillGaps(Command):
    """Fill in objects that are missing in single frames of a label movie.

    The masks are smoothed along time, and what is then positive, between two appearances of an
    object, is added, as microscopy-dl-suite-tf does (its own values are --sigma 2 --fuse --tidy
    --ends). The regions are larger than the objects: they are meant for tracking. `track
    --fill-gaps` does both, and restores the original shapes of the objects in the tracks.
    """

    labels: Annotated[Path, Positional()] = Field(
        description="Label movie or mask: a TIFF with frames."
    )
    out: Path = Field(description="TIFF to write; objects are numbered frame by frame.")
    sigma: Annotated[float, Shown(unit="px, frames")] = Field(
        SIGMA,
        gt=0,
        le=100,
        description="Standard deviation of the Gaussian; 1 if cells are close to each other.",
    )
    smallest: Annotated[int | None, Shown(unit="px")] = Field(
        None,
        ge=1,
        lt=2**63,
        description=f"Minimal size of a region. Without it {SMALLEST} pixels, or a quarter of the "
        "objects' median area if that is less.",
    )
    fuse: bool = Field(False, description="Fuse objects whose regions touch.")
    tidy: bool = Field(
        False,
        description="First close each frame's mask over 3 pixels, fill holes, drop pieces below "
        "150 pixels.",
    )
    ends: bool = Field(
        False,
        description="Also add objects before their first and after their last appearance, as "
        "microscopy-dl-suite-tf does; an object of one frame is then in five.",
    )
    axes: Annotated[str | None, Shown(advanced=True)] = Field(
        None, description="Axes of the label file, such as TYX, if it does not declare them."
    )
    overwrite: bool = Field(False, description="Replace the file if it exists.")

    def run(self, progress: Progress) -> None:
        import numpy as np

        from imagej_dl import images, tracking

        refuse_input(self.out, self.labels)
        refuse_existing(self.out, self.overwrite)
        movie = tracking.as_movie(images.read_labels(self.labels, self.axes), self.labels)
        filled = tracking.fill_gaps(
            movie, self.sigma, self.smallest, self.fuse, self.tidy, progress, self.ends
        )
        images.write(filled, self.out, overwrite=self.overwrite)
        before, after = (
            sum(len(np.unique(frame)) - bool((frame == 0).any()) for frame in np.asarray(movie))
            for movie in (movie, filled)
        )
        added = tracking.added(movie, filled)
        where = "gaps and at both ends of appearances" if self.ends else "gaps between appearances"
        say(
            f"{self.out}: {after} objects in {movie.sizes['T']} frames, {before} before; "
            f"{added} filled in, in {where}"
        )
