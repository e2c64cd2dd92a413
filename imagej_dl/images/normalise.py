"""Intensity normalisation: one declaration, kept in the model, used at training and prediction."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field


class Normalisation(BaseModel):
    """How intensities become the network's input.

    `percentile` maps the lower and upper percentile of each plane to 0 and 1 and so needs no
    knowledge of bit depth or exposure; `range` divides by the type's largest value (Fluffy's
    way, with 65535 for 16-bit images).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["percentile", "range"] = "percentile"
    lower: float = Field(1.0, ge=0, lt=100, description="Lower percentile, in %.")
    upper: float = Field(99.8, gt=0, le=100, description="Upper percentile, in %.")

    def __call__(self, plane: NDArray) -> NDArray[np.float32]:
        """Normalise one plane.

        Parameters
        ----------
        plane : array (Y, X), or (Y, X, C) whose channels are normalised each for itself.

        Returns
        -------
        float32 array of the same shape; not clipped, so nothing above the percentile is lost.
        """
        if self.method == "range":
            top = np.iinfo(plane.dtype).max if plane.dtype.kind in "ui" else 1.0
            return (plane / np.float32(top)).astype(np.float32)
        low, high = np.percentile(plane, (self.lower, self.upper), axis=(0, 1))
        # A flat plane has no spread: it becomes 0 and not the noise of a division by nothing.
        spread = np.where(high > low, high - low, 1.0)
        return ((plane - low) / spread).astype(np.float32)
