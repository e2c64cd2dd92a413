"""The LUT of label maps, whose neighbouring ids look unlike."""

from __future__ import annotations

import colorsys
import warnings

import numpy as np
from numpy.typing import NDArray


def golden_angle_lut(size: int = 256, seed: int = 7) -> NDArray[np.uint8]:
    """Return a LUT of `size` colours, (size, 3) uint8, black first, neighbours far apart.

    Hues step by the golden angle, so that ids next to each other never look alike, while
    lightness and saturation run through three levels each.
    """
    hues = (np.arange(size) * 0.61803398875 + seed / 17) % 1
    levels = [(0.58, 0.95), (0.72, 0.85), (0.46, 0.9)]
    colours = [colorsys.hls_to_rgb(h, *levels[i % 3]) for i, h in enumerate(hues)]
    lut = np.rint(np.array(colours) * 255).astype(np.uint8)
    lut[0] = 0
    return lut


def glasbey(size: int = 256, seed: int = 7) -> NDArray[np.uint8]:
    """Return :func:`golden_angle_lut` under its former name; the colours are not Glasbey's."""
    warnings.warn("images.glasbey is now images.golden_angle_lut", DeprecationWarning, stacklevel=2)
    return golden_angle_lut(size, seed)
