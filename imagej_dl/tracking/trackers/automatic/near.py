"""Pairs of objects that are near each other, in units of their own radii."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

_LARGE = 9.0  # times the median area
_CROWD = 32  # objects of a group on average

Trees = dict[tuple[int, int], "cKDTree"]
"""Trees of the objects from one row up to another one, which are built once."""


def pairs(
    places: np.ndarray,
    areas: np.ndarray,
    groups: np.ndarray,
    others: np.ndarray,
    their_areas: np.ndarray,
    their_groups: np.ndarray,
    reach: float,
    trees: Trees | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the pairs of one group within some radii of each other.

    The radius of a pair is that of the mean of its areas.

    Parameters
    ----------
    places, others : (N, 2) and (M, 2) centres.
    areas, their_areas : of the objects, in the unit of the centres squared.
    groups, their_groups : whole numbers in ascending order; only objects of the same one are
        paired.
    reach : largest distance in radii.
    trees : those of `others`, as far as there are; more may be added.

    Returns
    -------
    row, column : indices of the pairs, in the order of the rows.
    distance : of each pair in radii.
    """
    if not len(areas) or not len(their_areas):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    # Within the reach of few large objects there are too many pairs of small ones: the large ones
    # are looked at by themselves.
    large = _LARGE * np.median(areas)
    small, their_small = np.flatnonzero(areas <= large), np.flatnonzero(their_areas <= large)
    classes = [(small, their_small)]
    if len(small) < len(areas):
        classes.append((np.flatnonzero(areas > large), np.arange(len(their_areas))))
    if len(their_small) < len(their_areas):
        classes.append((small, np.flatnonzero(their_areas > large)))
    found = []
    for mine, theirs in classes:
        if not len(mine) or not len(theirs):
            continue
        widest = np.sqrt((areas[mine].max() + their_areas[theirs].max()) / (2 * np.pi))
        if len(classes) == 1:
            near = _within(places, groups, others, their_groups, reach * widest, trees)
            i, j = near["i"], near["j"]
        else:
            near = _within(
                places[mine], groups[mine], others[theirs], their_groups[theirs], reach * widest
            )
            i, j = mine[near["i"]], theirs[near["j"]]
        distance = near["v"] / np.sqrt((areas[i] + their_areas[j]) / (2 * np.pi))
        kept = distance <= reach
        found.append((i[kept], j[kept], distance[kept]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    row, column, distance = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(row * len(their_areas) + column)
    return row[order], column[order], distance[order]


def _within(
    places: np.ndarray,
    groups: np.ndarray,
    others: np.ndarray,
    their_groups: np.ndarray,
    limit: float,
    trees: Trees | None = None,
) -> np.ndarray:
    """Return the pairs (i, j) of one group within a distance, and the distance (v)."""
    from scipy.spatial import cKDTree

    common = np.intersect1d(groups, their_groups)
    if len(places) <= _CROWD * len(common) or not len(common):
        # Many groups of few: one search in which the group is a third coordinate.
        both = [
            cKDTree(np.column_stack([where, 2 * limit * group]))
            for where, group in ((places, groups), (others, their_groups))
        ]
        return both[0].sparse_distance_matrix(both[1], limit, output_type="ndarray")
    bounds = [np.searchsorted(groups, common, side) for side in ("left", "right")]
    theirs = [np.searchsorted(their_groups, common, side) for side in ("left", "right")]
    trees = {} if trees is None else trees
    # Of consecutive frames each one is looked for, then looked through.
    own = trees if places is others else {}
    found = []
    for a, b, c, d in zip(*(part.tolist() for part in (*bounds, *theirs)), strict=True):
        near = _tree(own, places, a, b).sparse_distance_matrix(
            _tree(trees, others, c, d), limit, output_type="ndarray"
        )
        near["i"] += a
        near["j"] += c
        found.append(near)
    return np.concatenate(found)


def _tree(trees: Trees, places: np.ndarray, begin: int, end: int) -> cKDTree:
    from scipy.spatial import cKDTree

    if (begin, end) not in trees:
        trees[begin, end] = cKDTree(places[begin:end])
    return trees[begin, end]


def room(places: np.ndarray, groups: np.ndarray, rows: np.ndarray, trees: Trees) -> np.ndarray:
    """Return the distance from some objects, in order, to the nearest other one of their group.

    trees : those of the places, as far as there are; more may be added.
    """
    free = np.full(len(rows), np.inf)
    wanted = groups[rows]
    which = np.unique(wanted)
    mine = (np.searchsorted(wanted, which, side).tolist() for side in ("left", "right"))
    everyone = (np.searchsorted(groups, which, side).tolist() for side in ("left", "right"))
    for first, last, begin, end in zip(*mine, *everyone, strict=True):
        if end - begin > 1:
            tree = _tree(trees, places, begin, end)
            free[first:last] = tree.query(places[rows[first:last]], k=2)[0][:, 1]
    return free
