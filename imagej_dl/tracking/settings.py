"""What TrackMate is told, under its own keys, units and default values.

Distances are in the image's unit (µm), gaps in frames; keys left out take TrackMate's values.
"""

from __future__ import annotations

import difflib
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.tracking.detectors import NAMES, Detector, LabelImage
from imagej_dl.tracking.filters import Filter
from imagej_dl.tracking.trackers import TRACKERS
from imagej_dl.tracking.trackers.foreign_settings import OTHERS
from imagej_dl.tracking.trackers.settings_map import Map

Penalties = dict[str, float]
# Infinity, which scripts give TrackMate, is however far; the Kalman filter reckons with its radius.
Distance = Annotated[float, Field(ge=0, allow_inf_nan=True)]
Radius = Annotated[float, Field(ge=0, le=1e100)]


class LapSettings(Map):
    """Linear assignment (Jaqaman et al., Nature Methods 2008) as TrackMate does it."""

    linking_max_distance: Distance = 15.0
    linking_feature_penalties: Penalties = Field(default_factory=dict)
    allow_gap_closing: bool = True
    gap_closing_max_distance: Distance = 15.0
    max_frame_gap: int = Field(2, ge=0, le=10**6)
    gap_closing_feature_penalties: Penalties = Field(default_factory=dict)
    allow_track_splitting: bool = False
    splitting_max_distance: Distance = 15.0
    splitting_feature_penalties: Penalties = Field(default_factory=dict)
    allow_track_merging: bool = False
    merging_max_distance: Distance = 15.0
    merging_feature_penalties: Penalties = Field(default_factory=dict)
    alternative_linking_cost_factor: float = Field(1.05, gt=0)
    cutoff_percentile: float = Field(0.9, ge=0, le=1)
    blocking_value: float = Field(math.inf, gt=-math.inf, allow_inf_nan=True)


class KalmanSettings(Map):
    """TrackMate's Kalman tracker: linear motion."""

    linking_max_distance: Distance = 15.0
    kalman_search_radius: Radius = 20.0
    max_frame_gap: int = Field(2, ge=0, le=10**6)


class AdvancedKalmanSettings(LapSettings):
    """The Kalman tracker with feature penalties, splitting and merging."""

    kalman_search_radius: Radius = 20.0


class NearestSettings(Map):
    """TrackMate's nearest neighbour search."""

    linking_max_distance: Distance = 15.0


class OverlapSettings(Map):
    """TrackMate's overlap tracker: intersection over union of contours."""

    scale_factor: float = Field(1.0, gt=0, le=1e6)
    min_iou: float = Field(0.3, ge=0, le=1)
    iou_calculation: Literal["FAST", "PRECISE"] = "PRECISE"


MODELS: dict[str, type[Map]] = {
    "SPARSE_LAP_TRACKER": LapSettings,
    "SIMPLE_SPARSE_LAP_TRACKER": LapSettings,
    "KALMAN_TRACKER": KalmanSettings,
    "ADVANCED_KALMAN_TRACKER": AdvancedKalmanSettings,
    "NEAREST_NEIGHBOR_TRACKER": NearestSettings,
    "OVERLAP_TRACKER": OverlapSettings,
}


class TrackerSettings(BaseModel):
    """A tracker's key and its settings, the detector before it, and the filters."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    tracker: str
    settings: Any
    detector: Detector = Field(default_factory=LabelImage)
    initial_spot_filter: float = 0.0
    spot_filters: tuple[Filter, ...] = ()
    edge_filters: tuple[Filter, ...] = ()
    track_filters: tuple[Filter, ...] = ()
    fill_gaps: bool = False
    split_fused: bool = False

    @property
    def takes_labels(self) -> bool:
        """Whether the detector takes a label movie as it is."""
        return isinstance(self.detector, LabelImage) and self.detector.target_channel == 1

    def filling_gaps(self) -> TrackerSettings:
        """Return these settings with gap filling before tracking."""
        return self.model_copy(update={"fill_gaps": True})

    def splitting_fused(self) -> TrackerSettings:
        """Return these settings with fused objects cut before tracking."""
        return self.model_copy(update={"split_fused": True})

    def unfiltered(self) -> TrackerSettings:
        """Return these settings without any filter."""
        none: dict[str, Any] = {"initial_spot_filter": 0.0, "spot_filters": ()}
        return self.model_copy(update={**none, "edge_filters": (), "track_filters": ()})

    @property
    def filtered(self) -> bool:
        """Whether anything is filtered at all; spots have a quality of 1 or more."""
        filters = self.spot_filters + self.edge_filters + self.track_filters
        return bool(filters) or self.initial_spot_filter > 1

    def to_json(self) -> dict[str, Any]:
        """Return what a settings file holds."""
        found = self.model_dump(by_alias=True, exclude={"settings"}, mode="json")
        return {"tracker": self.tracker, "settings": self.settings.to_map(), **found}


def default(engine: str = "auto") -> TrackerSettings:
    """An engine's usual settings: TrackMate's LAP tracker with gap closing and splitting on, since
    nuclei divide, or the own tracker of motile, btrack or Trackastra."""
    if engine in TRACKERS:
        return make(TRACKERS[engine])
    return make("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_SPLITTING": True})


def make(
    tracker: str,
    values: dict[str, Any] | None = None,
    source: str | Path | None = None,
    **others: Any,
) -> TrackerSettings:
    """Make checked settings of a tracker's key and some of its settings.

    `others` are `detector`, `initial_spot_filter`, `spot_filters`, `edge_filters`,
    `track_filters`, `fill_gaps` and `split_fused`, as in a settings file.

    Raises
    ------
    UserError : for an unknown tracker or key, with the nearest known one, and for wrong values.
    """
    known_trackers = MODELS | OTHERS
    if tracker not in known_trackers:
        raise UserError(
            f"unknown tracker {tracker!r}", path=source, remedy=_nearest(tracker, known_trackers)
        )
    model = known_trackers[tracker]
    known = [str(field.alias) for field in model.model_fields.values()]
    values = values or {}
    for key in values:
        if key not in known:
            raise UserError(
                f"unknown setting {key!r} of {tracker}", path=source, remedy=_nearest(key, known)
            )
    detector = others.get("detector")
    if isinstance(detector, dict):
        others["detector"] = {"DETECTOR_NAME": NAMES[0], **detector}
        if (name := others["detector"]["DETECTOR_NAME"]) not in NAMES:
            raise UserError(
                f"unknown detector {name!r}", path=source, remedy=_nearest(str(name), NAMES)
            )
    try:
        checked = model.model_validate(values)
        return TrackerSettings.model_validate({"tracker": tracker, "settings": checked, **others})
    except ValidationError as error:
        raise UserError.of_validation(error, TrackerSettings.model_fields, path=source) from error


def _nearest(word: str, known: Any) -> str:
    names = list(known)
    close = difflib.get_close_matches(word.upper(), names, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"Known are {', '.join(names)}."
