"""Divisions, and links over gaps: what joins the tracks that frame-to-frame links leave."""

from __future__ import annotations

import numpy as np

from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.automatic import near
from imagej_dl.tracking.trackers.automatic.frames import HALF, Candidates, Weights
from imagej_dl.tracking.trackers.automatic.objects import Objects

APART, MIDDLE = 4.0, 2.0
"""In radii of the mother: distance of two daughters, and of their middle from the mother."""
SHRUNK = np.log(0.75)
"""Logarithm of the area of the daughter that continues the track, by that of the mother."""
AWAY = 1.0
"""In radii of the mother: distance from her at which it does not count how large that one is."""
SHRINKING = 2.0
"""Weight of a continuing daughter that is larger than that."""
GAP_AREA, GAP_LENGTH = 0.3, 0.3
"""Weight of the squared logarithm of the ratio of areas, for each frame of a gap, in which nothing
else tells objects apart; and cost of a gap by the logarithm of its frames."""
ROOM, FAR = 1.0, 2.0
"""Reach over a gap of an object that is far from all others: as far as the nearest one of its
frame, but no more than this multiple of the usual reach."""
_EARLIER = 3  # frames over which the mother's area is measured


class Neighbours:
    """The spots before and after each spot, −1 for none."""

    def __init__(self, count: int, links: Links) -> None:
        self.before, self.after = np.full(count, -1), np.full(count, -1)
        self.before[links.targets] = links.sources
        self.after[links.sources] = links.targets


def divisions(
    objects: Objects, place: np.ndarray, found: Candidates, links: Links, limit: float
) -> Links:
    """Return possible links from mothers, which are linked already, to their second daughters.

    A division costs little where the daughters together have the area of the mother, where that
    which is linked already is smaller than she, and where they lie close together round her.

    Parameters
    ----------
    place : centres without the motion of the stage.
    limit : cost above which none is returned.
    """
    around = Neighbours(len(place), links)
    born = (around.before[found.targets] < 0) & (around.after[found.sources] >= 0)
    mother, second = found.sources[born], found.targets[born]
    first = around.after[mother]
    areas, earlier = [objects.area[mother]], mother
    for _ in range(_EARLIER):
        earlier = np.where(around.before[earlier] >= 0, around.before[earlier], earlier)
        areas.append(objects.area[earlier])
    usual = np.median(areas, axis=0)
    both = objects.area[first] + objects.area[second]
    # Mothers round up before they divide: the area now or that before counts, whichever fits.
    kept = np.minimum(np.abs(np.log(both / usual)), np.abs(np.log(both / objects.area[mother])))
    radius = np.sqrt(usual / np.pi)
    share = (objects.area[first] / both)[:, None]
    middle = share * place[first] + (1 - share) * place[second]
    off = np.hypot(*(middle - place[mother]).T) / radius
    apart = np.hypot(*(place[first] - place[second]).T) / radius
    # A cell beside which another one arrives neither shrinks nor moves away from it.
    grown = np.maximum(np.log(objects.area[first] / objects.area[mother]) - SHRUNK, 0) / SHRUNK
    stayed = np.hypot(*(place[first] - place[mother]).T) / radius / AWAY
    costs = (
        (apart / APART) ** 2
        + (off / MIDDLE) ** 2
        + (kept / HALF) ** 2
        + SHRINKING * grown**2 * np.maximum(1 - stayed, 0)
    )
    return Links(mother, second, costs).take(costs < limit)


def gaps(
    objects: Objects,
    place: np.ndarray,
    links: Links,
    weights: Weights,
    frames: int,
    limit: float,
    trees: near.Trees,
) -> Links:
    """Return possible links from ends of tracks to starts of others, up to some frames later.

    Parameters
    ----------
    place : centres without the motion of the stage.
    frames : the largest difference of frames; 1 allows none to be missing.
    limit : cost above which none is returned.
    trees : those of the places by frame, as far as there are.
    """
    around = Neighbours(len(place), links)
    ends, starts = np.flatnonzero(around.after < 0), np.flatnonzero(around.before < 0)
    area, when, then = objects.area, objects.frame[ends], objects.frame[starts]
    # An object far from all others may be looked for farther: nothing else is taken for it.
    loose = np.union1d(ends, starts)
    free = ROOM * near.room(place, objects.frame, loose, trees) / weights.reach
    wide = area.astype(float)
    wide[loose] = np.maximum(
        area[loose], np.pi * np.minimum(free, FAR * objects.radius[loose]) ** 2
    )
    step = np.zeros_like(place)
    step[links.targets] = place[links.targets] - place[links.sources]
    possible = []
    for gap in range(1, min(frames, objects.frames - 1) + 1):
        # Of the distance alone, what is farther costs more than the limit.
        allowed = limit - GAP_LENGTH * np.log(gap)
        if allowed <= 0:
            break
        reach = weights.reach * np.sqrt(allowed / weights.no_link)
        for moved in (place[ends], place[ends] + gap * step[ends]):
            i, j, distance = near.pairs(
                moved, wide[ends], when + gap, place[starts], wide[starts], then, reach
            )
            source, target = ends[i], starts[j]
            growth = np.log(area[target] / area[source])
            apart = weights.no_link * (distance / weights.reach) ** 2
            costs = apart + GAP_AREA * gap * growth**2 + GAP_LENGTH * np.log(gap)
            possible.append(Links(source, target, costs))
    found = Links.join(possible)
    return _cheapest(found.take(found.costs < limit))


def _cheapest(links: Links) -> Links:
    """Return each pair once, at its least cost."""
    order = np.lexsort((links.costs, links.targets, links.sources))
    links = links.take(order)
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(links.sources) != 0) | (np.diff(links.targets) != 0)
    return links.take(first)
