"""`imagej-dl evaluate`: label maps or tracks against the truth."""

from __future__ import annotations

import warnings
from pathlib import Path

import click
from pydantic import Field

from imagej_dl.commands.base import Command
from imagej_dl.progress import Progress

# pydantic has a method of this name, long deprecated and not used here.
warnings.filterwarnings("ignore", 'Field name "json"', UserWarning)


class Evaluate(Command):
    """Score label maps or tracks against the truth.

    Label maps: average precision, F1, panoptic quality and others at IoU 0.5 to 0.9. Cell
    Tracking Challenge folders: SEG, DET, TRA and others.
    """

    pred: Path = Field(
        description="Label file, folder of label files, Cell Tracking Challenge result folder, or"
        " the folder that `track` wrote."
    )
    truth: Path = Field(
        description="What it is measured against: the same kind, for tracks NN_GT or a folder"
        " with man_track.txt."
    )
    axes: str | None = Field(
        None, description="Axes of the label files when they do not say them, such as TYX."
    )
    json: Path | None = Field(  # type: ignore[assignment]
        None, description="JSON file to write the scores to, those of each image included."
    )
    overwrite: bool = Field(False, description="Replace the JSON file if it is there.")

    def run(self, progress: Progress) -> None:
        from imagej_dl import evaluation
        from imagej_dl.files import refuse_existing

        if self.json:
            refuse_existing(self.json, self.overwrite)
        report = evaluation.evaluate(self.pred, self.truth, self.axes, progress)
        if self.json:
            report.write(self.json, self.overwrite)
        click.echo(report.table())
