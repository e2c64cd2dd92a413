"""Volumes as planes: their slices are further channels, those of the first slice first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def as_channels(volume: NDArray) -> NDArray:
    """Return a volume (Z, Y, X, C) as (Y, X, Z·C)."""
    _, height, width, _ = volume.shape
    return np.moveaxis(volume, 0, 2).reshape(height, width, -1)


def as_slices(together: NDArray, channels: int) -> NDArray:
    """Return a volume (Y, X, Z·C) as (Z, Y, X, C)."""
    height, width, _ = together.shape
    return np.moveaxis(together.reshape(height, width, -1, channels), 2, 0)
