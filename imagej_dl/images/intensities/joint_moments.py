"""The linear map between the intensities of two images of the same place, over many pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.errors import warn

_IMAGE, _TARGET, _AROUND = range(3)
_SURE = 8.0
"""Correlation, in units of its standard error, from which two images are taken to be related."""


@dataclass(frozen=True)
class Moments:
    """Sums over the pixels of planes, of each channel: image, target, the target around a pixel.

    count : of pixels, (channels,).
    mean : (channels, 3).
    products : sums of the products of what deviates from the means, (channels, 3, 3).
    """

    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    products: NDArray[np.float64]

    @classmethod
    def of(cls, image: NDArray, target: NDArray) -> Moments:
        """Measure a plane (Y, X) or (Y, X, C), with the intensities of the files."""
        image, target = (plane.reshape(*plane.shape[:2], -1) for plane in (image, target))
        found = [
            _measured(image[..., channel], target[..., channel])
            for channel in range(image.shape[-1])
        ]
        return cls(*(np.array(part, np.float64) for part in zip(*found, strict=True)))

    def __add__(self, other: Moments) -> Moments:
        """Join the sums of two planes."""
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)[:, None]
        apart = step[:, :, None] * step[:, None, :]
        share = (self.count * other.count / count)[:, None, None]
        return Moments(count, mean, self.products + other.products + apart * share)


def least_squares(moments: Moments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return factor and offset of each channel that bring targets into the images' intensities.

    Noise of the target would make the slope of a plain regression too small, so that denoised
    images lost contrast: of two images alike, with as much noise as signal, it is a half. So the
    target's intensities around a pixel stand for its own as the instrument of a two-stage least
    squares: the signal goes on there, the noise does not.

    Warns
    -----
    DataWarning : for a channel in which the two have nothing in common, or are each other's
        negative; mean and standard deviation are made equal then.
    """
    factors, offsets = [], []
    for channel, (count, mean, products) in enumerate(
        zip(moments.count, moments.mean, moments.products, strict=True)
    ):
        spread = np.sqrt(np.diag(products))
        sure = True
        for one in (_IMAGE, _TARGET):
            scale = spread[one] * spread[_AROUND]
            common = products[one, _AROUND] / scale if scale > 0 else 0.0
            sure = sure and common * np.sqrt(count) > _SURE
        if sure:
            factor = products[_IMAGE, _AROUND] / products[_TARGET, _AROUND]
        else:
            which = f" in channel {channel + 1}" if len(moments.count) > 1 else ""
            warn(
                f"the targets' intensities do not follow those of the images{which}: they are "
                "given the same mean and standard deviation. Check that the pairs belong together"
            )
            factor = spread[_IMAGE] / spread[_TARGET] if spread[_TARGET] > 0 else 1.0
        factors.append(factor)
        offsets.append(mean[_IMAGE] - factor * mean[_TARGET])
    return np.array(factors), np.array(offsets)


def _measured(image: NDArray, target: NDArray) -> tuple[float, NDArray, NDArray]:
    """Return number of pixels, means and products of one channel."""
    values = np.stack([image, target, target], dtype=np.float64)
    ring = np.ones((5, 5))
    # What lies beside a pixel often shares its noise: filters and cameras see to that.
    ring[1:4, 1:4] = 0
    values[_AROUND] = ndi.convolve(values[_TARGET], ring / ring.sum(), mode="mirror")
    values = values.reshape(3, -1)
    mean = values.mean(axis=1)
    values -= mean[:, None]
    return values.shape[1], mean, values @ values.T
