"""Other imaging conditions: patches as a dimmer, less sharp or unevenly lit movie would show them.

A network that is trained on one movie learns its noise, and fails on the next one that is dimmer.
Noise that is merely added to normalised intensities is no help: in a dim image the percentiles that
the stretch goes by lie in the noise, so that objects are paler, and the background is not 0. So the
light is changed first, and then the patch is stretched again, by what the whole plane's percentiles
would have become, within the limits of :mod:`imagej_dl.images.intensities.training_intensities`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage as ndi

from imagej_dl.images import Normalisation, Seen
from imagej_dl.images.intensities import training_intensities

_SAMPLE = 4096
"""Pixels that stand for a plane when its percentiles are found anew."""
_LEAST_CONTRAST = 0.1
"""Of objects, in units of the stretch: a channel that does not show them has none."""


class Imaging(BaseModel):
    """The range of the imaging conditions. Contrast is that of the objects: the median inside them
    less the median beside them. Gain and offset need no range: the percentiles undo them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    snr: float = Field(
        default=1.5,
        ge=0.5,
        le=1000,
        description="Lowest signal-to-noise ratio: contrast over the standard deviation of the "
        "background.",
    )
    shot: float = Field(
        default=3.0,
        ge=0,
        le=100,
        description="Largest variance that the light of objects adds (photon noise), in units of "
        "the background's; the rest is read noise.",
    )
    blur: float = Field(
        default=0.08,
        ge=0,
        le=1,
        description="Largest sigma of a Gaussian blur, in diameters of the objects.",
    )
    background: float = Field(
        default=0.5,
        ge=0,
        le=10,
        description="Largest rise of the background across the plane, in units of the contrast.",
    )


@dataclass(frozen=True)
class Plane:
    """Contrast and noise of a plane as it was taken, by channel, in normalised intensities.

    ground : median of the background.
    contrast : of the objects, in size.
    noise : standard deviation of the background.
    sample : of its pixels, (n, channels).
    places : of these, as fractions of height and width, (n, 2).
    """

    ground: NDArray[np.float64]
    contrast: NDArray[np.float64]
    noise: NDArray[np.float64]
    sample: NDArray[np.float32]
    places: NDArray[np.float32]

    @classmethod
    def of(cls, image: NDArray[np.float32], labels: NDArray, seed: int = 0) -> Plane:
        """Measure a normalised image (Y, X, C) with its label map."""
        rng = np.random.default_rng(seed)
        height, width = labels.shape
        taken = rng.integers(0, labels.size, min(_SAMPLE, labels.size))
        y, x = np.divmod(taken, width)
        sample = np.asarray(image[y, x], np.float32)
        inside = labels[y, x] > 0
        beside = sample[~inside] if (~inside).any() else sample
        ground = np.median(beside, axis=0)
        contrast = np.abs(np.median(sample[inside], axis=0) - ground) if inside.any() else 0.5
        noise = [
            training_intensities.look([np.asarray(image[..., i])], 0.0, 1.0).noise
            for i in range(image.shape[-1])
        ]
        return cls(
            ground.astype(np.float64),
            np.maximum(np.broadcast_to(contrast, ground.shape), _LEAST_CONTRAST),
            np.array(noise),
            sample,
            (np.stack((y / height, x / width), axis=1) - 0.5).astype(np.float32),
        )


@dataclass(frozen=True)
class Camera:
    """A camera that turns patches into those of other imaging conditions.

    ranges : of the conditions.
    diameter : of the objects in px.
    normalisation, seen : how prediction stretches a plane, and the limits that it keeps to.
    """

    ranges: Imaging
    diameter: float
    normalisation: Normalisation
    seen: Seen | None = None

    def __call__(
        self,
        patch: NDArray[np.float32],
        plane: Plane,
        where: tuple[NDArray, NDArray],
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Return a patch (Y, X, T·C) as the camera shows it under conditions that are drawn.

        Parameters
        ----------
        plane : that it was cut of.
        where : matrix and offset that lead from the patch's pixels, counted from its middle, to
            places in the plane as :class:`Plane` has them.
        """
        ranges, channels = self.ranges, len(plane.ground)
        # Half of them stay as sharp, and half as evenly lit, as they are.
        sigma = self.diameter * ranges.blur * rng.uniform() * (rng.random() < 0.5)
        if sigma:
            patch = ndi.gaussian_filter(patch, (sigma, sigma, 0), mode="mirror")
        slope = np.zeros(2)
        if ranges.background and rng.random() < 0.5:
            way = rng.uniform(0, 2 * np.pi)
            slope = ranges.background * rng.uniform() * np.array((np.sin(way), np.cos(way)))
        harm = rng.uniform()
        slopes, light = ranges.shot * rng.uniform(), rng.uniform()
        result = np.empty_like(patch)
        rise = _rise(patch.shape[:2], where, slope)
        for index in range(patch.shape[-1]):
            channel = index % channels
            contrast, before = plane.contrast[channel], plane.noise[channel]
            # Evenly by the logarithm, from the noise that there is to the most.
            least = min(before, contrast / ranges.snr)
            most = max(before, contrast / ranges.snr)
            total = max(least, 1e-4) ** (1 - harm) * max(most, 1e-4) ** harm
            added = max(total**2 - before**2, 0.0)
            noise = _Noise.of(added, plane.ground[channel], contrast, slopes, light)
            whole = noise(plane.sample[:, channel], rng)
            whole += (contrast * (plane.places @ slope)).astype(np.float32)
            low, high = self._ends(whole, total, channel)
            taken = noise(patch[..., index], rng)
            taken += (contrast * rise).astype(np.float32)
            result[..., index] = (taken - np.float32(low)) / np.float32(high - low)
        return result

    def _ends(self, whole: NDArray[np.float32], noise: float, channel: int) -> tuple[float, float]:
        """Return what prediction would map to 0 and 1 in a plane."""
        if self.normalisation.method != "percentile":
            return 0.0, 1.0
        at = (self.normalisation.lower, self.normalisation.upper, 1.0, 25.0)
        low, high, darkest, quarter = (float(v) for v in np.percentile(whole, at))
        if self.seen is not None and channel < len(self.seen.channels):
            spread = training_intensities.unevenness(darkest, quarter)
            floor = training_intensities.least_stretch(max(noise, spread), self.seen, channel)
            high = max(high, low + floor)
        return (low, high) if high > low else (low, low + 1.0)


@dataclass(frozen=True)
class _Noise:
    """Photon noise by a gain, and read noise by its standard deviation; `dark` is added light."""

    gain: float
    dark: float
    read: float

    @classmethod
    def of(
        cls, variance: float, ground: float, contrast: float, slope: float, light: float
    ) -> _Noise:
        """Return the noise of this variance in the background.

        slope : variance that objects add to it, in units of it.
        light : share of it that is photon noise, where the slope allows.
        """
        gain = slope * variance / contrast
        if gain <= 1e-9:
            return cls(0.0, 0.0, variance**0.5)
        dark = max(light * contrast / slope - ground, 0.0)
        return cls(gain, dark, max(variance - gain * max(ground + dark, 0.0), 0.0) ** 0.5)

    def __call__(self, values: NDArray[np.float32], rng: np.random.Generator) -> NDArray:
        """Return the values with noise, float32."""
        noisy = rng.standard_normal(values.shape, dtype=np.float32)
        noisy *= np.float32(self.read)
        noisy += values
        if self.gain:
            expected = np.maximum(values + np.float32(self.dark), 0) / np.float32(self.gain)
            photons = rng.poisson(expected) - expected
            noisy += (photons * self.gain).astype(np.float32)
        return noisy


def _rise(
    shape: tuple[int, ...], where: tuple[NDArray, NDArray], slope: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the background's rise at each pixel of a patch, in units of the contrast."""
    matrix, offset = where
    y, x = (np.arange(size) - (size - 1) / 2 for size in shape)
    along = slope @ matrix
    return along[0] * y[:, None] + along[1] * x + slope @ offset
