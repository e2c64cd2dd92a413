"""The sizes that a package takes, and its halo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagej_dl.models.config import ModelConfig

_LARGEST = 512
"""Side in px of the largest test image."""


@dataclass(frozen=True)
class Geometry:
    """Sides are least + n·step; of a tile `halo` px on each side are context, all in px.

    `step` is what pooling divides by. The halo is the receptive field's reach, up to a multiple of
    the step, so that tiles begin on the pooling grid; `least` leaves something between two halos.
    """

    least: int
    step: int
    halo: int

    @classmethod
    def of(cls, config: ModelConfig) -> Geometry:
        """Return the geometry of a model."""
        step = config.multiple_of
        halo = -(-config.halo // step) * step
        return cls(2 * halo + step, step, halo)

    def fitted(self, plane: NDArray) -> NDArray:
        """Return a plane (Y, X, C) cropped, or mirrored, to a size that is allowed."""
        for axis in (0, 1):
            size = plane.shape[axis]
            wanted = max(min(size, _LARGEST) - self.least, 0) // self.step * self.step + self.least
            if size < wanted:
                padding = [(0, 0)] * plane.ndim
                padding[axis] = (0, wanted - size)
                plane = np.pad(plane, padding, "symmetric")
            else:
                low = (size - wanted) // 2
                plane = plane.take(range(low, low + wanted), axis)
        return plane
