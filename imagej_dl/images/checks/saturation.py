"""Saturated pixels: what is brighter than the camera could say is lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images.checks import repeated_warnings

_BITS = (8, 10, 12, 14, 16)
"""Of cameras, whose largest value pixels that are saturated have."""
_SHARE = 1e-3
"""Of the pixels from which on it is said: single hot pixels are no loss."""


def check(name: str, plane: NDArray) -> None:
    """Warn of a plane of which many pixels have the largest value of a camera.

    Parameters
    ----------
    name : of the image.
    plane : (Y, X), or (Y, X, C).
    """
    most = float(plane.max(initial=0))
    if most not in [2.0**bits - 1 for bits in _BITS]:
        return
    share = np.count_nonzero(plane == most) / plane.size
    # Images that were stretched to their type have a few such pixels on purpose.
    if share > _SHARE:
        repeated_warnings.warn(
            "images with saturated pixels",
            f"{name}: {share:.1%} of the pixels are saturated ({most:g}): what they were is not "
            "known, and what is learnt there is too dark",
        )
