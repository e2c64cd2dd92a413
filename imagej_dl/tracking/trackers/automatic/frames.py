"""Links from each frame to the next: what they cost, and the cheapest set of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.automatic import near
from imagej_dl.tracking.trackers.automatic.objects import Objects, overlaps
from imagej_dl.tracking.trackers.cost_matrix import assign

HALF = np.log(2)
"""The logarithm of the ratio of areas that a division makes, which costs nothing."""


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


def candidates(objects: Objects, stage: np.ndarray, reach: float) -> Candidates:
    """Find all pairs of objects in consecutive frames within some radii.

    Parameters
    ----------
    stage : (frames, 2) position of the stage, which is subtracted from those of the objects.
    """
    place, area, frame = objects.place - stage[objects.frame], objects.area, objects.frame
    i, j, distance = near.pairs(place, area, frame + 1, place, area, frame, reach)
    return Candidates(i, j, distance, np.zeros(len(i)), np.log(area[j] / area[i]))


def overlapping(objects: Objects, stage: np.ndarray, found: Candidates) -> Candidates:
    """Return candidates with the overlaps of their masks, where the stage would have them."""
    shift = np.diff(stage, axis=0, append=stage[-1:])
    return replace(found, overlap=overlaps(objects, found.sources, found.targets, shift))


def best_links(
    objects: Objects,
    stage: np.ndarray,
    found: Candidates,
    weights: Weights,
    progress: Progress = silent,
) -> tuple[Links, Links]:
    """Choose the links of least cost from each frame to the next.

    The distance is that from where the source was, or from where it comes to if it goes on as it
    came, whichever is less.

    Returns
    -------
    chosen : the links.
    possible : all candidates with their costs, in the order of the sources.
    """
    place = objects.place - stage[objects.frame]
    ahead = place.copy()  # where each object comes to
    apart = weights.no_link / weights.reach**2
    costs = apart * found.distance**2
    fixed = weights.overlap * (1 - found.overlap)
    fixed += weights.area * np.maximum(np.abs(found.growth) - HALF, 0) ** 2
    at = np.searchsorted(found.sources, objects.bounds)
    chosen = []
    last = objects.frames - 1
    for frame in range(last):
        here = slice(at[frame], at[frame + 1])
        i, j = found.sources[here], found.targets[here]
        if len(i):
            mean = (objects.area[i] + objects.area[j]) / (2 * np.pi)
            away = ((place[j] - ahead[i]) ** 2).sum(axis=1) / mean
            costs[here] = np.minimum(costs[here], apart * away) + fixed[here]
            links = assign(Links(i, j, costs[here]), weights.no_link)
            ahead[links.targets] = 2 * place[links.targets] - place[links.sources]
            chosen.append(links)
        progress("linking", frame + 1, last)
    return Links.join(chosen), Links(found.sources, found.targets, costs)
