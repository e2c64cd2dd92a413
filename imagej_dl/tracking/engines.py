"""Former home of the foreign engines, kept for scripts; see `imagej_dl.tracking.trackers`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.images import calibration
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.trackers import registry
from imagej_dl.tracking.trackers.base import Detected

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from imagej_dl.tracking.links import Links

__all__ = ["TRACKERS", "find", "link", "version"]

TRACKERS = {name: tracker.key for name, tracker in registry.foreign().items()}
"""The key of each engine's tracker in a settings file."""


def find(name: str, python: str | Path | None = None) -> str:
    """Return the Python of an engine; raise UserError where there is none."""
    _warn("find", "registry.foreign()[NAME].program.find")
    return registry.foreign()[name].program.find(python)


def version(name: str, python: str | Path | None = None) -> str:
    """Return the version of an engine; raise UserError where it does not load."""
    _warn("version", "registry.foreign()[NAME].program.version")
    return registry.foreign()[name].program.version(python)


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
    movie : the label movie (T, Y, X) of the spots, for its size and calibration.
    regions : returns the label movie in which each spot has its row number + 1.
    settings : those of the engine's tracker.

    Raises
    ------
    UserError : when the engine is not installed, fails, or needs something that is missing.
    """
    _warn("link", "registry.foreign()[NAME].link")
    cal = calibration(movie)
    detected = Detected(
        spots,
        [],
        movie.sizes["T"],
        (movie.sizes["Y"], movie.sizes["X"]),
        (cal.pixel_width, cal.pixel_height),
        lambda: np.asarray(regions()),
        image,
        python,
    )
    tracker = registry.foreign()[name]
    tracker.check(detected)
    return tracker.link(detected, settings, progress)


def _warn(old: str, new: str) -> None:
    warnings.warn(
        f"imagej_dl.tracking.engines.{old} is now imagej_dl.tracking.trackers.{new}",
        DeprecationWarning,
        stacklevel=3,
    )
