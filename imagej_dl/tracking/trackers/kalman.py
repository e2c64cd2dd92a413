"""TrackMate's Kalman trackers without Java: the same links at the same costs.

Spots that keep a nearly constant velocity: each track predicts where its spot will be, and the
predictions are assigned to the spots near them (TrackMate's `KalmanTracker`). The advanced one
has feature penalties, and closes gaps, splits and merges as the LAP tracker does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from imagej_dl.errors import warn
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.base import (
    BY_SIZE,
    EMBEDDED,
    IMAGE_UNIT,
    TRACKMATE,
    Detected,
    Distance,
    Setting,
    SettingsMap,
    Tracker,
)
from imagej_dl.tracking.trackers.cost_matrix import Costs, alternative, assign
from imagej_dl.tracking.trackers.lap import LapSettings, segment_links

if TYPE_CHECKING:
    import pandas as pd

_FACTOR = 1.05  # of the cost of not linking; fixed in this tracker
_MOVES = np.eye(6) + np.eye(6, k=3)  # a frame later the place is the place and the velocity
_SEES = np.eye(3, 6)


# The filter computes with its radius, which so must be finite.
Radius = Annotated[float, Field(ge=0, le=1e100), Setting(IMAGE_UNIT, distance=1, search=BY_SIZE)]
_RADIUS_TEXT = "Maximal distance of a spot from where its track predicts it."


class KalmanSettings(SettingsMap):
    """TrackMate's Kalman tracker: linear motion."""

    linking_max_distance: Annotated[Distance, Setting(IMAGE_UNIT, distance=1, search=BY_SIZE)] = (
        Field(15.0, description="Maximal distance of the first link of a track.")
    )
    kalman_search_radius: Radius = Field(20.0, description=_RADIUS_TEXT)
    max_frame_gap: Annotated[int, Setting("frames", search=(1, 4))] = Field(
        2, ge=0, le=10**6, description="Maximal number of frames from one spot to the next."
    )


class AdvancedKalmanSettings(LapSettings):
    """The Kalman tracker with feature penalties, splitting and merging."""

    kalman_search_radius: Radius = Field(20.0, description=_RADIUS_TEXT)


class Kalman(Tracker):
    """TrackMate's Kalman tracker."""

    key = "KALMAN_TRACKER"
    label = "Kalman tracker"
    settings_model: ClassVar[type[SettingsMap]] = KalmanSettings
    engines = (EMBEDDED, TRACKMATE)

    def link(self, detected: Detected, settings: KalmanSettings, progress: Progress) -> Links:
        return link(detected.spots, detected.frames, settings, progress)


class AdvancedKalman(Tracker):
    """TrackMate's advanced Kalman tracker."""

    key = "ADVANCED_KALMAN_TRACKER"
    label = "advanced Kalman tracker"
    settings_model: ClassVar[type[SettingsMap]] = AdvancedKalmanSettings
    engines = (EMBEDDED, TRACKMATE)

    def link(
        self, detected: Detected, settings: AdvancedKalmanSettings, progress: Progress
    ) -> Links:
        return link_advanced(detected.spots, detected.frames, settings, progress)


TRACKERS = (Kalman(), AdvancedKalman())


@dataclass(frozen=True)
class Filters:
    """The filters of the growing tracks, one row each.

    `rows`: the last spot of the track; `states`: (n, 6) place and velocity per frame; `errors`:
    (n, 6, 6) their covariance; `missed`: the frames without a spot so far.
    """

    rows: np.ndarray
    states: np.ndarray
    errors: np.ndarray
    missed: np.ndarray

    @classmethod
    def start(cls, rows: np.ndarray, places: np.ndarray, steps: np.ndarray) -> Filters:
        """Begin filters at places with steps as velocities, which are taken as exact."""
        errors = np.tile(np.eye(6) * np.finfo(float).tiny, (len(rows), 1, 1))
        return cls(rows, np.hstack([places, steps]), errors, np.zeros(len(rows), int))

    def join(self, other: Filters) -> Filters:
        names = ("rows", "states", "errors", "missed")
        return Filters(*(np.concatenate([getattr(self, n), getattr(other, n)]) for n in names))

    def keep(self, chosen: np.ndarray) -> Filters:
        return Filters(
            self.rows[chosen], self.states[chosen], self.errors[chosen], self.missed[chosen]
        )

    def predict(self, noise: np.ndarray) -> Filters:
        """Move all by one frame; `noise` is the covariance of the motion."""
        return replace(
            self,
            states=self.states @ _MOVES.T,
            errors=_MOVES @ (self.errors @ _MOVES.T) + noise,
        )

    def update(
        self, which: np.ndarray, rows: np.ndarray, places: np.ndarray, noise: np.ndarray
    ) -> Filters:
        """Correct some filters by their spots; the others have missed one more frame."""
        states, errors, spots = self.states.copy(), self.errors.copy(), self.rows.copy()
        missed = self.missed + 1
        missed[which] -= 1
        before = self.errors[which]
        gain = before @ _SEES.T @ np.linalg.inv(_SEES @ before @ _SEES.T + noise)
        off = places - states[which, :3]
        states[which] += (gain @ off[:, :, None])[:, :, 0]
        errors[which] = (np.eye(6) - gain @ _SEES) @ before
        spots[which] = rows
        return Filters(spots, states, errors, missed)


def link(
    spots: pd.DataFrame, frames: int, settings: KalmanSettings, progress: Progress = silent
) -> Links:
    """Link spots by TrackMate's Kalman tracker.

    Parameters
    ----------
    spots : table of :func:`imagej_dl.tracking.spots.find`, ordered by frame.
    frames : number of frames of the movie.
    settings : distances in the unit of x and y.

    Warns
    -----
    DataWarning : when the second frame with spots is the movie's last; TrackMate then links none.
    """
    return _grow(spots, frames, settings, {}, progress)


def link_advanced(
    spots: pd.DataFrame, frames: int, settings: AdvancedKalmanSettings, progress: Progress = silent
) -> Links:
    """Link spots by TrackMate's advanced Kalman tracker; see :func:`link`."""
    penalties = settings.linking_feature_penalties
    segments = _grow(spots, frames, settings, penalties, progress)
    return Links.join([segments, segment_links(spots, segments, settings)])


def _grow(
    spots: pd.DataFrame,
    frames: int,
    settings: KalmanSettings | AdvancedKalmanSettings,
    penalties: dict[str, float],
    progress: Progress,
) -> Links:
    of = spots["frame"].to_numpy()
    bounds = np.searchsorted(of, np.arange(frames + 1))
    filled = np.flatnonzero(np.diff(bounds))
    if len(filled) < 2 or filled[1] == frames - 1:
        if len(filled) > 1:
            warn(
                "TrackMate's Kalman tracker links nothing in a movie whose second frame with"
                " spots is its last; another tracker does"
            )
        return Links.none()
    costs = Costs(spots, penalties)
    places = costs.positions
    free = np.arange(bounds[filled[0]], bounds[filled[0] + 1])
    second = int(filled[1])
    radii = spots["radius"].to_numpy(float)[bounds[second] : bounds[second + 1]]
    moving = np.eye(6) * (settings.kalman_search_radius / 3) ** 2
    seeing = np.eye(3) * (radii.mean() / 10) ** 2
    filters = Filters.start(free[:0], places[:0], places[:0])
    links_by_frame = []
    for frame in range(second, frames):
        here = np.arange(bounds[frame], bounds[frame + 1])
        filters = filters.predict(moving)
        chosen = _best(
            costs.possible(
                filters.rows,
                here,
                settings.kalman_search_radius,
                strict=True,
                places=filters.states[:, :3],
            )
        )
        links_by_frame.append(chosen)
        new = np.setdiff1d(here, chosen.targets)
        begun = _best(costs.possible(free, new, settings.linking_max_distance, strict=True))
        links_by_frame.append(begun)
        by_row = np.argsort(filters.rows)
        which = by_row[np.searchsorted(filters.rows[by_row], chosen.sources)]
        filters = filters.update(which, chosen.targets, places[chosen.targets], seeing)
        filters = filters.keep(filters.missed <= settings.max_frame_gap)
        steps = places[begun.targets] - places[begun.sources]
        filters = filters.join(Filters.start(begun.targets, places[begun.targets], steps))
        free = np.setdiff1d(new, begun.targets)
        progress("linking", frame + 1, frames)
    return Links.join(links_by_frame)


def _best(links: Links) -> Links:
    if not len(links.costs):
        return links
    return assign(links, alternative(links.costs, _FACTOR, 1.0))
