"""`imagej-dl predict`: images and videos to label maps, ROIs and probabilities."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
from pydantic import Field

from imagej_dl import images
from imagej_dl.commands.base import Command, Positional
from imagej_dl.errors import UserError
from imagej_dl.files import refuse_existing
from imagej_dl.prediction.inputs import Source, find
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle
    from imagej_dl.prediction import Prediction


class Predict(Command):
    """Segment images and videos with a trained model.

    IMAGES are files, folders of images, or folders with folders NAME/image.tif. Each becomes a
    label map NAME.tif. Planes (frames, slices) are segmented each on its own; `imagej-dl track`
    links the objects of a video.
    """

    model: Annotated[Path, Positional()] = Field(description="The model's folder.")
    images: Annotated[list[Path], Positional()] = Field(
        min_length=1, description="Images, or folders of images."
    )
    out: Path = Field(description="The folder that gets the results.")
    rois: bool = Field(False, description="Write NAME_RoiSet.zip too, for the ROI Manager.")
    probabilities: bool = Field(
        False, description="Write NAME_probabilities.tif too, one channel a class, from 0 to 1."
    )
    tile: int | None = Field(
        None,
        ge=1,
        description="Largest side in pixels of what the network is given at once (1024 where "
        "left out); smaller takes less memory, the result is the same.",
    )
    batch: int | None = Field(None, ge=1, description="Most tiles given to the network at once.")
    axes: str | None = Field(
        None, description="The images' axes, such as TYX, where their files say them wrong."
    )
    overwrite: bool = Field(False, description="Replace results that are there.")

    def run(self, progress: Progress) -> None:
        sources = find(self.images)
        self._refuse(sources)
        from imagej_dl import models

        bundle = models.load(self.model)
        failed: list[UserError] = []
        for number, source in enumerate(sources):
            several = _Several(progress, source.name, number, len(sources))
            started = time.perf_counter()
            # What is wrong with one image must not cost the others theirs; a disk that is full
            # or a folder that cannot be written to ends it all, and is raised from _write.
            try:
                found = self._predict(bundle, source, several)
            except UserError as error:
                failed.append(_of(source, error))
                continue
            self._write(source, *found)
            click.echo(self._summary(source, found[0], time.perf_counter() - started))
            several.finished()
        if len(sources) == 1 and failed:
            raise failed[0]
        if failed:
            raise UserError(
                f"{len(failed)} of {len(sources)} images could not be predicted: "
                + "; ".join(map(str, failed))
            )

    def _outputs(self, source: Source) -> dict[str, Path]:
        paths = {"labels": self.out / f"{source.name}.tif"}
        if self.rois:
            paths["rois"] = self.out / f"{source.name}_RoiSet.zip"
        if self.probabilities:
            paths["probabilities"] = self.out / f"{source.name}_probabilities.tif"
        return paths

    def _refuse(self, sources: list[Source]) -> None:
        """Look at all outputs before the first image is predicted."""
        inputs = {source.path.resolve() for source in sources}
        taken: dict[Path, Source] = {}
        for source in sources:
            for path in self._outputs(source).values():
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
                refuse_existing(path, self.overwrite)

    def _predict(
        self, bundle: ModelBundle, source: Source, progress: Progress
    ) -> tuple[Prediction, bool]:
        """Predict one image; say whether ImageJ shows it as a hyperstack."""
        from imagej_dl.prediction import predict

        image = images.read(source.path, self.axes, mapped=True)
        result = predict(
            bundle,
            image,
            tile=self.tile,
            batch=self.batch,
            progress=progress,
            probabilities=self.probabilities,
        )
        return result, "C" in image.dims

    def _write(self, source: Source, result: Prediction, hyperstack: bool) -> None:
        paths = self._outputs(source)
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
        images.write(result.labels, paths["labels"], self.overwrite)

    def _summary(self, source: Source, result: Prediction, seconds: float) -> str:
        labels = result.labels
        planes = labels.data.reshape(-1, labels.sizes["Y"] * labels.sizes["X"])
        objects = int(planes.max(axis=1).astype("int64").sum())
        where = f" on {len(planes)} planes" if len(planes) > 1 else ""
        text = f"{self._outputs(source)['labels']}: {objects} objects{where}, {seconds:.1f} s"
        return text + ("; no RoiSet without objects" if self.rois and not objects else "")


class _Several:
    """Progress over all images, and over the planes of an image that has several."""

    def __init__(self, progress: Progress, name: str, number: int, total: int) -> None:
        self.progress, self.name, self.number, self.total = progress, name, number, total

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self.total == 1:
            self.progress(stage, done, total)
        elif total > 1:
            self.progress(self.name, done, total)
        else:
            self.progress(stage, self.number, self.total)

    def finished(self) -> None:
        if self.total > 1:
            self.progress("predict", self.number + 1, self.total)


def _of(source: Source, error: UserError) -> UserError:
    """Name the file in an error that knows only the image's title."""
    if error.path == str(source.path):
        return error
    return UserError(error.problem, path=source.path, remedy=error.remedy)
