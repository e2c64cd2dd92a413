"""Links from each frame to the next: what they cost, and the cheapest set of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.automatic import certain, near
from imagej_dl.tracking.trackers.automatic.objects import Objects, overlaps

HALF = np.log(2)
"""The logarithm of the ratio of areas that a division makes, which costs nothing."""

_TOUCHING = 2.0 + 1e-6


@dataclass(frozen=True)
class Candidates:
    """Possible links between consecutive frames, ordered by source, and what is known of them.

    sources, targets : rows of the objects.
    distance : from centre to centre without the motion of the stage, in radii (of the mean area).
    overlap : shared area by that of the smaller object, 0 to 1.
    growth : logarithm of the ratio of the areas.
    """

    sources: np.ndarray
    targets: np.ndarray
    distance: np.ndarray
    overlap: np.ndarray
    growth: np.ndarray


@dataclass(frozen=True)
class Weights:
    """The weights of the parts of a link's cost, and the cost of no link.

    reach : distance in radii at which the distance alone costs as much as no link.
    """

    reach: float
    overlap: float
    area: float
    no_link: float


def candidates(
    objects: Objects, stage: np.ndarray, reach: float, trees: near.Trees | None = None
) -> Candidates:
    """Find all pairs of objects in consecutive frames within some radii.

    Parameters
    ----------
    stage : (frames, 2) position of the stage, which is subtracted from those of the objects.
    trees : those of the frames, to which they are added.
    """
    place, area, frame = objects.place - stage[objects.frame], objects.area, objects.frame
    i, j, distance = near.pairs(place, area, frame + 1, place, area, frame, reach, trees)
    return Candidates(i, j, distance, np.zeros(len(i)), np.log(area[j] / area[i]))


def overlapping(objects: Objects, stage: np.ndarray, found: Candidates) -> Candidates:
    """Return candidates with the overlaps of their masks, where the stage would have them."""
    shift = np.diff(stage, axis=0, append=stage[-1:])
    overlap = np.zeros(len(found.sources))
    # Circles overlap only within two radii of their mean area, masks anywhere.
    some = slice(None) if objects.masks else np.flatnonzero(found.distance <= _TOUCHING)
    overlap[some] = overlaps(objects, found.sources[some], found.targets[some], shift)
    return replace(found, overlap=overlap)


def best_links(
    objects: Objects,
    stage: np.ndarray,
    found: Candidates,
    weights: Weights,
    progress: Progress = silent,
) -> tuple[Links, np.ndarray]:
    """Choose the links of least cost from each frame to the next.

    The distance is that from where the source was, or from where it comes to if it goes on as it
    came, whichever is less.

    Returns
    -------
    possible : all candidates with their costs, in the order of the sources.
    chosen : which of them are the links.
    """
    place = objects.place - stage[objects.frame]
    ahead = place.copy()  # where each object comes to
    apart = weights.no_link / weights.reach**2
    costs = apart * found.distance**2
    fixed = weights.overlap * (1 - found.overlap)
    fixed += weights.area * np.maximum(np.abs(found.growth) - HALF, 0) ** 2
    mean = (objects.area[found.sources] + objects.area[found.targets]) / (2 * np.pi)
    possible = Links(found.sources, found.targets, costs)
    chosen = np.zeros(len(costs), bool)
    at = np.searchsorted(found.sources, objects.bounds)
    last = objects.frames - 1
    for frame in range(last):
        here = slice(at[frame], at[frame + 1])
        i, j = found.sources[here], found.targets[here]
        if len(i):
            away = ((place[j] - ahead[i]) ** 2).sum(axis=1) / mean[here]
            costs[here] = np.minimum(costs[here], apart * away) + fixed[here]
            made = certain.optimal(Links(i, j, costs[here]), weights.no_link)
            chosen[here] = made
            i, j = i[made], j[made]
            ahead[j] = 2 * place[j] - place[i]
        progress("linking", frame + 1, last)
    return possible, chosen
