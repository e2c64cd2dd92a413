"""`imagej-dl evaluate`: label maps or tracks against the truth."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from imagej_dl.commands.base import Command, Shown, say
from imagej_dl.errors import UserError
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    from imagej_dl.worker import Session

# pydantic has a method of this name, long deprecated and not used here; it says so as the class
# is made, and the filters are the program's that imports us.
_quiet = warnings.catch_warnings()
_quiet.__enter__()
warnings.filterwarnings("ignore", 'Field name "json"', UserWarning)


class Evaluate(Command):
    """Score label maps or tracks against the ground truth.

    Label maps: average precision, F1, panoptic quality and others at IoU 0.5 to 0.9. Cell
    Tracking Challenge folders: SEG, DET, TRA and others.
    """

    pred: Annotated[Path | None, Shown("Prediction", once=True, empty="the open label map")] = (
        Field(
            None,
            description="Label file, folder of label files, Cell Tracking Challenge result folder, "
            "or the folder that `track` wrote; in ImageJ, if left out, the open label map.",
        )
    )
    truth: Path = Field(
        description="Ground truth of the same kind; for tracks NN_GT (if it has only SEG, only SEG"
        " is measured) or a folder with man_track.txt."
    )
    sparse: Annotated[bool, Shown("Not every object is drawn", advanced=True)] = Field(
        False,
        description="Not every object of the ground truth is drawn: predicted objects that lie "
        "where nothing is drawn count neither as right nor as wrong. Not for scores of tracks.",
    )
    axes: Annotated[str | None, Shown(advanced=True, empty="as the file declares")] = Field(
        None, description="Axes of the label files, such as TYX, if they do not declare them."
    )
    json: Annotated[Path | None, Shown(empty="not saved")] = Field(  # type: ignore[assignment]
        None, description="JSON file for the scores, including those of each image."
    )
    overwrite: Annotated[bool, Shown(once=True)] = Field(
        False, description="Replace the JSON file if it exists."
    )

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return {"image"} if self.pred is None else set()

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        if self.pred is not None:
            self.run(progress)
            return
        from imagej_dl import images

        path = session.folder / f"{Path(str(session.open_image().attrs['title'])).stem}.tif"
        images.write(session.label_map(volumes=True), path)
        self.model_copy(update={"pred": path}).run(progress)

    def run(self, progress: Progress) -> None:
        from imagej_dl import evaluation
        from imagej_dl.filesystem.atomic import refuse_existing

        if self.pred is None:
            raise UserError("no prediction is named to score", remedy="Name it with --pred.")

        if self.json:
            refuse_existing(self.json, self.overwrite)
        report = evaluation.evaluate(self.pred, self.truth, self.axes, progress, sparse=self.sparse)
        if self.json:
            report.write(self.json, self.overwrite)
        say(report.table())


_quiet.__exit__(None, None, None)
