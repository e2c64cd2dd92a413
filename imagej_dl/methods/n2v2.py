"""N2V2: Noise2Void without its checkerboard artefacts (Höck et al. 2022)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.shared import masking
from imagej_dl.methods.shared.blind_spots import BlindSpotMethod
from imagej_dl.methods.shared.denoising_defaults import DEFAULTS


class N2V2(BlindSpotMethod):
    """Noise2Void with a blurring pool, without residual and topmost skip, filled by medians."""

    name: ClassVar[str] = "n2v2"
    summary: ClassVar[str] = (
        "as n2v without its checkerboard artefacts; the usual choice where there are no pairs"
    )
    position: ClassVar[int] = 200
    defaults: ClassVar[dict[str, Any]] = DEFAULTS

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method."""
        return {**super().network, "pooling": "blur", "residual": False, "top_skip": False}

    def fill(
        self, plane: NDArray[np.float32], hidden: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Fill hidden pixels by the median of those around them."""
        return masking.median_of_neighbours(plane, hidden, self.radius)
