"""Scenes with Poisson and Gaussian noise whose parameters are known."""

import numpy as np
from scipy import ndimage as ndi

from imagej_dl import images

GAIN, OFFSET, READ = 2.0, 100.0, 4.0


def variance(signal):
    """The variance of observed intensities at a signal."""
    return GAIN * (np.asarray(signal) - OFFSET) + READ**2


def scene(side=64, seed=0, brightest=300.0):
    """A blurred clean signal (Y, X), from OFFSET to OFFSET + `brightest`."""
    rng = np.random.default_rng(seed)
    blurred = ndi.gaussian_filter(rng.random((side, side)), 3, mode="wrap")
    blurred -= blurred.min()
    return OFFSET + brightest * blurred / blurred.max()


def observe(signal, rng):
    """The signal with photon noise of a camera of this gain, offset and read noise."""
    photons = rng.poisson((signal - OFFSET) / GAIN)
    return GAIN * photons + OFFSET + rng.normal(0, READ, signal.shape)


def frames(number=20, signal=None, seed=1, dtype=np.uint16):
    signal = scene() if signal is None else signal
    rng = np.random.default_rng(seed)
    stack = np.stack([observe(signal, rng) for _ in range(number)])
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else np.inf
    if np.issubdtype(dtype, np.integer):
        stack = np.rint(stack)
    return images.make(np.clip(stack, 0, top).astype(dtype), "TYX", title="calibration.tif")
