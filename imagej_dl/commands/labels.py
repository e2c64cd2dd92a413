"""`imagej-dl labels`: ROIs to label maps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import xarray as xr
from pydantic import Field

from imagej_dl import images, project, rois
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.files import refuse_existing, refuse_input
from imagej_dl.images.storable import storable
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    from imagej_dl.worker import Desk


class Labels(Command):
    """Turn ROIs into label maps, pixel for pixel as ImageJ fills them.

    An image (SOURCE) and ROISET (a RoiSet.zip or a .roi) make one label map. SOURCE may be a
    project, or a folder with images and RoiSets: each image goes to Processed/images and its
    label map to Processed/masks under the same name; pairs that are there already are kept,
    so new drawings can be added. Beside each label map lies a table (.csv) of its ROIs: label,
    name, type, position, area in pixels. In ImageJ, without SOURCE, the open image and the ROIs
    of the ROI Manager (or of the image's overlay) make one in a window of its own.
    """

    source: Annotated[Path | None, Positional(), Shown("Project or image", path="folder")] = Field(
        None,
        description="The project, or a folder of images with RoiSets; or the image the ROIs were "
        "drawn on; in ImageJ the open image and its ROIs where left out.",
    )
    roiset: Annotated[Path | None, Positional()] = Field(
        None, description="The ROIs: a RoiSet.zip or a .roi file. Not for a folder."
    )
    out: Path | None = Field(
        None,
        description="The label map to write (.tif); for a folder, the folder that gets images "
        "and masks (its own Processed where this is left out).",
    )
    overlap: Literal["last", "first", "smallest", "error"] = Field(
        "last",
        description="Whose a pixel in several ROIs is: the last or first in the RoiSet, the "
        "one of the smallest area, or an error.",
    )
    lines_as_areas: Annotated[bool, Shown(advanced=True)] = Field(
        False, description="Fill lines too, as wide as their stroke (pixels)."
    )
    channel: Annotated[int | None, Shown(advanced=True)] = Field(
        None, ge=1, description="Take only ROIs of this channel, from 1, and those without one."
    )
    axes: Annotated[str | None, Shown(advanced=True)] = Field(
        None, description="The image's axes, such as TYX, where its file says them wrong."
    )
    overwrite: bool = Field(False, description="Replace files that are there.")

    def takes(self) -> set[Literal["image", "plane", "rois"]]:
        return {"image", "rois"} if self.source is None else set()

    def serve(self, desk: Desk, progress: Progress) -> None:
        if self.source is not None:
            self.run(progress)
            return
        image = desk.open_image()
        title = str(image.attrs["title"])
        if desk.roiset is None:
            raise UserError(
                "no ROI is drawn on it",
                path=title,
                remedy="Draw an outline around each object and press t to add it to the ROI "
                "Manager.",
            )
        if self.out is not None:
            self._refuse_out(self.out, [desk.image_path] if desk.image_path else [])
        found = rois.read(desk.roiset)
        labels, report = self._fill(found, image, "ROI Manager")
        if self.out is not None:
            report.write(rois.table_path(self.out))
            images.write(images.coloured(labels), self.out, overwrite=self.overwrite)
        desk.show_labels(labels, f"{Path(title).stem}-labels")
        desk.values["objects"] = len(report.kept)
        say(self._summary(title, report, len(found)))

    def run(self, progress: Progress) -> None:
        if self.source is None:
            raise UserError("name the project, or the image and its ROIs")
        if self.source.is_dir():
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
            raise UserError("is a folder, so a RoiSet of its own cannot be given", path=folder)
        target = self.out or project.processed(folder)
        found = project.fitting(project.drawn(folder), target)
        inputs = [path for item in found for path in (item.image, item.rois)]
        plan = []
        for item in found:
            image, labels = (target / part / f"{item.name}.tif" for part in ("images", "masks"))
            outputs = [image, rois.table_path(labels), labels]
            if not self.overwrite and all(path.is_file() for path in outputs):
                _keep(item, labels)
                continue
            self._refuse(outputs, inputs)
            plan.append((item, image, labels))
        for done, (item, image, labels) in enumerate(plan):
            progress("labels", done, len(plan))
            self._make(item.image, item.rois, labels, image)
        progress("labels", len(plan), len(plan))

    def _refuse_out(self, out: Path, inputs: list[Path]) -> None:
        if out.suffix.lower() not in (".tif", ".tiff"):
            raise UserError(
                "is no name of a label map", path=out, remedy="Choose one that ends in .tif."
            )
        self._refuse([out, rois.table_path(out)], inputs)

    def _refuse(self, outputs: list[Path], inputs: list[Path]) -> None:
        # all are looked at before the first is written
        for path in outputs:
            refuse_input(path, *inputs)
            refuse_existing(path, self.overwrite)

    def _make(self, image: Path, roiset: Path, out: Path, copy: Path | None = None) -> None:
        """Write the label map `out`, its table and, as `copy`, the image: all or nothing new."""
        picture = images.read(image, self.axes)
        found = rois.read(roiset)
        labels, report = self._fill(found, picture, roiset)
        if copy is not None:
            picture = storable(picture, image)
        # the label map comes last: where one is, its image and table are too
        table = rois.table_path(out)
        new = [path for path in (copy, table, out) if path is not None and not path.exists()]
        try:
            if copy is not None:
                images.write(picture, copy, overwrite=self.overwrite)
            report.write(table)
            images.write(images.coloured(labels), out, overwrite=self.overwrite)
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise
        say(self._summary(str(out), report, len(found)))

    def _fill(
        self, found: list[rois.Roi], image: xr.DataArray, source: str | Path
    ) -> tuple[xr.DataArray, rois.LabelReport]:
        """Fill the ROIs; warnings and errors say which of several RoiSets they are about."""
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                labels, report = rois.label_map(
                    found,
                    image,
                    overlap=self.overlap,
                    lines_as_areas=self.lines_as_areas,
                    channel=self.channel,
                )
        except UserError as error:
            raise UserError(error.problem, path=source, remedy=error.remedy) from error
        for item in caught:
            warnings.warn(f"{source}: {item.message}", item.category, stacklevel=2)
        return labels, report

    def _summary(self, name: str, report: rois.LabelReport, total: int) -> str:
        contested = f", {report.contested} contested pixels ({self.overlap} wins)"
        kept = f"{name}: {len(report.kept)} of {total} ROIs"
        return kept + (contested if report.contested else "")


def _keep(item: project.Drawn, labels: Path) -> None:
    say(f"{labels}: is there already and is kept (--overwrite makes it anew)")
    made = labels.stat().st_mtime
    for path in (item.image, item.rois):
        if path.stat().st_mtime > made:
            warnings.warn(
                f"{path}: is newer than {labels}, which is kept; --overwrite makes it anew",
                DataWarning,
                stacklevel=3,
            )
