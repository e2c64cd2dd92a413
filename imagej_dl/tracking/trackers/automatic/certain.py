"""The cheapest set of links: those that are certain, then, by a solver, the rest."""

from __future__ import annotations

import numpy as np

from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers import cost_matrix

_EQUAL = 1e-9
"""Costs that differ by less than this share of that of no link are equal: the solver decides."""


def optimal(links: Links, no_link: float) -> np.ndarray:
    """Return which links are in the set of minimal total cost, as :func:`cost_matrix.optimal` does.

    About half of the objects, and nearly all where they are far apart, have one possible link that
    is so much cheaper than all others that every optimum has it.
    """
    chosen = np.zeros(len(links.costs), bool)
    left = np.flatnonzero(links.costs < no_link)
    if not len(left):
        return chosen
    rest = links.take(left)
    source, target = (ends - ends.min() for ends in (rest.sources, rest.targets))
    sure = _certain(source, target, rest.costs, no_link)
    chosen[left[sure]] = True
    left = left[~(_among(source, source[sure]) | _among(target, target[sure]))]
    chosen[left] = cost_matrix.optimal(links.take(left), no_link)
    return chosen


def _certain(
    source: np.ndarray, target: np.ndarray, costs: np.ndarray, no_link: float
) -> np.ndarray:
    """Find links that are in every optimum; return their indices.

    Such a link costs less than any other one of its source and of its target. The cheapest of
    these of both ends together cost more than it and one object without a link: to make the two
    in its place saves nothing.
    """
    best = costs == _least(source, costs)[source]
    best &= costs == _least(target, costs)[target]
    mine, others = np.flatnonzero(best), np.flatnonzero(~best)
    next_of_source = _least(source, costs, others)[source[mine]]
    next_of_target = _least(target, costs, others)[target[mine]]
    cost = costs[mine] + _EQUAL * no_link
    sure = cost < np.minimum(next_of_source, next_of_target)
    sure &= cost + no_link < next_of_source + next_of_target
    # Two best links of one end cost the same.
    sure &= (np.bincount(source[mine])[source[mine]] == 1) & (
        np.bincount(target[mine])[target[mine]] == 1
    )
    return mine[sure]


def _least(ends: np.ndarray, costs: np.ndarray, links: np.ndarray | None = None) -> np.ndarray:
    """Return by end the least cost of some links, of all unless they are named."""
    least = np.full(int(ends.max()) + 1, np.inf)
    if links is None:
        np.minimum.at(least, ends, costs)
    else:
        np.minimum.at(least, ends[links], costs[links])
    return least


def _among(ends: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Return which ends are among some of them."""
    seen = np.zeros(int(ends.max()) + 1, bool)
    seen[some] = True
    return seen[ends]
