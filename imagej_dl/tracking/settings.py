"""Settings of a tracking: detector, tracker and filters, under TrackMate's keys.

Distances are in the image's unit (µm), gaps in frames. Keys that are left out have TrackMate's
default values.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.tracking.detectors import NAMES, Detector, LabelImage
from imagej_dl.tracking.filters import Filter
from imagej_dl.tracking.trackers import registry
from imagej_dl.tracking.trackers.base import EMBEDDED


class TrackerSettings(BaseModel):
    """The key of a tracker and its settings, the detector before it, and the filters."""

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
    unit: str = Field("", description="Of lengths, where it is known: that of the movie before.")

    @property
    def takes_labels(self) -> bool:
        """True if the detector takes a label movie as it is."""
        return isinstance(self.detector, LabelImage) and self.detector.target_channel == 1

    @property
    def has_distances(self) -> bool:
        """True if the tracker has maximal distances, which may follow the movie."""
        return any(setting.distance for setting in type(self.settings).declared().values())

    def filling_gaps(self) -> TrackerSettings:
        """Return these settings with gap filling before tracking."""
        return self.model_copy(update={"fill_gaps": True})

    def splitting_fused(self) -> TrackerSettings:
        """Return these settings with fused objects split before tracking."""
        return self.model_copy(update={"split_fused": True})

    def in_unit(self, unit: str) -> TrackerSettings:
        """Return these settings for movies in a unit of length."""
        return self.model_copy(update={"unit": unit})

    def unfiltered(self) -> TrackerSettings:
        """Return these settings without any filter."""
        none: dict[str, Any] = {"initial_spot_filter": 0.0, "spot_filters": ()}
        return self.model_copy(update={**none, "edge_filters": (), "track_filters": ()})

    @property
    def filtered(self) -> bool:
        """True if anything is filtered; spots have a quality of 1 or more."""
        filters = self.spot_filters + self.edge_filters + self.track_filters
        return bool(filters) or self.initial_spot_filter > 1

    def to_json(self) -> dict[str, Any]:
        """Return the content of a settings file."""
        unknown = set() if self.unit else {"unit"}
        others = self.model_dump(by_alias=True, exclude={"settings", *unknown}, mode="json")
        return {"tracker": self.tracker, "settings": self.settings.to_map(), **others}


def default(engine: str = EMBEDDED) -> TrackerSettings:
    """Return the settings of an engine where none are named.

    Those of TrackMate's LAP tracker with gap closing and splitting, since nuclei divide; of the
    tracker of a foreign engine; for "auto" those of our own tracker, which uses the masks.
    """
    tracker = registry.default_for(engine)
    return make(tracker.key, tracker.settings_model.usual_values())


def make(
    tracker: str,
    values: dict[str, Any] | None = None,
    source: str | Path | None = None,
    **others: Any,
) -> TrackerSettings:
    """Make checked settings of a tracker's key and some of its settings.

    `others` are `detector`, `initial_spot_filter`, `spot_filters`, `edge_filters`,
    `track_filters`, `fill_gaps`, `split_fused` and `unit`, as in a settings file.

    Raises
    ------
    UserError : for an unknown tracker or key, with the nearest known one, and for wrong values.
    """
    trackers = registry.trackers()
    if tracker not in trackers:
        raise UserError(
            f"unknown tracker {tracker!r}", path=source, remedy=_nearest(tracker, trackers)
        )
    model = trackers[tracker].settings_model
    known = list(model.declared())
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
