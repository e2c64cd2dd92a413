"""The embedded engine: TrackMate's trackers without Java."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.progress import Progress
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers import kalman, lap, nearest_neighbor, overlap

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Detected:
    """What a tracker is given: spots, their contours, and the number of the movie's frames."""

    spots: pd.DataFrame
    contours: list[np.ndarray]
    frames: int


Linker = Callable[[Detected, Any, Progress], Links]

TRACKERS: dict[str, Linker] = {
    "SPARSE_LAP_TRACKER": lambda d, s, p: lap.link(d.spots, s, p),
    "SIMPLE_SPARSE_LAP_TRACKER": lambda d, s, p: lap.link(d.spots, s, p),
    "KALMAN_TRACKER": lambda d, s, p: kalman.link(d.spots, d.frames, s, p),
    "ADVANCED_KALMAN_TRACKER": lambda d, s, p: kalman.link_advanced(d.spots, d.frames, s, p),
    "NEAREST_NEIGHBOR_TRACKER": lambda d, s, p: nearest_neighbor.link(d.spots, s, p),
    "OVERLAP_TRACKER": lambda d, s, p: overlap.link(d.spots, d.contours, s, p),
}
"""The trackers of the embedded engine: spots and settings to links between the spots' rows."""
