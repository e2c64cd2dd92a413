"""Margins: by how much each choice of AUTO is cheaper than the next best one."""

from __future__ import annotations

import numpy as np

from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.automatic.objects import Objects

_BORDER = 1.5
"""In radii; nearer to the border of the image objects may appear and disappear."""
INSIDE = 0.5
"""The largest margin of an object that appears or disappears inside the image."""


def of_links(possible: Links, chosen: np.ndarray, no_link: float) -> np.ndarray:
    """Return the margin of each chosen link, 0 to 1.

    It is the difference to the cheapest other link of its source or its target, or to no link,
    in units of the cost of no link.

    Parameters
    ----------
    possible : all links that were considered.
    chosen : which of them were chosen.
    """
    if not chosen.any():
        return np.zeros(0)
    links, others = possible.take(chosen), possible.take(~chosen)
    count = 1 + int(max(possible.sources.max(), possible.targets.max()))
    next_best = np.full(len(links.costs), no_link)
    for ends, own in ((others.sources, links.sources), (others.targets, links.targets)):
        least = np.full(count, np.inf)
        np.minimum.at(least, ends, others.costs)
        next_best = np.minimum(next_best, least[own])
    return np.clip((next_best - links.costs) / no_link, 0, 1)


def of_objects(
    objects: Objects, links: Links, margins: np.ndarray, possible: Links, no_link: float
) -> np.ndarray:
    """Return for each object the least margin of what happens to it, 0 to 1.

    That is the link that it comes by, its division, and its appearance and disappearance, which
    are the surer the more the best link that was not made would have cost. Inside the image they
    are never quite sure.
    """
    count = len(objects.frame)
    least = np.ones(count)
    np.minimum.at(least, links.targets, margins)
    divides = np.bincount(links.sources, minlength=count)[links.sources] > 1
    np.minimum.at(least, links.sources[divides], margins[divides])
    seen = np.unique(objects.frame)
    inside = ~objects.at_border(_BORDER)
    for ends, own, edge in (
        (links.targets, possible.targets, seen[:1]),
        (links.sources, possible.sources, seen[-1:]),
    ):
        alone = inside & ~np.isin(objects.frame, edge)
        alone[ends] = False
        refused = np.full(count, np.inf)
        np.minimum.at(refused, own, possible.costs)
        margin = np.clip((refused - no_link) / no_link, 0, INSIDE)
        least[alone] = np.minimum(least, margin)[alone]
    return least
