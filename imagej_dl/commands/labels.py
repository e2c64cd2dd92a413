"""`imagej-dl labels`: ROIs to label maps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Literal

import click
import numpy as np
import xarray as xr
from pydantic import Field

from imagej_dl import images, project, rois
from imagej_dl.commands.base import Command, Positional
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.files import refuse_existing, refuse_input
from imagej_dl.progress import Progress


class Labels(Command):
    """Turn ROIs into label maps, pixel for pixel as ImageJ fills them.

    IMAGE and ROISET (a RoiSet.zip or a .roi) make one label map. IMAGE may instead be a
    project, or a folder with images and RoiSets: each image goes to Processed/images and its
    label map to Processed/masks under the same name; pairs that are there already are kept,
    so new drawings can be added. Beside each label map lies a table (.csv) of its ROIs: label,
    name, type, position, area in pixels.
    """

    image: Annotated[Path, Positional()] = Field(
        description="The image the ROIs were drawn on; or a project, or a folder of such images."
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
    lines_as_areas: bool = Field(
        False, description="Fill lines too, as wide as their stroke (pixels)."
    )
    channel: int | None = Field(
        None, ge=1, description="Take only ROIs of this channel, from 1, and those without one."
    )
    axes: str | None = Field(
        None, description="The image's axes, such as TYX, where its file says them wrong."
    )
    overwrite: bool = Field(False, description="Replace files that are there.")

    def run(self, progress: Progress) -> None:
        if self.image.is_dir():
            self._run_folder(progress)
            return
        if self.roiset is None:
            raise UserError("is one image, so its ROIs are needed too", path=self.image)
        if self.out is None:
            raise UserError("pass --out LABELS.tif", path=self.image)
        if self.out.suffix.lower() not in (".tif", ".tiff"):
            raise UserError(
                "is no name of a label map", path=self.out, remedy="Choose one that ends in .tif."
            )
        self._refuse([self.out, rois.table_path(self.out)], [self.image, self.roiset])
        self._make(self.image, self.roiset, self.out)

    def _run_folder(self, progress: Progress) -> None:
        if self.roiset is not None:
            raise UserError("is a folder, so a RoiSet of its own cannot be given", path=self.image)
        found = project.drawn(self.image)
        target = self.out or project.processed(self.image)
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

    def _refuse(self, outputs: list[Path], inputs: list[Path]) -> None:
        # all are looked at before the first is written
        for path in outputs:
            refuse_input(path, *inputs)
            refuse_existing(path, self.overwrite)

    def _make(self, image: Path, roiset: Path, out: Path, copy: Path | None = None) -> None:
        """Write the label map `out`, its table and, as `copy`, the image: all or nothing new."""
        picture = images.read(image, self.axes)
        found = rois.read(roiset)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                labels, report = rois.label_map(
                    found,
                    picture,
                    overlap=self.overlap,
                    lines_as_areas=self.lines_as_areas,
                    channel=self.channel,
                )
        except UserError as error:
            raise UserError(error.problem, path=roiset, remedy=error.remedy) from error
        for item in caught:
            # which of a folder's RoiSets it is about
            warnings.warn(f"{roiset}: {item.message}", item.category, stacklevel=2)
        if copy is not None:
            picture = _storable(picture, image)
        # the label map comes last: where one is, its image and table are too
        table = rois.table_path(out)
        new = [path for path in (copy, table, out) if path is not None and not path.exists()]
        try:
            if copy is not None:
                images.write(picture, copy, overwrite=self.overwrite)
            report.write(table)
            images.write(labels, out, overwrite=self.overwrite)
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise
        contested = f", {report.contested} contested pixels ({self.overlap} wins)"
        click.echo(
            f"{out}: {len(report.kept)} of {len(found)} ROIs"
            + (contested if report.contested else "")
        )


def _keep(item: project.Drawn, labels: Path) -> None:
    click.echo(f"{labels}: is there already and is kept (--overwrite makes it anew)")
    made = labels.stat().st_mtime
    for path in (item.image, item.rois):
        if path.stat().st_mtime > made:
            warnings.warn(
                f"{path}: is newer than {labels}, which is kept; --overwrite makes it anew",
                DataWarning,
                stacklevel=3,
            )


def _storable(picture: xr.DataArray, path: Path) -> xr.DataArray:
    """Return an image in a pixel type of ImageJ's: uint16 where that is exact, else float32."""
    array = picture.values
    if array.dtype.name in ("uint8", "uint16", "float32"):
        return picture
    if array.dtype.kind not in "uif":
        raise UserError(
            f"has {array.dtype} pixels", path=path, remedy="Save it as 8, 16 or 32 bits in ImageJ."
        )
    inside = bool(((array >= 0) & (array <= np.iinfo(np.uint16).max)).all())
    if inside and (array.dtype.kind != "f" or np.array_equal(array, np.rint(array))):
        stored, rounded = array.astype(np.uint16), False
    else:
        with np.errstate(over="ignore"):
            stored = array.astype(np.float32)
        if bool((np.isinf(stored) & np.isfinite(array)).any()):
            raise UserError("has values that are too large for 32-bit pixels", path=path)
        rounded = not np.array_equal(stored.astype(array.dtype), array, equal_nan=True)
    warnings.warn(
        f"{path}: its {array.dtype} pixels are written as {stored.dtype}"
        + (", rounded" if rounded else ""),
        DataWarning,
        stacklevel=3,
    )
    return images.with_data(picture, stored)
