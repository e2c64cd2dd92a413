"""Links from each frame to the next: what they cost, and the cheapest set of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.automatic.objects import Objects, overlaps
from imagej_dl.tracking.trackers.cost_matrix import assign

HALF = np.log(2)
"""The logarithm of the ratio of areas that a division makes, which costs nothing."""


_LARGE = 9.0  # times the median area


@dataclass(frozen=True)
class Candidates:
    """Possible links between consecutive frames, ordered by source, and what is known of them.

    sources, targets : rows of the objects.
    distance : from centre to centre without the common shift, in radii (of the mean area).
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
    """What the parts of a link's cost count, and what no link costs.

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
    place = objects.place - stage[objects.frame]
    bounds = objects.bounds
    sources, targets, distances = [], [], []
    for frame in range(objects.frames - 1):
        first, middle, last = bounds[frame : frame + 3]
        if first == middle or middle == last:
            continue
        i, j, distance = near(
            place[first:middle],
            objects.area[first:middle],
            place[middle:last],
            objects.area[middle:last],
            reach,
        )
        order = np.lexsort((j, i))
        sources.append(i[order] + first)
        targets.append(j[order] + middle)
        distances.append(distance[order])
    none = [np.zeros(0, np.int64)]
    i, j = np.concatenate(none + sources), np.concatenate(none + targets)
    distance = np.concatenate([np.zeros(0), *distances])
    shift = np.diff(stage, axis=0, append=stage[-1:])
    growth = np.log(objects.area[j] / objects.area[i])
    return Candidates(i, j, distance, overlaps(objects, i, j, shift), growth)


def near(
    places: np.ndarray, areas: np.ndarray, others: np.ndarray, their_areas: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs within `reach` radii of each other, and their distances in radii.

    The radius of a pair is that of the mean of its areas. Few large objects among many small ones
    are looked at by themselves: within their reach there are too many pairs of small ones.
    """
    from scipy.spatial import cKDTree

    large = _LARGE * np.median(np.concatenate([areas, their_areas]))
    mine, theirs = np.flatnonzero(areas > large), np.flatnonzero(their_areas > large)
    small, their_small = np.flatnonzero(areas <= large), np.flatnonzero(their_areas <= large)
    everyone = np.arange(len(their_areas))
    rows, columns, distances = [], [], []
    for a, b in ((small, their_small), (mine, everyone), (small, theirs)):
        if not len(a) or not len(b):
            continue
        widest = np.sqrt((areas[a].max() + their_areas[b].max()) / (2 * np.pi))
        found = cKDTree(places[a]).sparse_distance_matrix(
            cKDTree(others[b]), reach * widest, output_type="ndarray"
        )
        i, j = a[found["i"]], b[found["j"]]
        distance = found["v"] / np.sqrt((areas[i] + their_areas[j]) / (2 * np.pi))
        kept = distance <= reach
        rows.append(i[kept])
        columns.append(j[kept])
        distances.append(distance[kept])
    none = np.zeros(0, np.int64)
    return (
        np.concatenate([none, *rows]),
        np.concatenate([none, *columns]),
        np.concatenate([np.zeros(0), *distances]),
    )


def best_links(
    objects: Objects,
    stage: np.ndarray,
    found: Candidates,
    weights: Weights,
    progress: Progress = silent,
) -> tuple[Links, Links]:
    """Choose the links of least cost from each frame to the next.

    The distance is that from where the source was, or from where it moves to if it goes on as
    it came, whichever is less.

    Returns
    -------
    chosen : the links.
    possible : all candidates with their costs, in the order of the sources.
    """
    unmoved = _cost(found.distance**2, found, weights)
    possible = Links(found.sources, found.targets, unmoved)
    place = objects.place - stage[objects.frame]
    step = np.zeros_like(place)
    came = _mutual(possible.take(unmoved < weights.no_link))
    step[came.targets] = place[came.targets] - place[came.sources]
    moving = np.flatnonzero(step[found.sources].any(axis=1))
    i, j = found.sources[moving], found.targets[moving]
    mean = (objects.area[i] + objects.area[j]) / (2 * np.pi)
    ahead = ((place[j] - place[i] - step[i]) ** 2).sum(axis=1) / mean
    squared = found.distance**2
    squared[moving] = np.minimum(squared[moving], ahead)
    possible = replace(possible, costs=_cost(squared, found, weights))
    cheap = possible.take(possible.costs < weights.no_link)
    at = np.searchsorted(cheap.sources, objects.bounds)
    chosen = []
    for frame in range(objects.frames - 1):
        if at[frame] < at[frame + 1]:
            here = cheap.take(np.arange(at[frame], at[frame + 1]))
            chosen.append(assign(here, weights.no_link))
        progress("linking", frame + 1, objects.frames - 1)
    return Links.join(chosen), possible


def _cost(squared: np.ndarray, found: Candidates, weights: Weights) -> np.ndarray:
    """Return the cost of each candidate at a squared distance in radii."""
    apart = weights.no_link * squared / weights.reach**2
    change = np.maximum(np.abs(found.growth) - HALF, 0)
    outside = 1 - found.overlap
    return np.asarray(apart + weights.overlap * outside + weights.area * change**2)


def _mutual(links: Links) -> Links:
    """Return the links that are the cheapest one of both their ends."""
    best = np.ones(len(links.costs), bool)
    for ends in (links.sources, links.targets):
        order = np.lexsort((links.costs, ends))
        first = np.ones(len(order), bool)
        first[1:] = ends[order][1:] != ends[order][:-1]
        best[order[~first]] = False
    return links.take(best)
