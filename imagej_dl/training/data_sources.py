"""What a training is given: images, their label maps, and what may be given beside these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

Pair = tuple[str | Path | xr.DataArray, str | Path | xr.DataArray]
"""An image and its label map (or RoiSet.zip), as files or in memory."""


@dataclass(frozen=True)
class Given:
    """Pairs whose part in the training is decided; `maps` go with all of them, in this order."""

    train: Sequence[Pair]
    validation: Sequence[Pair] = ()
    test: Sequence[Pair] = ()
    maps: Sequence[Maps] | None = None

    @property
    def pairs(self) -> list[Pair]:
        """All of them."""
        return [*self.train, *self.validation, *self.test]


@dataclass(frozen=True)
class Maps:
    """What may be given beside the label map, of the same axes: the contour class, the weights."""

    contours: str | Path | xr.DataArray | None = None
    weights: str | Path | xr.DataArray | None = None
