"""Methods that know the noise: the density of an observed intensity, given the signal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl import noise
from imagej_dl.errors import UserError, warn
from imagej_dl.images import Normalisation
from imagej_dl.methods.shared.image_method import ImageMethod

_STRANGE, _BEYOND = 0.5, 0.01
"""Shares of pixels beyond the noise model's range that are an error, and that are said."""


class NoiseModelMethod(ImageMethod):
    """Base of the methods that learn with a noise model, of one channel.

    Noise depends on the intensity, so that all images are divided by the same number, and never
    stretched plane by plane. The network gives the signal as its place between the noise model's
    `low` (−1) and `high` (1).
    """

    takes_frames: ClassVar[bool] = False
    begun: ClassVar[dict[str, Any]] = {}
    """Settings of a training that begins, where none are given. The defaults of the fields are
    those of the version that first had them: its files do not name them."""

    noise_model: noise.NoiseModel | None = Field(
        default=None,
        description="The noise model: the file that `imagej-dl noise-model` wrote; the model keeps "
        "its content.",
    )

    @property
    def known_noise(self) -> noise.GaussianMixture | noise.Histogram:
        """The noise model, without which there is no training."""
        assert self.noise_model is not None, "settings of a training without one are refused"
        return self.noise_model

    @classmethod
    def completed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a training with the noise model itself, and its normalisation.

        Raises
        ------
        ValueError : without a noise model, or with another normalisation.
        UserError : for a file that is no noise model.
        """
        own = dict(values.get("method_settings") or {})
        given = own.get("noise_model")
        if given is None:
            raise ValueError(
                f"noise_model: kind {cls.name} needs one: the file that imagej-dl noise-model "
                "writes"
            )
        if isinstance(given, str | Path):
            model = noise.read(given)
        elif isinstance(given, dict):
            model = noise.of(given)
        else:
            model = given
        own["noise_model"] = model.model_dump(mode="json")
        # A training that goes on, and a model to start from, bring their normalisation.
        if values.get("normalisation") is None:
            own = {**cls.begun, **own}
        wanted = Normalisation.model_validate({"method": "range", "largest": unit_of(model)})
        asked = values.get("normalisation")
        if asked is not None and Normalisation.model_validate(asked) != wanted:
            raise ValueError(
                f"normalisation: kind {cls.name} has that of its noise model (range, "
                f"{wanted.largest:g}): leave it out"
            )
        return {**values, "method_settings": own, "normalisation": wanted}

    def of_images(self, channels: int) -> dict[str, Any]:
        """Refuse images of several channels."""
        if channels > 1:
            raise UserError(
                f"the images have {channels} channels, kind {self.name} denoises one",
                remedy="Split them (in ImageJ, Image > Color > Split Channels), and train a model "
                "for each with a noise model of its own.",
            )
        return super().of_images(channels)

    def check_images(self, images: Iterable[NDArray[np.float32]]) -> None:
        """Compare images to learn from or to predict, normalised, with the noise model's range.

        Raises
        ------
        UserError : when most pixels are beyond it: the intensities are not those of the camera.

        Warns
        -----
        DataWarning : when more than one pixel in a hundred is.
        """
        model = self.known_noise
        ends = np.array((model.low, model.high))
        low, high = ends + 3 * np.sqrt(model.variance(ends)) * (-1, 1)
        below = above = count = 0
        for image in images:
            some = np.asarray(image[::3, ::3]) * unit_of(model)
            below += int(np.count_nonzero(some < low))
            above += int(np.count_nonzero(some > high))
            count += some.size
        share = (below + above) / max(count, 1)
        words = (
            f"{below / max(count, 1):.0%} of the pixels are darker and {above / max(count, 1):.0%} "
            f"brighter than the noise model was measured at (signals of {model.low:.4g} to "
            f"{model.high:.4g})"
        )
        if share > _STRANGE:
            raise UserError(
                words,
                remedy="Measure the noise model on the same camera with the same settings, and "
                "give images with the intensities as they were recorded.",
            )
        if share > _BEYOND:
            warn(f"{words}: there the noise is a guess")

    def signal(self, outputs: Any) -> Any:
        """Return the signal, in intensities, of outputs of the network."""
        return self.known_noise.between(outputs)

    def observed(self, images: Any) -> Any:
        """Return intensities of normalised ones."""
        return images * unit_of(self.known_noise)

    def intensity_layer(self) -> Any:
        """Return the layer that turns the network's outputs into normalised intensities."""
        from imagej_dl.models import backend

        model = self.known_noise
        half, middle, unit = (model.high - model.low) / 2, model.between(0.0), unit_of(model)
        return backend.keras().layers.Rescaling(
            half / unit, middle / unit, dtype="float32", name="intensities"
        )


def unit_of(model: noise.GaussianMixture | noise.Histogram) -> float:
    """Return what intensities are divided by for the network."""
    return max(abs(model.low), abs(model.high))
