"""The time unit of a TrackMate file: read to seconds, written back as it was."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagej_dl.images.units import NO_TIME, seconds
from imagej_dl.tracking import features
from imagej_dl.tracking.filters import Filter

if TYPE_CHECKING:
    from imagej_dl.tracking.settings import TrackerSettings
    from imagej_dl.tracking.tracks import Tracks

_NO_TIME = ("", *NO_TIME)
# What a feature of the dimension is to be multiplied by is the unit's length to this power.
_POWERS = {"TIME": 1, "VELOCITY": -1, "ANGLE_RATE": -1}


@dataclass(frozen=True)
class Clock:
    """The time unit and frame interval of a file.

    Parameters
    ----------
    unit : its word for its unit of time.
    length : what a time of the file is multiplied by to be one of ours: seconds, or frames where
        the file knows no time.
    interval : between two frames, in the file's unit.
    """

    unit: str
    length: float = 1.0
    interval: float = 1.0

    @property
    def frame_interval(self) -> float:
        """Seconds between two frames; 0 where it is unknown."""
        return 0.0 if self.unit.strip().lower() in _NO_TIME else self.interval * self.length

    def theirs(self, tracks: Tracks) -> Tracks:
        """Return tracks whose times are in the file's unit."""
        if self.length == 1:
            return tracks
        return replace(tracks, spots=tracks.spots.assign(t=tracks.spots["t"] / self.length))

    def convert(self, settings: TrackerSettings, back: bool = False) -> TrackerSettings:
        """Return settings whose filters by time or speed are in our unit (`back`: the file's)."""
        if self.length == 1:
            return settings
        length = 1 / self.length if back else self.length
        changed = {
            name: tuple(_converted(criterion, length) for criterion in getattr(settings, name))
            for name in ("spot_filters", "edge_filters", "track_filters")
        }
        return settings.model_copy(update=changed)


def of_file(root: ET.Element) -> Clock:
    """Return the time unit and frame interval of a parsed file.

    Warns
    -----
    DataWarning : for a unit that is not known; it is taken for seconds.
    """
    model, image = root.find("Model"), root.find("Settings/ImageData")
    unit = (None if model is None else model.get("timeunits")) or "frame"
    interval = float("nan" if image is None else image.get("timeinterval", "nan"))
    if unit.strip().lower() in _NO_TIME:
        known = interval > 0
        return Clock(unit, 1 / interval if known else 1.0, interval if known else 1.0)
    return Clock(unit, seconds(unit), interval if interval > 0 else 0.0)


def of_tracks(tracks: Tracks) -> Clock:
    """Return the time unit for a file of these tracks, that of the file they came from, if any."""
    if tracks.rest is not None:
        return of_file(tracks.rest)
    interval = tracks.calibration.frame_interval
    return Clock("sec", 1.0, interval) if interval > 0 else Clock("frame")


def _converted(criterion: Filter, length: float) -> Filter:
    dimension = next(
        (group[criterion.feature][2] for group in _DECLARED if criterion.feature in group), "NONE"
    )
    return criterion.model_copy(
        update={"value": criterion.value * length ** _POWERS.get(dimension, 0)}
    )


_DECLARED = (features.SPOT, features.EDGE, features.TRACK)
