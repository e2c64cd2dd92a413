"""Filters of spots and tracks, done by TrackMate itself, and what they leave to be seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.errors import UserError

if TYPE_CHECKING:
    from imagej_dl.tracking.filters import Filter
    from imagej_dl.tracking.settings import TrackerSettings


def add(made: Any, settings: TrackerSettings) -> None:
    """Put the filters into TrackMate's settings; it has none of links."""
    from jpype.types import JDouble
    from scyjava import jimport

    kind = jimport("fiji.plugin.trackmate.features.FeatureFilter")
    made.initialSpotFilterValue = JDouble(settings.initial_spot_filter)
    for found in settings.spot_filters:
        made.addSpotFilter(kind(found.feature, found.value, found.isabove))
    for found in settings.track_filters:
        made.addTrackFilter(kind(found.feature, found.value, found.isabove))


def check_spots(model: Any, settings: TrackerSettings) -> None:
    """Raise UserError for a feature of spots that this TrackMate has not, once it has computed.

    TrackMate itself would let everything pass.
    """
    known = model.getFeatureModel().getSpotFeatures()
    _check(settings.spot_filters, known, "spots")


def check_tracks(model: Any, settings: TrackerSettings) -> None:
    """The same for features of tracks, which TrackMate declares where there is a track."""
    if model.getTrackModel().nTracks(False):
        _check(settings.track_filters, model.getFeatureModel().getTrackFeatures(), "tracks")


def _check(filters: Iterable[Filter], known: Iterable[Any], what: str) -> None:
    names = sorted(str(name) for name in known)
    for found in filters:
        if found.feature not in names:
            raise UserError(
                f"{what} have no feature {found.feature}", remedy=f"Known are {', '.join(names)}."
            )


def shown(model: Any, settings: TrackerSettings, row: dict[int, int]) -> np.ndarray:
    """Return the spots that TrackMate shows after its filters, as rows of our table.

    With a filter of tracks those without a track are not shown.
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
