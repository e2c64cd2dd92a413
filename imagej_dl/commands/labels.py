"""`imagej-dl labels`: ROIs to label maps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from imagej_dl import images, project, rois
from imagej_dl.commands import unused
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import heal, refuse_existing, refuse_input, together
from imagej_dl.images.formats import registry
from imagej_dl.images.labels import marks, provenance
from imagej_dl.progress import Progress
from imagej_dl.project import label_maps
from imagej_dl.project.outdated import find_due
from imagej_dl.project.rasterizing import Filling
from imagej_dl.rois.marks import Rules

if TYPE_CHECKING:
    from imagej_dl.worker import Session


class Labels(Command):
    """Rasterise ROIs into label maps, pixel for pixel as ImageJ fills them.

    An image (SOURCE) and ROISET (a RoiSet.zip or a .roi) make one label map. SOURCE may be a
    project, or a folder with images and RoiSets: each image goes to Processed/images and its
    label map to Processed/masks under the same name; existing label maps are kept, unless
    their ROIs have changed since, so the command can be repeated after new drawings or a
    stop. Beside each label map lies a table (.csv) of its ROIs: label,
    name, type, position, area in pixels. ROIs whose names begin with ignore or background are no
    objects: they mark areas, which are kept beside the label map. In ImageJ, without SOURCE, the
    open image and the ROIs of the ROI Manager (or of the image's overlay) make one in a new
    window.
    """

    source: Annotated[
        Path | None,
        Positional(),
        Shown("Project or image", path="folder", once=True, empty="the open image and its ROIs"),
    ] = Field(
        None,
        description="The project, a folder of images with RoiSets, or the image that the ROIs "
        "were drawn on; in ImageJ, if left out, the open image and its ROIs.",
    )
    roiset: Annotated[
        Path | None, Positional(), Shown(once=True, empty="those of the ROI Manager")
    ] = Field(None, description="The ROIs: a RoiSet.zip or a .roi file. Not for a folder.")
    out: Annotated[
        Path | None, Shown("Label map", once=True, empty="not saved; of a project in Processed")
    ] = Field(
        None,
        description="The label map to write (.tif, .ome.zarr); for a folder of images, the folder "
        "for images and masks (its own Processed if left out).",
    )
    overlap: Literal["last", "first", "smallest", "error"] = Field(
        "last",
        description="Which ROI gets a pixel that lies in several: the last or the first in "
        "the RoiSet, or the smallest; error: stop with an error.",
    )
    lines_as_areas: Annotated[bool, Shown(advanced=True)] = Field(
        False, description="Also fill line ROIs, with their stroke width (pixels)."
    )
    channel: Annotated[int | None, Shown(advanced=True, empty="all")] = Field(
        None,
        ge=1,
        description="Use only ROIs of this channel, counted from 1, and ROIs without a channel.",
    )
    ignore: Annotated[str | None, Shown("Ignored ROIs", advanced=True, empty="by name")] = Field(
        None,
        description="ROIs that mark what is ignored, besides those named ignore: group:3, "
        "colour:red (or colour:#ff0000), or name:debris (the beginning of the name); several with "
        "commas.",
    )
    background: Annotated[str | None, Shown("Background ROIs", advanced=True, empty="by name")] = (
        Field(
            None,
            description="ROIs that mark where there is surely no object, besides those named "
            "background: as for ignore.",
        )
    )
    axes: Annotated[str | None, Shown(advanced=True, empty="as the file declares")] = Field(
        None, description="Axes of the image, such as TYX, if its file declares wrong ones."
    )
    overwrite: Annotated[bool, Shown(once=True)] = Field(
        False, description="Replace existing files."
    )

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return {"image", "rois"} if self.source is None else set()

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        if self.source is not None:
            self.run(progress)
            return
        unused.refuse(
            self,
            ["roiset"],
            "is for an image file; on the open image those of the ROI Manager count",
            path=self.roiset,
            remedy="Open it in the ROI Manager, or name the image's file (source).",
        )
        unused.warn_of(self, ["axes"], unused.OF_FILES)
        image = session.open_image()
        title = str(image.attrs["title"])
        if session.roiset is None:
            raise UserError(
                "no ROI is drawn on it",
                path=title,
                remedy="Draw an outline around each object and press t to add it to the ROI "
                "Manager.",
            )
        if self.out is not None:
            self._refuse_out(self.out, [session.image_path] if session.image_path else [])
        drawn = rois.read(session.roiset)
        self._warn_of_unused(drawn)
        made = self._filling().fill(drawn, image, "ROI Manager")
        if self.out is not None:
            self._write(made, self.out)
        elif made.marks is not None:
            text = "what its ROIs mark is not in the label map"
            warn(text, path=title, remedy="Name a file for the label map (out) to keep it.")
        session.show_labels(made.labels, f"{Path(title).stem}-labels")
        session.values["objects"] = len(made.report.kept)
        say(_summary(title, made.report, len(drawn), self.overlap))

    def run(self, progress: Progress) -> None:
        if self.source is None:
            raise UserError("name the project, or the image and its ROIs")
        if registry.is_plain_folder(self.source):
            self._run_folder(self.source, progress)
            return
        if self.roiset is None:
            raise UserError("is one image, so its ROIs are needed too", path=self.source)
        if self.out is None:
            raise UserError("pass --out LABELS.tif", path=self.source)
        self._refuse_out(self.out, [self.source, self.roiset])
        self._make(self.source, self.roiset, self.out)

    def _run_folder(self, folder: Path, progress: Progress) -> None:
        if self.roiset is not None:
            raise UserError("is a folder, so roiset cannot be used with it", path=folder)
        target = self.out or project.processed(folder)
        drawn = project.fitting(project.drawn(folder), target)
        with locks.held(target, "labels"):
            heal(target)
            plan = find_due(drawn, target, self._filling(), overwrite=self.overwrite, kept=_keep)
            for done, due in enumerate(plan):
                progress("labels", done, len(plan))
                made = label_maps.make(due, target)
                if due.labels is not None:
                    wins = due.filling.overlap
                    say(_summary(str(due.labels), made.report, made.total, wins))
                else:
                    rest = [str(path) for path in due.paths]
                    say(f"{' and '.join(rest)}: created, since {due.place} exists")
            progress("labels", len(plan), len(plan))
        if self.ignore or self.background:
            self._warn_of_unused(roi for item in drawn for roi in rois.read(item.rois))

    def _filling(self) -> Filling:
        return Filling(
            self.overlap,
            self.lines_as_areas,
            self.channel,
            self.axes,
            self.ignore or "",
            self.background or "",
        )

    def _warn_of_unused(self, drawn: Iterable[rois.Roi]) -> None:
        """Warn of marks that are declared and not there: what was meant is an object then."""
        for unknown in Rules.of(self.ignore or "", self.background or "").unused(drawn):
            warn(
                f"no ROI is marked by {unknown}",
                remedy="Check the name, group or colour of the ROIs in the ROI Manager.",
            )

    def _refuse_out(self, out: Path, inputs: list[Path]) -> None:
        if out.suffix.lower() not in registry.writable_suffixes():
            raise UserError(
                "is not a valid file name for a label map",
                path=out,
                remedy="Choose one that ends in .tif, or in .ome.zarr.",
            )
        self._refuse([out, rois.table_path(out), marks.path_of(out)], inputs)

    def _refuse(self, outputs: list[Path], inputs: list[Path]) -> None:
        # all are looked at before the first is written
        heal(outputs[0].parent)
        for path in outputs:
            refuse_input(path, *inputs)
            refuse_existing(path, self.overwrite)

    def _make(self, image: Path, roiset: Path, out: Path) -> None:
        picture = images.read(image, self.axes)
        drawn = rois.read(roiset)
        self._warn_of_unused(drawn)
        made = self._filling().fill(drawn, picture, roiset)
        self._write(made, out)
        say(_summary(str(out), made.report, len(drawn), self.overlap))

    def _write(self, made: rois.Labelled, out: Path) -> None:
        """Write the label map `out`, its table, and its marks if there are any: all or none.

        Former marks are replaced by empty ones, which say of nothing what it is.
        """
        place = marks.path_of(out)
        found = made.marks
        if found is None and place.exists():
            found = made.labels.copy(data=np.zeros(made.labels.shape, np.uint8))
        facts = {} if found is None else provenance.of(made.labels, **{marks.STEM: True})
        home = out.parent if place.parent == out.parent else out.parent.parent
        with together(home, overwrite=self.overwrite) as folder:
            new = folder / out.relative_to(home)
            images.write_labels(made.labels, new, **facts)
            made.report.write(rois.table_path(new))
            if found is not None:
                images.write(found, folder / place.relative_to(home))


def _summary(name: str, report: rois.LabelReport, total: int, wins: str) -> str:
    contested = f", {report.contested} contested pixels ({wins} wins)"
    kept = f"{name}: {len(report.kept)} of {total} ROIs"
    marked = f", {len(report.marks)} marks (ignored or background)"
    return kept + (marked if report.marks else "") + (contested if report.contested else "")


def _keep(labels: Path) -> None:
    say(f"{labels}: exists and is kept (pass --overwrite to replace it)")
