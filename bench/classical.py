"""Denoising without learning: what a network has to beat.

BM3D is the PyPI package `bm3d`, a binary of Tampere University whose licence allows use for
information and non-commercial purposes only, forbids passing it on, and asks that the authors are
named where results are published: Y. Mäkinen, L. Azzari, A. Foi, "Collaborative Filtering of
Correlated Noise", IEEE Transactions on Image Processing 29, 8339-8354, 2020; K. Dabov, A. Foi,
V. Katkovnik, K. Egiazarian, "Image Denoising by Sparse 3-D Transform-Domain Collaborative
Filtering", IEEE Transactions on Image Processing 16, 2080-2095, 2007. It is no dependency of this
project, not even of its extras: whoever may use it runs `pip install bm3d`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.restoration import denoise_nl_means

from imagej_dl.denoising import best_gaussian
from imagej_dl.denoising.baseline import WIDTHS
from imagej_dl.errors import UserError


@dataclass(frozen=True)
class Noise:
    """The noise that was added: gain · Poisson(photons) + offset, and a normal one.

    gain : grey levels per photon; 0 if there is no Poisson noise.
    offset : grey level of no photon.
    read : standard deviation of the normal noise, in grey levels.
    """

    gain: float = 0.0
    offset: float = 0.0
    read: float = 0.0

    def add(self, truth: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return a noisy copy of an image in grey levels."""
        noisy = truth.astype(np.float64)
        if self.gain:
            photons = np.maximum(noisy - self.offset, 0) / self.gain
            noisy = self.offset + self.gain * rng.poisson(photons)
        return noisy + rng.normal(0, self.read, truth.shape)

    def deviation(self, noisy: NDArray) -> float:
        """Return the standard deviation of the noise, over an image of this mean."""
        photons = max(float(noisy.mean()) - self.offset, 0)
        return math.sqrt(self.gain * photons + self.read**2)

    def words(self) -> str:
        """Return it in words."""
        read = f"normal noise of {self.read:g} grey levels"
        if not self.gain:
            return read
        return f"Poisson noise at {self.gain:g} grey levels a photon and {read}"


Denoised = tuple[NDArray, dict[str, Any]]
"""The image, and what it was made with."""
Method = Callable[[NDArray, Noise, NDArray], Denoised]
"""(noisy image, its noise, the truth, which only an oracle looks at) → image."""


def unchanged(noisy: NDArray, noise: Noise, truth: NDArray) -> Denoised:
    return noisy, {}


def gaussian(noisy: NDArray, noise: Noise, truth: NDArray) -> Denoised:
    """Smooth with the width that predicts pixels left out best: of the noisy image alone."""
    best = best_gaussian([noisy])
    assert best is not None, "images of a bench have pixels enough"
    return ndi.gaussian_filter(noisy, best.width), {"width": best.width}


def oracle_gaussian(noisy: NDArray, noise: Noise, truth: NDArray) -> Denoised:
    """Smooth with the width that is best on the truth, which nobody has."""

    def error(width: float) -> float:
        return float(np.mean(np.square(ndi.gaussian_filter(noisy, width) - truth)))

    width = min(WIDTHS, key=error)
    return ndi.gaussian_filter(noisy, width), {"width": width}


def nonlocal_means(noisy: NDArray, sigma: float) -> NDArray:
    """Average similar patches, with the settings that scikit-image's example recommends."""
    settings = {"patch_size": 5, "patch_distance": 6, "h": 0.8 * sigma, "sigma": sigma}
    return denoise_nl_means(noisy, fast_mode=True, **settings)


def bm3d(noisy: NDArray, sigma: float) -> NDArray:
    """Filter groups of similar patches together."""
    try:
        from bm3d import bm3d as filtered
    except ImportError as error:
        raise UserError(
            "BM3D is not installed",
            remedy="pip install bm3d, if its licence (non-commercial use only) suits you; or "
            "leave it out with --method.",
        ) from error
    low, high = float(noisy.min()), float(noisy.max())
    scale = max(high - low, 1e-12)  # its settings are for images from 0 to 1
    found = filtered((noisy.astype(np.float64) - low) / scale, sigma / scale)
    return np.asarray(found) * scale + low


Filter = Callable[[NDArray, float], NDArray]
"""(noisy image, standard deviation of its noise) → image."""


def told(filtered: Filter) -> Method:
    """Return the filter, told the noise's deviation, as if it were the same everywhere."""

    def run(noisy: NDArray, noise: Noise, truth: NDArray) -> Denoised:
        sigma = noise.deviation(noisy)
        return filtered(noisy, sigma), {"sigma": round(sigma, 3)}

    return run


def stabilised(filtered: Filter) -> Method:
    """Return the filter after the generalised Anscombe transform, told the noise's parameters.

    The transform makes the noise the same everywhere. The way back is the closed form of the exact
    unbiased inverse (Mäkitalo and Foi, 2013).
    """

    def run(noisy: NDArray, noise: Noise, truth: NDArray) -> Denoised:
        if not noise.gain:
            return told(filtered)(noisy, noise, truth)
        variance = (noise.read / noise.gain) ** 2
        photons = (noisy - noise.offset) / noise.gain
        stable = 2 * np.sqrt(np.maximum(photons + 3 / 8 + variance, 0))
        d = np.maximum(filtered(stable, 1.0), 2 * math.sqrt(3 / 8 + variance))
        root = math.sqrt(3 / 2)
        back = d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 1 / 8
        return noise.offset + noise.gain * (back - variance), asdict(noise)

    return run


CLASSICAL: dict[str, Method] = {
    "input": unchanged,
    "Gaussian": gaussian,
    "Gaussian, width from the truth": oracle_gaussian,
    "non-local means": told(nonlocal_means),
    "non-local means, Anscombe": stabilised(nonlocal_means),
    "BM3D": told(bm3d),
    "BM3D, Anscombe": stabilised(bm3d),
}
