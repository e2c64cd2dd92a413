"""What another engine is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class Given:
    """Spots to link and what they are of.

    Parameters
    ----------
    spots : table of :func:`imagej_dl.tracking.spots.find`, ordered by frame.
    shape : frames, rows, columns.
    pixel : width and height of a pixel in the unit of the spots.
    regions : makes the label movie (T, Y, X) in which each spot has its row number + 1.
    image : the movie itself, if there is one.
    python : the Python that has the engine, if it is named.
    """

    spots: pd.DataFrame
    shape: tuple[int, int, int]
    pixel: tuple[float, float]
    regions: Callable[[], np.ndarray]
    image: xr.DataArray | None = None
    python: Path | None = None
    progress: Progress = silent

    @property
    def frames(self) -> np.ndarray:
        return self.spots["frame"].to_numpy()

    @property
    def places(self) -> np.ndarray:
        """(N, 2) x, y in the image's unit."""
        return self.spots[["x", "y"]].to_numpy(float)

    def squared(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The squared distances of links."""
        return ((self.places[sources] - self.places[targets]) ** 2).sum(axis=1)
