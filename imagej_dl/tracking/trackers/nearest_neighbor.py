"""TrackMate's nearest neighbour tracker without Java.

Each spot in turn takes the nearest spot of the next frame that is still free. Its
authors state that it is not deterministic: where two spots want the same one, the first gets it,
and
the order is that of a hash table: the frame's spots in the order of their labels, but beginning
anywhere, since the numbers that its threads gave the spots, modulo the table's size, decide. Here
each frame begins with its lowest label, so that the same labels always make the same links.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

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
from imagej_dl.tracking.trackers.cost_matrix import Costs

if TYPE_CHECKING:
    import pandas as pd


class NearestSettings(SettingsMap):
    """TrackMate's nearest neighbour search."""

    linking_max_distance: Annotated[Distance, Setting(IMAGE_UNIT, distance=1, search=BY_SIZE)] = (
        Field(15.0, description="Maximal distance of a link to the next frame.")
    )


class NearestNeighbor(Tracker):
    """TrackMate's nearest neighbour tracker."""

    key = "NEAREST_NEIGHBOR_TRACKER"
    label = "nearest neighbour tracker"
    settings_model: ClassVar[type[SettingsMap]] = NearestSettings
    engines = (EMBEDDED, TRACKMATE)

    def link(self, detected: Detected, settings: NearestSettings, progress: Progress) -> Links:
        return link(detected.spots, settings, progress)


TRACKERS = (NearestNeighbor(),)


def link(
    spots: pd.DataFrame,
    settings: NearestSettings,
    progress: Progress = silent,
    turns: np.ndarray | None = None,
) -> Links:
    """Link spots by TrackMate's nearest neighbour tracker.

    Parameters
    ----------
    spots : table of :func:`imagej_dl.tracking.spots.find`, ordered by frame.
    settings : distance in the unit of x and y.
    turns : for each spot when it chooses among those of its frame, the least first; that of
        :func:`by_label` unless given.
    """
    frames = spots["frame"].to_numpy()
    order = by_label(spots) if turns is None else turns
    costs = Costs(spots, {})
    last = int(frames.max(initial=0))
    bounds = np.searchsorted(frames, np.arange(last + 2))
    links_by_frame = []
    for frame in range(last):
        now = np.arange(bounds[frame], bounds[frame + 1])
        then = np.arange(bounds[frame + 1], bounds[frame + 2])
        links = costs.possible(now, then, settings.linking_max_distance)
        by_turn = np.lexsort((links.targets, links.costs, order[links.sources]))
        links_by_frame.append(first_come(links.take(by_turn)))
        progress("linking", frame + 1, last)
    return Links.join(links_by_frame)


def by_label(spots: pd.DataFrame) -> np.ndarray:
    """Return the order in which one thread of TrackMate makes the spots.

    They are ordered by frame, label and position.
    """
    keys = (spots["x"], spots["y"], spots["pixel"], spots["label"], spots["frame"])
    turns = np.empty(len(spots), np.int64)
    turns[np.lexsort(keys)] = np.arange(len(spots))
    return turns


def first_come(links: Links) -> Links:
    """Choose, of links in order of preference, each whose two ends are still free."""
    used: tuple[set[int], set[int]] = (set(), set())
    chosen = []
    pairs = zip(links.sources.tolist(), links.targets.tolist(), strict=True)
    for number, (source, target) in enumerate(pairs):
        if source not in used[0] and target not in used[1]:
            used[0].add(source)
            used[1].add(target)
            chosen.append(number)
    return links.take(np.array(chosen, np.int64))
