"""TrackMate's LAP trackers without Java: the same links at the same costs.

Two assignment problems, as in Jaqaman et al. (Nature Methods 2008) with TrackMate's changes:
spots are linked from frame to frame into segments; then segments are linked by closing gaps,
splitting and merging. Segments have two spots or more: a lone spot is never linked in the second
step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

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

if TYPE_CHECKING:
    import pandas as pd

Penalties = dict[str, float]
"""For each penalised feature the factor of its relative difference in the cost of a link."""

_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


class LapSettings(SettingsMap):
    """Linear assignment (Jaqaman et al., Nature Methods 2008) as TrackMate does it."""

    linking_max_distance: Annotated[Distance, Setting(IMAGE_UNIT, distance=1, search=BY_SIZE)] = (
        Field(15.0, description="Maximal distance of a link to the next frame.")
    )
    linking_feature_penalties: Penalties = Field(
        default_factory=dict, description="Features whose differences make a link cost more."
    )
    allow_gap_closing: Annotated[bool, Setting(search=(True, False))] = Field(
        True, description="Link the end of a track to the start of another one some frames later."
    )
    gap_closing_max_distance: Annotated[
        Distance, Setting(IMAGE_UNIT, distance=1, only_with="ALLOW_GAP_CLOSING", search=BY_SIZE)
    ] = Field(15.0, description="Maximal distance over a gap.")
    max_frame_gap: Annotated[int, Setting("frames", search=(1, 4))] = Field(
        2, ge=0, le=10**6, description="Maximal number of frames from one spot to the next."
    )
    gap_closing_feature_penalties: Penalties = Field(
        default_factory=dict, description="Feature penalties of links over a gap."
    )
    allow_track_splitting: Annotated[bool, Setting(search=(True, False), usual=True)] = Field(
        False, description="Link the start of a track to the middle of another one: divisions."
    )
    splitting_max_distance: Annotated[
        Distance,
        Setting(IMAGE_UNIT, distance=2 / 3, only_with="ALLOW_TRACK_SPLITTING", search=BY_SIZE),
    ] = Field(15.0, description="Maximal distance of a daughter in the next frame.")
    splitting_feature_penalties: Penalties = Field(
        default_factory=dict, description="Feature penalties of divisions."
    )
    allow_track_merging: bool = Field(
        False, description="Link the end of a track to the middle of another one."
    )
    merging_max_distance: Annotated[
        Distance, Setting(IMAGE_UNIT, distance=2 / 3, only_with="ALLOW_TRACK_MERGING")
    ] = Field(15.0, description="Maximal distance of a merge.")
    merging_feature_penalties: Penalties = Field(
        default_factory=dict, description="Feature penalties of merges."
    )
    alternative_linking_cost_factor: Annotated[float, Setting(search=(1.0, 2.0))] = Field(
        1.05, gt=0, description="Cost of no link, in units of a percentile of the costs of links."
    )
    cutoff_percentile: Annotated[float, Setting(search=(0.5, 1.0))] = Field(
        0.9, ge=0, le=1, description="That percentile, from 0 to 1."
    )
    blocking_value: float = Field(
        math.inf,
        gt=-math.inf,
        allow_inf_nan=True,
        description="TrackMate's cost of a forbidden link; without effect.",
    )


class Lap(Tracker):
    """TrackMate's LAP tracker."""

    key = "SPARSE_LAP_TRACKER"
    label = "LAP tracker"
    settings_model: ClassVar[type[SettingsMap]] = LapSettings
    engines = (EMBEDDED, TRACKMATE)

    def link(self, detected: Detected, settings: LapSettings, progress: Progress) -> Links:
        return link(detected.spots, settings, progress)


class SimpleLap(Lap):
    """TrackMate's simple LAP tracker: the same, without feature penalties in its dialog."""

    key = "SIMPLE_SPARSE_LAP_TRACKER"
    label = "simple LAP tracker"


TRACKERS = (Lap(), SimpleLap())


def link(spots: pd.DataFrame, settings: LapSettings, progress: Progress = silent) -> Links:
    """Link spots by TrackMate's (simple) LAP tracker.

    Parameters
    ----------
    spots : table of :func:`imagej_dl.tracking.spots.find`, ordered by frame.
    settings : distances in the unit of x and y.

    Returns
    -------
    links : row numbers of source and target (forward in time) and costs in squared units.
    """
    segments = frame_to_frame(spots, settings, progress)
    return Links.join([segments, segment_links(spots, segments, settings)])


def frame_to_frame(
    spots: pd.DataFrame, settings: LapSettings, progress: Progress = silent
) -> Links:
    """Link each frame's spots to those of the next frame."""
    frames = spots["frame"].to_numpy()
    costs = Costs(spots, settings.linking_feature_penalties)
    last = int(frames.max(initial=0))
    bounds = np.searchsorted(frames, np.arange(last + 2))
    links_by_frame = []
    for frame in range(last):
        now = np.arange(bounds[frame], bounds[frame + 1])
        then = np.arange(bounds[frame + 1], bounds[frame + 2])
        links = costs.possible(now, then, settings.linking_max_distance, strict=True)
        if len(links.costs):
            unlinked = alternative(links.costs, settings.alternative_linking_cost_factor, 1.0)
            links_by_frame.append(assign(links, unlinked))
        progress("linking", frame + 1, last)
    return Links.join(links_by_frame)


def segment_links(spots: pd.DataFrame, segments: Links, settings: LapSettings) -> Links:
    """Link ends to starts (gaps), middles to starts (splits) and ends to middles (merges)."""
    frames = spots["frame"].to_numpy()
    leaves = np.zeros(len(spots), bool)
    enters = np.zeros(len(spots), bool)
    leaves[segments.sources], enters[segments.targets] = True, True
    starts, ends = np.flatnonzero(leaves & ~enters), np.flatnonzero(enters & ~leaves)
    middles = np.flatnonzero(leaves & enters)
    possible = []
    if settings.allow_gap_closing:
        costs = Costs(spots, settings.gap_closing_feature_penalties)
        longest = min(settings.max_frame_gap, int(frames.max(initial=0)))  # no gap is longer
        for gap in range(1, longest + 1):
            possible += _pairs(costs, frames, ends, starts, gap, settings.gap_closing_max_distance)
    if settings.allow_track_merging:
        costs = Costs(spots, settings.merging_feature_penalties)
        possible += _pairs(costs, frames, ends, middles, 1, settings.merging_max_distance)
    if settings.allow_track_splitting:
        costs = Costs(spots, settings.splitting_feature_penalties)
        possible += _pairs(costs, frames, middles, starts, 1, settings.splitting_max_distance)
    links = Links.join(possible)
    if not len(links.costs):
        return links
    factor = settings.alternative_linking_cost_factor
    return assign(links, alternative(links.costs, factor, settings.cutoff_percentile))


def _pairs(
    costs: Costs,
    frames: np.ndarray,
    sources: np.ndarray,
    targets: np.ndarray,
    gap: int,
    limit: float,
) -> list[Links]:
    """Possible links of sources to targets that are `gap` frames later, frame by frame.

    Both are in the order of the frames.
    """
    leaving = np.intersect1d(frames[sources], frames[targets] - gap)
    begins, ends = (np.searchsorted(frames[sources], leaving, side) for side in _SIDES)
    firsts, lasts = (np.searchsorted(frames[targets], leaving + gap, side) for side in _SIDES)
    return [
        costs.possible(sources[a:b], targets[c:d], limit)
        for a, b, c, d in zip(begins, ends, firsts, lasts, strict=True)
    ]
