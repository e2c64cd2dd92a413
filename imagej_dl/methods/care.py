"""CARE: content-aware image restoration, learnt from noisy and good images of the same place."""

from __future__ import annotations

from typing import ClassVar

from imagej_dl.methods.shared.pair_method import PairMethod
from imagej_dl.methods.shared.publications import CARE, Publication


class Care(PairMethod):
    """Weigert et al., Nature Methods 2018. Projection and up-sampling are left out."""

    name: ClassVar[str] = "care"
    summary: ClassVar[str] = "the image in good quality, from pairs of a noisy and a good image"
    publication: ClassVar[Publication | None] = CARE
    position: ClassVar[int] = 230
    losses: ClassVar[tuple[str, ...]] = ("mae", "mse")
