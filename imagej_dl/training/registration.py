"""Registration of pairs of images: the shift of a target against its image."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images.checks import repeated_warnings

TOLERATED = 1.0
"""Shift in px that is not spoken of: a network averages over it, and noise leaves as much."""

_SIDE = 512
"""Of the middle part of a plane that is looked at, px."""
_SMALLEST = 32
_SMOOTHING = 2.0
"""Sigma in px of the blur against noise, which is also the width of a peak of the correlation."""
_CLEAR = 2.0
"""Ratio of a clear peak to the next one. Where single objects meet others by chance there
are several such peaks."""
_HIGH = 10.0
"""Height of a clear peak, in standard deviations of all else. Of 400 pairs of noise alone, 48 to
256 px wide, the highest was at 7.3."""
_FARTHEST = 4
"""Part of a side beyond which nothing is looked for: there single objects meet others by chance."""


def shift(image: NDArray, target: NDArray) -> tuple[float, float] | None:
    """Measure by phase correlation how far a target is shifted against its image.

    Parameters
    ----------
    image, target : planes (Y, X), or (Y, X, C), whose channels are added up.

    Returns
    -------
    (y, x) in px, positive where the target's content lies further down or to the right; None where
    the correlation has no clear peak, as with much noise or few structures.
    """
    image, target = (_middle(plane) for plane in (image, target))
    if min(image.shape) < _SMALLEST:
        return None
    window = np.outer(*(np.hanning(size + 2)[1:-1] for size in image.shape))
    spectra = [np.fft.rfft2(_flattened(plane) * window) for plane in (target, image)]
    crossed = spectra[0] * np.conj(spectra[1])
    strength = np.abs(crossed)
    if not strength.max() > 0:
        return None
    crossed /= np.maximum(strength, 1e-9 * strength.max())
    down = np.fft.fftfreq(image.shape[0])[:, None]
    across = np.fft.rfftfreq(image.shape[1])
    crossed *= np.exp(-2 * (np.pi * _SMOOTHING) ** 2 * (down**2 + across**2))
    surface = np.fft.fftshift(np.fft.irfft2(crossed, s=image.shape))
    peak = [int(at) for at in np.unravel_index(int(surface.argmax()), surface.shape)]
    middle = [size // 2 for size in surface.shape]
    if any(abs(at - zero) * _FARTHEST > 2 * zero for at, zero in zip(peak, middle, strict=True)):
        return None
    reach = int(np.ceil(3 * _SMOOTHING))
    beside = np.ones(surface.shape, bool)
    beside[tuple(slice(max(p - reach, 0), p + reach + 1) for p in peak)] = False
    others = surface[beside]
    if surface.max() < max(_CLEAR * others.max(), _HIGH * others.std()):
        return None
    y, x = (
        at + _summit(np.moveaxis(surface, axis, 0), at, peak[1 - axis]) - middle[axis]
        for axis, at in enumerate(peak)
    )
    return y, x


def check(name: str, pairs: Iterable[tuple[str, NDArray, NDArray]]) -> None:
    """Warn where the target of an image is shifted; nothing is moved.

    Parameters
    ----------
    name : of the image.
    pairs : a few of its planes: which it is in words, the plane, and that of the target.

    Warns
    -----
    DataWarning : with the largest shift, where it is above :data:`TOLERATED`.
    """
    measured = [
        (float(np.hypot(*found)), place, found)
        for place, image, target in pairs
        if (found := shift(image, target)) is not None
    ]
    length, place, (y, x) = max(measured, default=(0.0, "", (0.0, 0.0)))
    if length <= TOLERATED:
        return
    repeated_warnings.warn(
        "images whose target is shifted",
        f"{name}{place}: the target is shifted by {x:.1f} px along X and {y:.1f} px along Y; the "
        "network learns to shift, or to blur. Register the two first, in Fiji by Linear Stack "
        "Alignment with SIFT",
    )


def _middle(plane: NDArray) -> NDArray[np.float32]:
    """Return the middle of a plane as one channel, each channel with the same spread."""
    cut = tuple(
        slice(max(size - _SIDE, 0) // 2, max(size - _SIDE, 0) // 2 + _SIDE)
        for size in plane.shape[:2]
    )
    part = plane[cut].astype(np.float32)
    if part.ndim == 2:
        return part
    spread = part.std(axis=(0, 1))
    return (part / np.where(spread > 0, spread, 1)).sum(axis=2)


def _flattened(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take off noise and uneven light, neither of which is where the structures are."""
    fine = ndi.gaussian_filter(plane, _SMOOTHING / 2)
    return fine - ndi.gaussian_filter(plane, 10 * _SMOOTHING)


def _summit(surface: NDArray, at: int, beside: int) -> float:
    """Return how far the summit of a peak lies from its highest pixel, by a parabola."""
    before, here, after = (surface[(at + step) % len(surface), beside] for step in (-1, 0, 1))
    bend = before - 2 * here + after
    return float(0.5 * (before - after) / bend) if bend < 0 else 0.0
