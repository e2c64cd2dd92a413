"""Colours for label maps."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray


def glasbey(size: int = 256, seed: int = 7) -> NDArray[np.uint8]:
    """Return a LUT of `size` colours, (size, 3) uint8, black first, neighbours far apart.

    Hues step by the golden angle, so that ids next to each other never look alike, while
    lightness and saturation run through three levels each (in the manner of Glasbey et al. 2007,
    "Colour displays for categorical images").
    """
    hues = (np.arange(size) * 0.61803398875 + seed / 17) % 1
    levels = [(0.58, 0.95), (0.72, 0.85), (0.46, 0.9)]
    colours = [colorsys.hls_to_rgb(h, *levels[i % 3]) for i, h in enumerate(hues)]
    lut = np.rint(np.array(colours) * 255).astype(np.uint8)
    lut[0] = 0
    return lut
