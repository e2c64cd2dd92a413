"""Noise of pixels, told from structure by what neighbours do not share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quads(plane: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return the four pixels of each 2 × 2 of a plane (Y, X): two, and the two below them."""
    rows, columns = (size // 2 * 2 for size in plane.shape)
    even = plane[:rows, :columns]
    return even[::2, ::2], even[::2, 1::2], even[1::2, ::2], even[1::2, 1::2]


def steps(of: tuple[NDArray, NDArray, NDArray, NDArray]) -> NDArray:
    """Return the absolute difference of two pixels minus that of the two below, which is noise.

    It is halved, so that it is spread as the noise of one pixel.
    """
    first, second, third, fourth = of
    return np.abs(first - second - third + fourth) / 2


def deviation(found: NDArray) -> float:
    """Return the standard deviation of normal noise whose :func:`steps` are these."""
    return float(np.sqrt(np.pi / 2) * found.mean())
