"""Noise2Noise: denoising, learnt from two noisy images of the same place."""

from __future__ import annotations

from typing import ClassVar

from imagej_dl.methods.shared.pair_method import PairMethod


class Noise2Noise(PairMethod):
    """Lehtinen et al., ICML 2018.

    The noise of the target cannot be foreseen, so that what is learnt is its mean; with the
    squared error exactly so, whatever the noise, with the absolute error its median.
    """

    name: ClassVar[str] = "noise2noise"
    summary: ClassVar[str] = "the image without noise, from pairs of noisy images of one place"
    position: ClassVar[int] = 231
    losses: ClassVar[tuple[str, ...]] = ("mse", "mae")
