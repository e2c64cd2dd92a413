"""TrackMate's LAP trackers without Java: the same links at the same costs.

Two assignment problems, as in Jaqaman et al. (Nature Methods 2008) with TrackMate's changes:
spots are linked from frame to frame into segments; then segments are linked by closing gaps,
splitting and merging. Segments have two spots or more: a lone spot is never linked in the second
step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.settings import LapSettings
from imagej_dl.tracking.trackers.cost_matrix import Costs, alternative, assign

if TYPE_CHECKING:
    import pandas as pd

_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


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
    found = []
    for frame in range(last):
        now = np.arange(bounds[frame], bounds[frame + 1])
        then = np.arange(bounds[frame + 1], bounds[frame + 2])
        links = costs.possible(now, then, settings.linking_max_distance, strict=True)
        if len(links.costs):
            unlinked = alternative(links.costs, settings.alternative_linking_cost_factor, 1.0)
            found.append(assign(links, unlinked))
        progress("linking", frame + 1, last)
    return Links.join(found)


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
