"""A small noisy movie whose scene stands still, for tests of denoising."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage as ndi

from imagej_dl import images


def movie(frames: int = 6, side: int = 96, seed: int = 1, again: int | None = None) -> xr.DataArray:
    """Return blurred discs with Gaussian noise, 16 bits (T, Y, X), 0.5 um pixels.

    `again` gives the scene of a seed other noise.
    """
    rng = np.random.default_rng(seed)
    clean = ndi.gaussian_filter((rng.random((side, side)) > 0.995).astype(float), 3)
    rng = rng if again is None else np.random.default_rng((seed, again))
    pixels = 800 + 1500 * clean / clean.max() + rng.normal(0, 150, (frames, side, side))
    made = pixels.clip(0, 65535).astype(np.uint16)
    return images.make(made, "TYX", pixel_width=0.5, pixel_height=0.5, unit="um")
