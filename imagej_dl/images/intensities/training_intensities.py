"""Intensities of the training data, and the limits that they set to the stretch of a plane.

Percentiles need no knowledge of bit depth or exposure, but they assume that planes are alike: in a
nearly empty plane they make noise as bright as cells, and debris on more pixels than lie above the
upper percentile makes cells as dark as noise. So a model stores two ratios of its training planes:
noise to stretch, and upper end of the stretch to bright pixels. Both are ratios within a plane,
which another exposure does not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from imagej_dl.images.intensities import pixel_noise

_BRIGHT = 1.5
"""Factor by which a plane may exceed the range of the training data."""
_ABOVE = 6.0
"""Distance of bright pixels above the background, in units of its noise."""
_UPPER = 75
"""Percentile that represents the bright pixels, while debris is at most a quarter of them."""
_QUANTUM = 12**-0.5
_SIDE = 2.3263 - 0.6745
"""Distance between the 1 % and 25 % quantiles of normal noise, in standard deviations."""
_SLAB = 16
_PIXELS = 2**22


class SeenChannel(BaseModel):
    """One channel of the training planes with objects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    noise: float = Field(ge=0, description="Largest noise, relative to the stretch.")
    bright: tuple[float, float] | None = Field(
        default=None,
        description="Smallest and largest upper end of the stretch, relative to the bright "
        "pixels; both above the background.",
    )
    middle: tuple[float, float] | None = Field(
        default=None, description="The same, relative to the median of the bright pixels."
    )
    top: float = Field(description="Largest intensity, normalised.")
    levels: tuple[float, float] = Field(
        description="Lowest and highest end of the stretch, as in the files."
    )


class Seen(BaseModel):
    """Intensities that a training has seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    planes: int = Field(ge=1, description="Number of planes with objects.")
    area: float = Field(ge=0, description="Minimum number of bright pixels for an estimate.")
    channels: tuple[SeenChannel, ...]

    @classmethod
    def of(cls, looks: Sequence[tuple[Look, ...]], area: float) -> Seen | None:
        """Summarise planes, each with its channels; None for no planes."""
        if not looks:
            return None
        channels_seen = []
        for same in zip(*looks, strict=True):
            channels_seen.append(
                SeenChannel(
                    noise=max(look.noise / look.spread for look in same),
                    bright=_span([e for look in same if (e := look.end(look.bright)) is not None]),
                    middle=_span([e for look in same if (e := look.end(look.middle)) is not None]),
                    top=max((look.most - look.low) / look.spread for look in same),
                    levels=(min(look.low for look in same), max(look.high for look in same)),
                )
            )
        return cls(planes=len(looks), area=area, channels=tuple(channels_seen))

    def __add__(self, other: Seen) -> Seen:
        """Join the intensities of two trainings, one of which began with the other's model."""
        channels = []
        for one, two in zip(self.channels, other.channels, strict=True):
            channels.append(
                SeenChannel(
                    noise=max(one.noise, two.noise),
                    bright=_span([*(one.bright or ()), *(two.bright or ())]),
                    middle=_span([*(one.middle or ()), *(two.middle or ())]),
                    top=max(one.top, two.top),
                    levels=(
                        min(one.levels[0], two.levels[0]),
                        max(one.levels[1], two.levels[1]),
                    ),
                )
            )
        return Seen(
            planes=self.planes + other.planes,
            area=min(self.area, other.area),
            channels=tuple(channels),
        )


def _span(values: Sequence[float]) -> tuple[float, float] | None:
    return (min(values), max(values)) if values else None


@dataclass(frozen=True)
class Look:
    """A channel of a plane: the ends of its stretch, its lower quartile, its noise, its largest
    pixel, how many pixels are bright, and what stands for them: an upper percentile, the median.
    """

    low: float
    high: float
    quarter: float
    noise: float
    most: float
    area: float
    bright: float | None
    middle: float | None

    @property
    def spread(self) -> float:
        return self.high - self.low if self.high > self.low else 1.0

    def end(self, bright: float | None) -> float | None:
        """Return the ratio of the end of the stretch to the bright pixels."""
        return None if bright is None else (self.high - self.quarter) / (bright - self.quarter)


@dataclass(frozen=True)
class Far:
    """Reason why a channel of a plane is not stretched by its percentiles.

    why : "bright", "few" or "noise": its stretch ended too high or too low beside what is bright
        in it, or made its noise too large; "hot": pixels are absurd.
    plane, training : the ratio, and the nearest that the training saw; of "hot" the pixel's value,
        and the largest that is let through, normalised.
    at : of "hot" the first such pixel, (y, x).
    """

    why: Literal["bright", "few", "noise", "hot"]
    plane: float
    training: float
    at: tuple[int, int] = (0, 0)


def look(slabs: Sequence[NDArray], low: float, high: float) -> Look:
    """Measure a channel.

    Parameters
    ----------
    slabs : arrays (Y, X) of neighbouring rows, such as one plane.
    low, high : the ends of its stretch.
    """
    whole = slabs[0].dtype.kind in "ui"
    means, steps = [], []
    for slab in slabs:
        four = pixel_noise.quads(slab.astype(np.float64))
        means.append(np.mean(four, axis=0).ravel())
        steps.append(pixel_noise.steps(four).ravel())
    mean, step = np.concatenate(means), np.concatenate(steps)
    pixels = np.concatenate([slab.ravel() for slab in slabs])
    most = float(pixels.max())
    darkest, quarter = (float(v) for v in np.percentile(pixels, (1, 25)))
    noise = _QUANTUM if whole else 0.0
    if mean.size:
        dark = step[mean <= np.median(mean)]
        few = np.minimum(dark, np.percentile(dark, 99))
        noise = max(noise, pixel_noise.deviation(few))
    # Uneven light and blurred noise show in how far the darker pixels lie apart.
    noise = max(noise, unevenness(darkest, quarter))
    above = mean[mean > quarter + _ABOVE * noise]
    bright = middle = None
    if above.size:
        bright, middle = (float(v) for v in np.percentile(above, (_UPPER, 50)))
    return Look(low, high, quarter, noise, most, 4.0 * above.size, bright, middle)


def bounded(of: Look, seen: Seen, number: int) -> tuple[float, list[Far]]:
    """Return the upper end of the stretch of channel `number` that the training allows, and why
    it is another than that by percentiles.
    """
    channel = seen.channels[number]
    if of.high <= of.low:
        return of.high, []
    high, far = of.high, []
    end = of.end(of.bright) if of.area >= seen.area else None
    if end is not None and channel.bright is not None:
        least, largest = channel.bright
        # Of much debris the upper percentile is debris, but not the median.
        most = of.end(of.middle) or 0.0
        usual, greatest = channel.middle or (1.0, np.inf)
        if end > largest * _BRIGHT:
            high = of.quarter + (of.high - of.quarter) * largest / end
            far.append(Far("bright", end, largest))
        elif end < least / _BRIGHT:
            high = of.quarter + (of.high - of.quarter) * least / end
            far.append(Far("few", end, least))
        elif most > greatest * _BRIGHT:
            high = of.quarter + (of.high - of.quarter) * (usual * greatest) ** 0.5 / most
            far.append(Far("bright", most, greatest))
    floor = least_stretch(of.noise, seen, number)
    if high - of.low < floor:
        far.append(Far("noise", of.noise / (high - of.low), channel.noise))
        high = of.low + floor
    return high, far


def least_stretch(noise: float, seen: Seen, number: int) -> float:
    """Return the least stretch of channel `number` that the training allows for a noise."""
    # One plane says less of how noisy the next may be than many do.
    most = seen.channels[number].noise * (1 + seen.planes**-0.5)
    return noise / most if most else 0.0


def unevenness(darkest: float, quarter: float) -> float:
    """Return the noise that 1 % and 25 % quantiles this far apart would have, were it normal."""
    return (quarter - darkest) / _SIDE


class Sample:
    """Rows of a plane, or of several, that stand for all: whole ones of up to 4 million pixels."""

    def __init__(self) -> None:
        self.slabs: list[NDArray] = []
        self._step, self._count = 1, 0

    def add(self, rows: NDArray) -> None:
        """Take neighbouring rows (Y, X, ...)."""
        for low in range(0, len(rows), _SLAB):
            if self._count % self._step == 0:
                # A copy: a view would keep all rows in memory.
                self.slabs.append(np.array(rows[low : low + _SLAB]))
            self._count += 1
        while len(self.slabs) > 1 and sum(s.shape[0] * s.shape[1] for s in self.slabs) > _PIXELS:
            self._step *= 2
            self.slabs = self.slabs[::2]

    @classmethod
    def of(cls, plane: NDArray) -> Sequence[NDArray]:
        """Return the slabs of one plane."""
        if plane.shape[0] * plane.shape[1] <= _PIXELS:
            return [plane]
        sample = cls()
        sample.add(plane)
        return sample.slabs


def channels(slabs: Iterable[NDArray]) -> list[list[NDArray]]:
    """Split slabs (Y, X) or (Y, X, C) into those of each channel."""
    parted = [slab.reshape(*slab.shape[:2], -1) for slab in slabs]
    return [[slab[..., i] for slab in parted] for i in range(parted[0].shape[-1])]
