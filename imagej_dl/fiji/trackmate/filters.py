"""Filters of spots and tracks that TrackMate itself applies, and the spots that they leave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.errors import UserError

if TYPE_CHECKING:
    from imagej_dl.tracking.filters import Filter
    from imagej_dl.tracking.settings import TrackerSettings


def add(trackmate_settings: Any, settings: TrackerSettings) -> None:
    """Add the filters to TrackMate's settings; it has no filters of links."""
    from jpype.types import JDouble
    from scyjava import jimport

    kind = jimport("fiji.plugin.trackmate.features.FeatureFilter")
    trackmate_settings.initialSpotFilterValue = JDouble(settings.initial_spot_filter)
    for criterion in settings.spot_filters:
        trackmate_settings.addSpotFilter(
            kind(criterion.feature, criterion.value, criterion.isabove)
        )
    for criterion in settings.track_filters:
        trackmate_settings.addTrackFilter(
            kind(criterion.feature, criterion.value, criterion.isabove)
        )


def check_spots(model: Any, settings: TrackerSettings) -> None:
    """Raise UserError for a feature of spots that TrackMate did not compute.

    TrackMate itself would let all spots pass.
    """
    known = model.getFeatureModel().getSpotFeatures()
    _check(settings.spot_filters, known, "spots")


def check_tracks(model: Any, settings: TrackerSettings) -> None:
    """Raise UserError for an unknown feature of tracks; TrackMate has them if there is a track."""
    if model.getTrackModel().nTracks(False):
        _check(settings.track_filters, model.getFeatureModel().getTrackFeatures(), "tracks")


def _check(filters: Iterable[Filter], known: Iterable[Any], what: str) -> None:
    names = sorted(str(name) for name in known)
    for criterion in filters:
        if criterion.feature not in names:
            raise UserError(
                f"{what} have no feature {criterion.feature}",
                remedy=f"Known are {', '.join(names)}.",
            )


def shown(model: Any, settings: TrackerSettings, row: dict[int, int]) -> np.ndarray:
    """Return which spots TrackMate shows after its filters, by the rows that their IDs have here.

    With a filter of tracks, spots without a track are not shown.
    """
    mask = np.zeros(len(row), bool)
    if settings.track_filters:
        tracks = model.getTrackModel()
        for track in tracks.trackIDs(True):
            _mark(mask, row, tracks.trackSpots(track))
    else:
        _mark(mask, row, model.getSpots().iterable(True))
    return mask


def _mark(mask: np.ndarray, row: dict[int, int], spots: Iterable[Any]) -> None:
    for spot in spots:
        mask[row[int(spot.ID())]] = True
