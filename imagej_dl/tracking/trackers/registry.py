"""Links by another engine."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.images import calibration
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.base import Given

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TRACKERS = {"motile": "MOTILE", "btrack": "BTRACK", "trackastra": "TRACKASTRA"}
"""Of each engine the key of its tracker in a settings file."""


def link(
    name: str,
    spots: pd.DataFrame,
    movie: xr.DataArray,
    regions: Callable[[], xr.DataArray],
    settings: Any,
    image: xr.DataArray | None = None,
    python: Path | None = None,
    progress: Progress = silent,
) -> Links:
    """Link spots by the engine of this name.

    Parameters
    ----------
    spots : table of :func:`imagej_dl.tracking.spots.find`, ordered by frame.
    movie : the label movie (T, Y, X) they are of, for its size and calibration.
    regions : makes the label movie in which each spot has its row number + 1.
    settings : those of the engine, of :mod:`imagej_dl.tracking.trackers.foreign_settings`.

    Returns
    -------
    links : between rows of the table, forward in time.

    Raises
    ------
    UserError : when the engine is not there, fails, or lacks something.
    """
    cal = calibration(movie)
    given = Given(
        spots,
        (movie.sizes["T"], movie.sizes["Y"], movie.sizes["X"]),
        (cal.pixel_width, cal.pixel_height),
        lambda: np.asarray(regions()),
        image,
        python,
        progress,
    )
    return import_module(f"imagej_dl.tracking.trackers.{name}").link(given, settings)
