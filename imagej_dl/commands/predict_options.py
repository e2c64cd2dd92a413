"""The options of `imagej-dl predict`, and what follows from them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator

from imagej_dl.commands.base import Command, Positional, Shown
from imagej_dl.commands.engine_options import (
    EngineName,
    EnginePython,
    EngineSettings,
    engine_python,
    engine_settings,
)
from imagej_dl.distribution import registry as executors
from imagej_dl.errors import UserError
from imagej_dl.images.formats import registry
from imagej_dl.images.ome_zarr import reading
from imagej_dl.images.scenes import PATTERN
from imagej_dl.models.config import holds_model
from imagej_dl.models.ready import registry as ready
from imagej_dl.prediction.diameters import parsed
from imagej_dl.prediction.pixel_types import PixelType
from imagej_dl.prediction.results import SUFFIXES, ImageFormat, Results
from imagej_dl.prediction.views import Augment

if TYPE_CHECKING:
    from imagej_dl.methods.base import Method

Switch = Literal["model", "yes", "no"]


class PredictOptions(Command):
    """The declaration of a prediction: its model, its images, and what is written."""

    model: Annotated[
        Path, Positional(), Shown(path="folder", gives="model", takes="model", offers=ready.names)
    ] = Field(
        Path(ready.DEFAULT),
        description="Folder of the model, or a package of BioImage.IO (its .zip file or folder), "
        "or the .h5 file of a model that was trained with Fluffy, or the name of a ready model, "
        f"which came with imagej-dl ({', '.join(ready.names())}); if left out, {ready.DEFAULT}.",
    )
    images: Annotated[
        list[Path], Positional(), Shown("Image files", once=True, empty="the open image")
    ] = Field(
        [], description="Images, or folders of images; in ImageJ, if left out, the open image."
    )
    out: Annotated[Path | None, Shown("Results", path="folder", empty="not saved")] = Field(
        None, description="Folder for the results; not needed for the open image."
    )
    diameter: Annotated[
        str | None, Shown("Object diameter", unit="px, or such as 8 um", empty="by the pixel sizes")
    ] = Field(
        None,
        description="Diameter of the image's objects: a number in px of the image, or a length "
        "such as 8 um. The image is resampled so that they are as large as the objects that the "
        "model was trained on, and the results are brought back to the image's own pixels. auto: "
        "estimated from the image; model: nothing is resampled. If left out, an image is resampled "
        "where its pixel size and that of the training images are known and differ by more than a "
        "third.",
    )
    engine: EngineName = Field(
        None,
        description="A segmentation program of others, in a Python of its own (`imagej-dl engines` "
        "lists them and installs one). MODEL is then the engine's own model: a StarDist folder, a "
        "Cellpose file or the name of one that it has. If left out, the model is one of imagej-dl, "
        "or one that an engine has trained here.",
    )
    engine_settings: EngineSettings = engine_settings('{"prob_thresh": 0.5}')
    engine_python: EnginePython = engine_python()
    rois: bool = Field(
        True,
        description="Also write NAME_RoiSet.zip; for the open image, add the ROIs to the "
        "ROI Manager, after the existing ones.",
    )
    probabilities: bool = Field(
        False,
        description="Also write the probability maps as NAME_probabilities.tif, one channel per "
        "class, from 0 to 1.",
    )
    type: Annotated[PixelType, Shown("Pixel type of the image", advanced=True)] = Field(
        "float32",
        description="Of models that give an image: the pixel type of the result. float32: keeps "
        "all values; input: that of the image, 8, 16 or 32 bits. Values are rounded, and clipped "
        "at the limits of the type; the number of clipped pixels is reported.",
    )
    samples: Annotated[
        int | None, Shown(unit="samples", advanced=True, empty="their mean alone")
    ] = Field(
        None,
        ge=1,
        le=10_000,
        description="Of models that draw images that may have been there: write so many of them, "
        "as slices of a stack, in place of the mean. The same ones are drawn each time.",
    )
    denoise: Annotated[
        Path | None, Shown("Denoise first with", path="folder", advanced=True, empty="nothing")
    ] = Field(
        None,
        description="Folder of a model that denoises. The image is denoised by it before it is "
        "segmented; the result keeps record of both models.",
    )
    output: Annotated[Literal["auto", "labels", "image"], Shown(advanced=True)] = Field(
        "auto",
        description="What the output of a package of BioImage.IO is made into. auto: a label map "
        "where its description says that it is a probability of objects, else an image; labels, "
        "image: that.",
    )
    save_denoised: Annotated[bool, Shown("Keep the denoised image", advanced=True)] = Field(
        False,
        description="Also write the denoised image, which was segmented, as NAME_denoised.tif; "
        "for the open image, open it.",
    )
    augment: Annotated[Augment, Shown("Test-time augmentation", advanced=True)] = Field(
        "none",
        description="Test-time augmentation: average the network's output over views of each "
        "plane. none: the plane alone; flips: 4 views, mirrored and turned by 180 degrees, which "
        "take about 4 times as long; all: 8 views, also turned by 90 degrees, about 8 times as "
        "long.",
    )
    ensemble: Annotated[
        list[Path], Shown("Further models", path="folder", advanced=True, empty="none")
    ] = Field(
        [],
        description="Folders of further models, whose outputs are averaged with those of the "
        "model: of the same kind, classes, channels and settings of the method. The "
        "post-processing is that of the first model. Each takes about as long as one model alone.",
    )
    tile: Annotated[int | None, Shown(unit="px", advanced=True, empty="that of Settings")] = Field(
        None,
        ge=1,
        le=2**20,
        description="Largest side of a tile in pixels (if left out, that of Settings). "
        "Smaller tiles take less memory; the result is the same.",
    )
    batch: Annotated[int | None, Shown(advanced=True, empty="as memory allows")] = Field(
        None,
        ge=1,
        le=2**16,
        description="Batch size: largest number of tiles that are predicted at once.",
    )
    halo: Annotated[int | None, Shown(unit="px", advanced=True, empty="the receptive field")] = (
        Field(
            None,
            ge=0,
            le=2**14,
            description="Overlap of the tiles on each side, in pixels; if left out, the reach "
            "of the receptive field. A smaller halo is faster, but tile edges may show.",
        )
    )
    videos: Annotated[Path | None, Shown("Table of videos", advanced=True, empty="none")] = Field(
        None,
        description="The table videos2im_relation.csv, which assigns single frames to videos. "
        "The videos are written to OUT/reconstructed_videos and OUT/CTC_evaluation/NN_RES. If "
        "left out, the table of a folder with inputs.",
    )
    weights: Annotated[Path | None, Shown("Other weights", advanced=True, empty="the model's")] = (
        Field(None, description="A weights file for the model's network, such as a checkpoint.")
    )
    closing: Annotated[int | None, Shown(unit="px", advanced=True, empty="the model's")] = Field(
        None,
        ge=0,
        le=50,
        description="Radius of the morphological closing in pixels; 0: no closing; if left "
        "out, that of the model.",
    )
    fill_holes: Annotated[Switch, Shown(advanced=True)] = Field(
        "model", description="Fill holes in objects; model: the setting of the model."
    )
    minimum_area: Annotated[int | None, Shown(unit="px", advanced=True, empty="the model's")] = (
        Field(
            None,
            ge=0,
            lt=2**63,
            description="Smallest object to keep, in pixels (area); if left out, that of the "
            "model.",
        )
    )
    drop_edge: Annotated[Switch, Shown(advanced=True)] = Field(
        "model",
        description="Remove objects that touch the edge of the image; model: the setting of the "
        "model.",
    )
    scenes: Annotated[str | None, Shown(advanced=True, empty="the first")] = Field(
        None,
        pattern=PATTERN,
        description="Which scenes (series, positions) of a file to predict: all, or the number "
        "of a scene, counted from 1; the results are called NAME_SCENE. If left out, the first, "
        "as NAME.",
    )
    axes: Annotated[str | None, Shown(advanced=True, empty="as the file declares")] = Field(
        None, description="Axes of the images, such as TYX, if their files declare wrong ones."
    )
    format: Annotated[ImageFormat, Shown("Format of the results", advanced=True)] = Field(
        "tiff",
        description="Format of the label maps and images that are written. tiff: NAME.tif; "
        "ome-zarr: NAME.ome.zarr, a folder of chunks and smaller levels, for what is too large to "
        "be opened as a whole (needs zarr).",
    )
    overwrite: Annotated[bool, Shown(once=True)] = Field(
        False, description="Replace existing results."
    )
    scheduler: Annotated[str | None, Shown(advanced=True, empty="none")] = Field(
        None,
        description="Predict block by block, each block a job of its own, which goes on after a "
        "stop where it was. local: by processes on this machine; the address of a Dask scheduler, "
        "such as tcp://host:8786: by its workers, on any machines; serial: by this process alone. "
        "The result is that of the whole image.",
    )
    workers: Annotated[int | None, Shown(unit="processes", advanced=True, empty="one a core")] = (
        Field(
            None,
            ge=1,
            le=4096,
            description="Processes that the scheduler local starts; if left out, one a core.",
        )
    )

    @property
    def chosen(self) -> Path:
        """The model that is used. Where none is named it is the ready one, whatever the present
        folder has by that name.
        """
        return self.model if "model" in self.model_fields_set else ready.HOME / ready.DEFAULT

    def with_images(self) -> Self:
        """Return the command with the default model where its first path is of images.

        The model comes first on the command line, and may be left out there. Of several paths the
        first is an image if it is a file in a format of images; a folder alone is one of images
        unless a model is in it.
        """
        if "model" not in self.model_fields_set:
            return self
        path = self.model
        if registry.is_plain_folder(path):
            are_images = not self.images and not holds_model(path)
        else:
            are_images = registry.is_image(path) and registry.by_name(path) is not None
        if not are_images:
            return self
        given = self.model_dump(exclude={"model"}, exclude_unset=True)
        return self.declare(given | {"images": [path, *self.images]})

    @field_validator("scheduler")
    @classmethod
    def _is_scheduler(cls, value: str | None) -> str | None:
        if value is not None:
            executors.check(value)
        return value

    @field_validator("diameter", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return f"{value:g}" if number else value

    @field_validator("diameter")
    @classmethod
    def _is_diameter(cls, value: str | None) -> str | None:
        if value is not None:
            parsed(value)
        return value

    def tables(self) -> list[Path]:
        """Return the tables of the videos that the images are frames of."""
        from imagej_dl import suite

        tables: dict[Path, None] = {}
        # What is wrong with a table is said before the work; what is odd, after it, once.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.videos is not None:
                suite.read_relation(self.videos)
            for path in self.images:
                table = suite.table_of(path, self.videos) if suite.is_suite(path) else self.videos
                if table is not None:
                    tables[table] = None
        return list(tables)

    def folder(self) -> Path:
        """Return the folder of the results; refuse none, and one that would be an image."""
        if self.out is None:
            raise UserError("a folder for the results is needed", remedy="Name it with --out.")
        if registry.by_name(self.out) in registry.folder_formats():
            raise UserError(
                "is the name of an image, and a folder for the results is needed",
                path=self.out,
                remedy="Name a folder with --out, and pass --format ome-zarr: each image NAME gets "
                "NAME.ome.zarr.",
            )
        if self.format == "ome-zarr":
            reading.need(self.out)  # before the work, which would be lost without it
        return self.out

    @property
    def suffix(self) -> str:
        """The suffix of the images that are written."""
        return SUFFIXES[self.format]

    def results(self, method: Method) -> Results:
        return Results(
            self.folder(),
            self.rois,
            self.probabilities,
            self.overwrite,
            method.gives,
            denoised=self.save_denoised,
            suffix=self.suffix,
        )
