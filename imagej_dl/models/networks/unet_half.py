"""The U-Net that makes its output at half the resolution, and enlarges it."""

from __future__ import annotations

from typing import Any, ClassVar

from imagej_dl.models.networks.unet import UNet


class UNetHalf(UNet):
    """Arguments of the network, which are those of `unet`.

    The decoder ends at half the resolution. There are the last convolutions, and the output
    channels, which are enlarged by linear interpolation. So an output of many smooth channels, as
    distances along rays are, takes a fraction of the time: StarDist's `grid` of 2 (Weigert et
    al., WACV 2020, arXiv 1908.03636) makes its output at half the resolution, too.
    """

    name: ClassVar[str] = "unet_half"
    summary: ClassVar[str] = (
        "as unet, but its output is made at half the resolution and enlarged, for smooth outputs"
    )
    finest: ClassVar[int] = 1

    def _finished(self, x: Any) -> Any:
        from imagej_dl.models.enlarging import Doubled2D

        return Doubled2D(dtype="float32", name="doubled")(self._probabilities(x))
