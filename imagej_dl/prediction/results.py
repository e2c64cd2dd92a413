"""The files that predictions leave: label map, RoiSet.zip and probabilities of each image."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagej_dl import images, names
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.files import refuse_existing

if TYPE_CHECKING:
    from imagej_dl.prediction.inputs import Source
    from imagej_dl.prediction.predict import Prediction


@dataclass(frozen=True)
class Results:
    """A folder of results, and which files an image gets in it beside its label map."""

    folder: Path
    rois: bool
    probabilities: bool
    overwrite: bool = False

    def files(self, source: Source) -> dict[str, Path]:
        """Return where "labels", and if wanted "rois" and "probabilities", of an image go."""
        paths = {"labels": self.folder / f"{source.name}.tif"}
        if self.rois:
            paths["rois"] = self.folder / f"{source.name}_RoiSet.zip"
        if self.probabilities:
            paths["probabilities"] = self.folder / f"{source.name}_probabilities.tif"
        return paths

    def refuse(self, sources: list[Source]) -> None:
        """Look at all files before the first image is predicted.

        Raises
        ------
        UserError : when one is there and may not be replaced, is an image to predict, or would be
            the result of two images.
        """
        inputs = {source.path.resolve() for source in sources}
        taken: dict[Path, Source] = {}
        for source in sources:
            for path in self.files(source).values():
                if path.resolve() in inputs:
                    raise UserError(
                        "is an image to predict; its result would overwrite it",
                        path=path,
                        remedy="Choose another folder with --out.",
                    )
                other = taken.setdefault(path, source)
                if other is not source:
                    raise UserError(
                        f"would be the result of {other.path} and of {source.path}", path=path
                    )
                if names.fits(path):  # else the image is left out when it is its turn
                    refuse_existing(path, self.overwrite)

    def need_names(self, source: Source) -> None:
        """Raise UserError where a result of an image would have too long a name."""
        names.need(self.files(source).values(), source.path)

    def write(self, source: Source, result: Prediction, hyperstack: bool) -> None:
        """Write the files of an image; `hyperstack` says whether ImageJ shows it as one.

        Warns
        -----
        DataWarning : when a former prediction's ROIs or probabilities stay beside new labels.
        """
        paths = self.files(source)
        # The label map comes last: where it is, the rest is whole.
        if result.probabilities is not None:
            path = paths["probabilities"]
            images.write(result.probabilities, path, self.overwrite, min=0.0, max=1.0)
        if self.rois:
            from imagej_dl.rois import trace, write

            found = trace(result.labels, hyperstack=hyperstack or None)
            if found:
                write(found, paths["rois"], overwrite=self.overwrite)
            else:
                # An empty archive is none that ImageJ opens; an old one would be of other labels.
                paths["rois"].unlink(missing_ok=True)
        images.write(images.coloured(result.labels), paths["labels"], self.overwrite)
        # They may hold what the user has corrected, so they stay.
        every = replace(self, rois=True, probabilities=True).files(source)
        if old := [
            path.name for key, path in every.items() if key not in paths and os.path.exists(path)
        ]:
            warnings.warn(
                f"{self.folder}: {', '.join(old)} was there before and is of other labels",
                DataWarning,
                stacklevel=2,
            )


def objects(result: Prediction) -> int:
    """Count the objects of all planes; each plane has ids of its own from 1."""
    labels = result.labels
    planes = labels.data.reshape(-1, labels.sizes["Y"], labels.sizes["X"])
    return sum(images.large.largest(plane) for plane in planes)
