"""`imagej-dl annotate`: the next image to draw ROIs on, and the ROIs drawn on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from imagej_dl import project
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    from imagej_dl.project import Next
    from imagej_dl.worker import Session


class Annotate(Command):
    """Prepare the next image for drawing, or store its ROIs.

    The images are those of the project's Raw and Labeling folders; the next is the first of
    them, by name, that has no RoiSet.zip. One from Raw becomes Labeling/NAME/images/NAME.tif,
    with all its frames and its calibration. ROIS are stored as Labeling/NAME/RoiSet.zip; an
    existing one is moved to RoiSet_backups.
    """

    project: Annotated[
        Path, Positional(), Shown(path="folder", gives="project", takes="project")
    ] = Field(description="The project's folder.")
    name: Annotated[str | None, Shown(once=True, empty="the next one without ROIs")] = Field(
        None, description="Name of the image; if left out, the next one without ROIs."
    )
    rois: Annotated[Path | None, Shown(once=True, empty="those drawn")] = Field(
        None, description="The RoiSet.zip to store for the image NAME; it is copied."
    )

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        item = self._next()
        if item is not None:
            say(f"{item.name} is open to draw on; {_place(item)}")
            session.values |= {"name": item.name, "image_path": str(item.image)}
            session.values |= {"done": item.done, "total": item.total}

    def run(self, progress: Progress) -> None:
        item = self._next()
        if item is not None:
            say(f"{item.name}: open {item.image} and save its ROIs as {item.rois}; {_place(item)}")

    def _next(self) -> Next | None:
        """Store the ROIs, if there are any, and make the next image ready."""
        if self.rois is not None:
            if self.name is None:
                raise UserError(
                    "no image is named to store the ROIs for",
                    remedy="Name it with --name.",
                )
            saved = project.save_rois(self.project, self.name, self.rois)
            say(f"{saved.path}: {saved.count} ROIs" + _kept(saved.backup))
        item = project.next_to_draw(self.project, None if self.rois else self.name)
        if item is None:
            say(
                f"{self.project}: ROIs are drawn on all images. Next, `imagej-dl labels "
                f"{self.project}` creates their label maps, and `imagej-dl train` trains a model "
                "on them"
            )
            return None
        project.prepare(item)
        return item


def _place(item: Next) -> str:
    return f"{item.done} of {item.total} images are drawn, {item.total - item.done} left"


def _kept(backup: Path | None) -> str:
    return "" if backup is None else f"; the previous ones are kept as {backup}"
