"""Saturated pixels, whose noise is cut off, and images of one intensity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn

_NOTICEABLE = 1e-3
_HEAPED = 2


def share(plane: NDArray) -> float:
    """Return the share of the pixels of a plane that have its highest value, if they heap there.

    That is where many more pixels have it than the value before. It need not be the highest of the
    type: a camera of 12 bits saturates at 4095. 0 where they do not, or all pixels are the same.
    """
    highest = plane.max()
    at = np.count_nonzero(plane == highest)
    others = plane[plane < highest]
    if not others.size or at <= _HEAPED * np.count_nonzero(plane == others.max()):
        return 0.0
    return at / plane.size


def tell(name: str, shares: Sequence[float]) -> None:
    """Warn of an image with saturated planes; `shares` are those of :func:`share`."""
    worst = max(shares, default=0.0)
    if worst >= _NOTICEABLE:
        warn(
            f"{name}: {worst:.1%} of the pixels of a plane have its highest value and are probably "
            "saturated. What was cut off cannot be restored, and edges of bright objects become "
            "too dark"
        )


def refuse_constant(planes: Sequence[NDArray]) -> None:
    """Raise UserError where each plane has one value only, so that there is nothing to learn."""
    if all((plane == plane.flat[0]).all() for plane in planes):
        raise UserError(
            "all pixels have the same value, so there is nothing to learn",
            remedy="Check that the right images, and channels of them, were given.",
        )
