"""Methods whose output is an image, such as denoising."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.images.intensities.levels import Levels
from imagej_dl.methods.base import (
    LearnsFrom,
    Measure,
    Method,
    PostProcessing,
    Predictions,
    Score,
    Truth,
)


class ImageMethod(Method):
    """Base of the methods that learn an image: a regression, scored by its PSNR."""

    gives: ClassVar[Literal["instances", "image"]] = "image"
    learns_from: ClassVar[LearnsFrom] = "image"
    shown: ClassVar[Measure] = Measure("psnr", "PSNR", "PSNR of patches in dB")
    selection: ClassVar[Score] = Score("psnr", "PSNR in dB", per_pixel=True)

    keeps_intensities: ClassVar[bool] = True
    """True if the image is in the intensities of the input."""
    result: ClassVar[str] = "denoised"
    """The word for it in the title of the image in ImageJ."""

    image_channels: int = Field(
        default=1, ge=1, le=1000, description="Channels of the image; training counts them."
    )

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the names of the image's channels."""
        count = self.image_channels
        return ("intensity",) if count == 1 else tuple(f"channel {i + 1}" for i in range(count))

    def of_images(self, channels: int) -> dict[str, Any]:
        """Return that the output has the channels of the image."""
        return {} if channels == self.image_channels else {"image_channels": channels}

    @property
    def is_probability(self) -> bool:
        """False: intensities are no probabilities."""
        return False

    def targets(self, truth: Truth) -> NDArray:
        """Return the image of the patch, (side, side, C)."""
        assert truth.image is not None, "the method learns an image"
        return truth.within(truth.image)

    def activation(self, loss: str) -> Literal["linear"]:
        """Return the last activation: intensities have no bounds."""
        return "linear"

    def image(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the image (Y, X, C) of the network's output (Y, X, channels), both normalised.

        It is given the rows of a plane part by part, so that each pixel depends on its own output
        alone. Prediction brings back the intensities of the input; see :meth:`intensities_of`.
        """
        return output

    def of_plane(self, image: NDArray[np.float32], levels: Levels | None) -> NDArray[np.float32]:
        """Return the image of a whole plane (Y, X, C), in the intensities of the input.

        `levels` are those of the input; for methods whose result depends on all of a plane.
        """
        return image

    draws_samples: ClassVar[bool] = False
    """True for methods that draw images that may have been there; see :meth:`sampling`."""

    def sampling(self, network: Any, number: int) -> Any:
        """Return a deployed network whose outputs are so many samples, a channel each."""
        raise NotImplementedError

    def intensities_of(self, outputs: int, inputs: int) -> tuple[int, ...]:
        """Return for each channel of the image the channel of the input whose intensities it has.

        By default its own; where there are more than in the input, the input's last one.
        """
        return tuple(min(channel, inputs - 1) for channel in range(outputs))

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Sum the squared errors, and count the values."""
        if weights is not None:
            targets, outputs = targets[weights > 0], outputs[weights > 0]
        return np.array([np.square(outputs.astype(np.float64) - targets).sum(), targets.size])

    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return the peak signal-to-noise ratio in dB; 1 is the peak of normalised intensities."""
        error = tally[0] / tally[1]
        return {"psnr": -10 * math.log10(error) if error > 0 else math.inf}

    def scores(self, predictions: Predictions, settings: PostProcessing) -> dict[str, float]:
        """Return the peak signal-to-noise ratio of all planes together; nothing without any."""
        if not predictions:
            return {}
        tallies = [self.tally(truth, self.image(output)) for output, truth, *_ in predictions]
        return self.measures(np.sum(tallies, axis=0))

    def describe(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words."""
        found = scores["psnr"]
        return "no PSNR (the images are equal)" if found is None else f"PSNR {found:.2f} dB"
