"""Intensity normalisation: one declaration, kept in the model, used at training and prediction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import ndimage as ndi

from imagej_dl.images.tally import Tally


@dataclass(frozen=True)
class Levels:
    """What normalisation must know of intensities, of each channel: `values` and what they become.

    Between them it is linear; the ends go on with the slope there, or, for one value, with 1.
    """

    values: tuple[NDArray[np.float64], ...]
    become: tuple[NDArray[np.float64], ...]


class Normalisation(BaseModel):
    """How intensities become the network's input.

    `percentile` maps the lower and upper percentile to 0 and 1 and so needs no knowledge of bit
    depth or exposure; `range` divides by the type's largest value (Fluffy's way, with 65535 for
    16-bit images). `median` and `mean` divide likewise, and move the median or mean to 0.5;
    `equalise` replaces an intensity by the share of pixels that are darker (histogram
    equalisation). These are the ways of microscopy-dl-suite-tf, which also clips.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["percentile", "range", "median", "mean", "equalise"] = "percentile"
    lower: float = Field(1.0, ge=0, lt=100, description="Lower percentile, in %.")
    upper: float = Field(99.8, gt=0, le=100, description="Upper percentile, in %.")
    largest: float | None = Field(
        None,
        gt=0,
        description="What `range` divides by, whatever the image's type: Fluffy's models were made "
        "with 65535. The type's largest value where left out.",
    )
    clip: bool = Field(False, description="Clip what comes out to 0 … 1.")
    scope: Literal["plane", "video"] = Field(
        "plane", description="Whether planes are measured each for itself, or a video as a whole."
    )
    illumination: float = Field(
        0.0,
        ge=0,
        description="Sigma in px of a Gaussian that is taken off before as uneven light, its mean "
        "being kept; 0: nothing is.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Normalisation:
        if self.lower >= self.upper:
            raise ValueError(
                f"the lower percentile ({self.lower:g}) is not below the upper ({self.upper:g})"
            )
        return self

    def __call__(self, plane: NDArray, levels: Levels | None = None) -> NDArray[np.float32]:
        """Normalise one plane.

        Parameters
        ----------
        plane : array (Y, X), or (Y, X, C) whose channels are normalised each for itself.
        levels : of the video, see :meth:`levels`; without, the plane is measured by itself.

        Returns
        -------
        float32 array of the same shape; without `clip` nothing above the percentile is lost.
        """
        top = _top(plane)
        even = self._even(plane, top)
        if self.method == "range":
            return self._clipped((even / np.float32(self.largest or top)).astype(np.float32))
        if levels is None:
            if self.method == "percentile":
                # The way that is used most has a short cut.
                low, high = np.percentile(even, (self.lower, self.upper), axis=(0, 1))
                return self._clipped(_stretched(even, low, high))
            levels = self._measured([(even, top)])
        channels = even.reshape(*even.shape[:2], -1)
        done = [
            _applied(channels[..., i], values, become)
            for i, (values, become) in enumerate(zip(levels.values, levels.become, strict=True))
        ]
        return self._clipped(np.stack(done, axis=-1).reshape(even.shape))

    def levels(self, planes: Iterable[NDArray]) -> Levels | None:
        """Measure all planes of a video together; None where each is measured for itself.

        Parameters
        ----------
        planes : arrays (Y, X) or (Y, X, C), read one by one.
        """
        if self.scope == "plane" or self.method == "range":
            return None
        return self._measured((self._even(p, _top(p)), _top(p)) for p in planes)

    def _measured(self, planes: Iterable[tuple[NDArray, float]]) -> Levels:
        tallies: list[Tally] = []
        most = 1.0
        for plane, top in planes:
            channels = plane.reshape(*plane.shape[:2], -1)
            tallies = tallies or [Tally() for _ in range(channels.shape[-1])]
            for index, tally in enumerate(tallies):
                tally.add(channels[..., index])
            most = top
        pairs = [self._of(tally, most) for tally in tallies]
        return Levels(tuple(values for values, _ in pairs), tuple(become for _, become in pairs))

    def _of(self, tally: Tally, top: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.method == "percentile":
            low, high = tally.percentiles((self.lower, self.upper))
            return np.array((low, high if high > low else low + 1.0)), np.array((0.0, 1.0))
        if self.method == "equalise":
            return tally.shares()
        middle = tally.percentiles((50.0,))[0] if self.method == "median" else tally.mean()
        return np.array((middle, middle + top)), np.array((0.5, 1.5))

    def _even(self, plane: NDArray, top: float) -> NDArray:
        if not self.illumination:
            return plane
        sigma = (self.illumination, self.illumination) + (0.0,) * (plane.ndim - 2)
        values = plane.astype(np.float32)
        # The kernel's half width is that of OpenCV's for this sigma (501 px for 75.5).
        light = ndi.gaussian_filter(values, sigma, mode="mirror", truncate=10 / 3)
        values += values.mean(axis=(0, 1)) - light
        return np.clip(values, 0, top) if plane.dtype.kind in "ui" else values

    def _clipped(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.clip(values, 0, 1) if self.clip else values


def _top(plane: NDArray) -> float:
    return float(np.iinfo(plane.dtype).max) if plane.dtype.kind in "ui" else 1.0


def _stretched(plane: NDArray, low: NDArray, high: NDArray) -> NDArray[np.float32]:
    # A flat plane has no spread: it becomes 0 and not the noise of a division by nothing.
    spread = np.where(high > low, high - low, 1.0)
    return ((plane - low) / spread).astype(np.float32)


def _applied(
    plane: NDArray, values: NDArray[np.float64], become: NDArray[np.float64]
) -> NDArray[np.float32]:
    if len(values) == 2:
        slope = (become[1] - become[0]) / (values[1] - values[0])
        return ((plane - values[0]) * slope + become[0]).astype(np.float32)
    return np.interp(plane, values, become).astype(np.float32)
