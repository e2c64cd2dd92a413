"""Noise2Void: hidden pixels get the value of a random neighbour (Krull, Buchholz, Jug 2019)."""

from __future__ import annotations

from typing import Any, ClassVar

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
