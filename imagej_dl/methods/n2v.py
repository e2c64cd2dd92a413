"""Noise2Void: hidden pixels get the value of a random neighbour (Krull, Buchholz, Jug 2019)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.shared import masking
from imagej_dl.methods.shared.blind_spots import BlindSpotMethod
from imagej_dl.methods.shared.denoising_defaults import DEFAULTS


class N2V(BlindSpotMethod):
    """Noise2Void: a U-Net that adds its output to the image."""

    name: ClassVar[str] = "n2v"
    summary: ClassVar[str] = "the image without its noise, from noisy images alone (Noise2Void)"
    position: ClassVar[int] = 210
    defaults: ClassVar[dict[str, Any]] = DEFAULTS

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method."""
        return {**super().network, "pooling": "max", "residual": True, "top_skip": True}

    def fill(
        self, plane: NDArray[np.float32], hidden: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Fill hidden pixels by random neighbours."""
        return masking.random_neighbours(plane, hidden, self.radius, rng)
