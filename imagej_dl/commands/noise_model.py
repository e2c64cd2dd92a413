"""`imagej-dl noise-model`: the noise of a camera, for methods that know it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from imagej_dl import images
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import refuse_existing, refuse_input
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.noise import Pairs
    from imagej_dl.worker import Session


class NoiseModel(Command):
    """Measure the noise of a camera, for kinds of training that know it.

    CALIBRATION is a movie of a scene that does not change, such as a defocused or fixed sample with
    dark and bright places, recorded as the images that will be denoised: its mean over the frames
    is the signal. Without such a movie, name a noisy image as CALIBRATION, and with
    `--from-denoised` what a Noise2Void model made of it. Pixels near saturation are left out. In
    ImageJ, if no file is named, the open image is taken.
    """

    calibration: Annotated[
        Path | None,
        Positional(),
        Shown("Calibration stack or noisy image", once=True, empty="the open image"),
    ] = Field(
        None, description="Frames of an unchanging scene; with `from_denoised` a noisy image."
    )
    out: Annotated[Path, Shown("Noise model")] = Field(
        description="The file to write, such as noise.json."
    )
    from_denoised: Annotated[Path | None, Shown("Denoised image", empty="none: a stack")] = Field(
        None,
        description="The same image denoised, in the same intensities: it stands for the signal.",
    )
    model: Annotated[Literal["auto", "mixture", "histogram"], Shown("Kind of model")] = Field(
        "auto",
        description="mixture: Gaussians whose width depends on the signal, from some thousand "
        "pixels on; histogram: for noise of any shape, such as counts of few photons, from many "
        "pixels; auto: the one that describes pixels left out better.",
    )
    gaussians: Annotated[int, Shown(unit="Gaussians", advanced=True)] = Field(
        3, ge=1, le=10, description="Number of Gaussians of a mixture."
    )
    coefficients: Annotated[int, Shown(unit="coefficients", advanced=True)] = Field(
        2,
        ge=1,
        le=5,
        description="Coefficients of the polynomials in the signal that give weight, mean and "
        "variance of each Gaussian; 2: straight lines.",
    )
    channel: Annotated[int | None, Shown(advanced=True, empty="the only one")] = Field(
        None, ge=1, le=1000, description="Channel to measure, counted from 1."
    )
    axes: Annotated[str | None, Shown(advanced=True, empty="as the file declares")] = Field(
        None, description="Axes of the calibration file, such as TYX, if it declares others."
    )
    overwrite: Annotated[bool, Shown(once=True)] = Field(
        False, description="Replace the file if it exists."
    )

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return {"image"} if self.calibration is None else set()

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        if self.calibration is not None:
            self.run(progress)
            return
        image = session.open_image()
        self._check_out()
        self._measure(image, str(image.attrs["title"]), progress)

    def run(self, progress: Progress) -> None:
        if self.calibration is None:
            raise UserError("name the frames of an unchanging scene, or a noisy image")
        self._check_out()
        image = images.read(self.calibration, self.axes)
        self._measure(image, str(self.calibration), progress)

    def _check_out(self) -> None:
        if self.out.suffix.lower() != ".json":
            raise UserError(
                "is not a valid file name for a noise model",
                path=self.out,
                remedy="Choose one that ends in .json.",
            )
        refuse_input(self.out, self.calibration, self.from_denoised)
        refuse_existing(self.out, self.overwrite)

    def _measure(self, image: xr.DataArray, name: str, progress: Progress) -> None:
        from imagej_dl import noise

        progress("noise model", 0, 2)
        try:
            pairs = self._pairs(self._channel(image, name), name)
            progress("noise model", 1, 2)
            made: noise.Histogram | noise.GaussianMixture
            if self.model == "histogram":
                made = noise.fit_histogram(pairs)
            elif self.model == "mixture":
                made = noise.fit_mixture(pairs, self.gaussians, self.coefficients)
            else:
                made = noise.fit(pairs, self.gaussians, self.coefficients)
        except UserError as error:
            raise error if error.path else error.at(name) from error
        noise.write(made, self.out, overwrite=self.overwrite)
        progress("noise model", 2, 2)
        say(f"{self.out}: {made.described()}; from {pairs.origin.pairs:,} pixels")

    def _pairs(self, image: xr.DataArray, name: str) -> Pairs:
        from imagej_dl import noise

        if self.from_denoised is not None:
            denoised = images.read(self.from_denoised)
            return noise.of_denoised(image, self._channel(denoised, str(self.from_denoised)))
        if "T" not in image.dims and image.sizes.get("Z", 1) > 1:
            warn(f"its {image.sizes['Z']} slices are taken as frames of one scene", path=name)
            image = image.rename(Z="T")
        return noise.of_frames(image)

    def _channel(self, image: xr.DataArray, name: str) -> xr.DataArray:
        """Return the channel to measure of an image, under its file's name."""
        image = image.assign_attrs(title=name)
        channels = image.sizes.get("C", 1)
        if self.channel is not None and self.channel > channels:
            raise UserError(f"has {channels} channel(s), no channel {self.channel}", path=name)
        if "C" not in image.dims:
            return image
        if self.channel is None and channels > 1:
            raise UserError(
                f"has {channels} channels, each with a noise of its own",
                path=name,
                remedy="Choose one with --channel.",
            )
        return image.isel(C=(self.channel or 1) - 1)
