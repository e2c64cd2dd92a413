"""Likeness of an image to those of a training: noise, sharpness, background, size of objects.

All measures are ratios within a plane, which another gain, offset or exposure does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy import ndimage as ndi

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.images.intensities import pixel_noise

FILE = "likeness.json"
"""The file of a model folder that holds a :class:`Likeness`."""

_SIDE = 512
"""Side in px of the region in the middle that stands for a larger plane."""
_BAND = 0.45 / (4 * np.pi)
"""Variance that white noise of variance 1 leaves between Gaussians of sigma s and 2 s, by s²."""
_SILENT = 0.02
"""Noise below which less of it makes no difference."""
_EVEN = 0.01
"""The same of the unevenness of the background."""
_EDGE = 1.1
"""Factor beyond the noisiest of varied imaging conditions from which an image is far."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Measure:
    """A measure: its words, and the factors above and below the training's range that are far."""

    words: str
    above: float
    below: float


MEASURES = {
    # Less noise than in the training does little harm.
    "noise": Measure("noise relative to the contrast", 1.4, 4.0),
    "sharpness": Measure("fine relative to coarse detail", 1.3, 1.3),
    "background": Measure("unevenness of the background relative to the contrast", 3.0, 10.0),
    "diameter": Measure("median diameter of the objects in px", 1.4, 1.4),
}
"""By bench/other_movies.py and images of the training kind: see docs/figures.md."""


class Likeness(BaseModel):
    """The range of each measure over the planes of a training, by channel, and of the objects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    planes: int = Field(ge=1, description="Number of planes with objects that were measured.")
    scale: float = Field(gt=0, description="Median diameter of the objects, px.")
    channels: tuple[dict[str, Range], ...] = Field(
        description="Least and largest value of noise, sharpness and background, of each channel."
    )
    varied: bool = Field(
        default=False,
        description="Whether the range of noise is that of varied imaging conditions, which ends "
        "where the variation does.",
    )
    diameter: Range = Field(
        description="Least and largest median diameter of the objects of a plane, px."
    )

    @classmethod
    def of(
        cls,
        planes: Sequence[Sequence[dict[str, float]]],
        diameters: Sequence[float],
        scale: float,
        *,
        varied: bool = False,
    ) -> Likeness:
        """Summarise what :func:`measured` returned of planes, and their median diameters."""
        channels = []
        for same in zip(*planes, strict=True):
            names = {name for one in same for name in one}
            values = {n: [one[n] for one in same if n in one] for n in MEASURES if n in names}
            channels.append({name: (min(v), max(v)) for name, v in values.items()})
        return cls(
            planes=len(planes),
            scale=scale,
            channels=tuple(channels),
            varied=varied,
            diameter=(min(diameters), max(diameters)),
        )

    def __add__(self, before: Likeness) -> Likeness:
        """Join the ranges with those of the model that the training started from."""
        channels = []
        for one, two in zip(self.channels, before.channels, strict=True):
            names = [name for name in MEASURES if name in one or name in two]
            channels.append({n: _joined(one.get(n), two.get(n)) for n in names})
        return self.model_copy(
            update={
                "planes": self.planes + before.planes,
                "channels": tuple(channels),
                "diameter": _joined(self.diameter, before.diameter),
                "varied": self.varied or before.varied,
            }
        )

    def far(
        self, planes: Sequence[Sequence[dict[str, float]]], diameter: float | None = None
    ) -> list[Far]:
        """Return in what an image is far from the training.

        Parameters
        ----------
        planes : what :func:`measured` returned of some of its planes; the median counts.
        diameter : median diameter of what was found in it, in px of the training's images.
        """
        found = []
        for number, known in enumerate(self.channels):
            for name, limits in known.items():
                values = [plane[number][name] for plane in planes if name in plane[number]]
                if values:
                    found += self._far(name, float(np.median(values)), limits, number)
        if diameter is not None:
            found += self._far("diameter", diameter, self.diameter, 0)
        return found

    def _far(self, name: str, value: float, limits: Range, channel: int) -> list[Far]:
        # Few planes say less of how unlike the next may be than many do.
        wider = 1 + 0.5 * self.planes**-0.5
        low, high = limits
        measure = MEASURES[name]
        above = _EDGE if self.varied and name == "noise" else measure.above * wider
        if low / (measure.below * wider) <= value <= high * above:
            return []
        return [Far(name, value, limits, channel)]


def _joined(one: Range | None, two: Range | None) -> Range:
    known = [limits for limits in (one, two) if limits is not None]
    return min(low for low, _ in known), max(high for _, high in known)


def read(folder: Path | None) -> Likeness | None:
    """Read what the training images of a model are like; None where its folder does not say.

    Warns
    -----
    DataWarning : for a damaged file.
    """
    if folder is None or not (folder / FILE).is_file():
        return None
    try:
        return Likeness.model_validate(load_json(folder / FILE))
    except (UserError, ValidationError):
        warn("is damaged: images are not compared with those of the training", path=folder / FILE)
        return None


@dataclass(frozen=True)
class Far:
    """A measure of an image, and the range of the training that it is far from."""

    name: str
    value: float
    limits: Range
    channel: int = 0

    @property
    def words(self) -> str:
        low, high = self.limits
        return f"{MEASURES[self.name].words} is {self.value:.2g}, {low:.2g} to {high:.2g} in those"


def measured(plane: NDArray, scale: float) -> list[dict[str, float]]:
    """Measure the channels of a plane (Y, X) or (Y, X, C).

    Parameters
    ----------
    scale : diameter of the objects in px.

    Returns
    -------
    of each channel the measures that can be told: none of a plane without contrast.
    """
    part = plane[central(plane.shape)]
    part = part.reshape(*part.shape[:2], -1)
    return [_channel(part[..., i].astype(np.float32), scale) for i in range(part.shape[-1])]


def central(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the region (Y, X) in the middle that stands for a plane of a shape (Y, X, ...)."""
    starts = [max(size - _SIDE, 0) // 2 for size in shape[:2]]
    y, x = (slice(start, start + _SIDE) for start in starts)
    return y, x


def _channel(values: NDArray[np.float32], scale: float) -> dict[str, float]:
    sigma = max(scale / 16, 0.8)
    if min(values.shape) < max(8 * sigma, 4):
        return {}
    once, twice, often = (
        ndi.gaussian_filter(values, sigma * by, mode="mirror", truncate=3.0) for by in (1, 2, 4)
    )
    dark, quarter = np.percentile(twice, (2, 25))
    contrast = float(np.percentile(once, 99.5) - np.percentile(once, 25))
    if contrast <= 0:
        return {}
    noise = _noise(values, once)
    found = {
        "noise": max(noise / contrast, _SILENT),
        "background": max(float(quarter - dark) / contrast, _EVEN),
    }
    grain = _BAND * (noise / sigma) ** 2
    fine = float(np.var(once - twice)) - grain
    coarse = float(np.var(twice - often)) - grain / 4
    # Beside this much noise there is nothing to be told of detail.
    if fine > grain and coarse > grain / 4:
        found["sharpness"] = float(np.sqrt(fine / coarse))
    return found


def _noise(values: NDArray[np.float32], smooth: NDArray[np.float32]) -> float:
    """Return the standard deviation of the noise in the darker half."""
    dark, *_ = pixel_noise.quads(smooth)
    steps = pixel_noise.steps(pixel_noise.quads(values))
    return pixel_noise.deviation(steps[dark <= np.median(dark)])
