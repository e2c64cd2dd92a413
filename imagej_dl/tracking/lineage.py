"""Graph work on links: tracks (whole lineages), segments between divisions, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Merges = Literal["cheapest", "end"]
"""The track that continues after a merge: that of the cheapest link, or none."""


@dataclass(frozen=True)
class Segments:
    """The unbranched pieces of lineages.

    `of_spot` holds for each spot the number of its segment, from 1; `parents[i]` is the segment
    that segment i + 1 came from, 0 for none; `cut` counts the links left out at merges.
    """

    of_spot: np.ndarray
    parents: np.ndarray
    cut: int


def track_ids(count: int, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Number the connected tracks from 0 in the order of their first spots; −1 without links.

    As in TrackMate a track has two spots or more.
    """
    label = _connected(count, sources, targets)
    linked = np.zeros(count, bool)
    linked[sources] = linked[targets] = True
    ids = np.full(count, -1)
    _, first, number = np.unique(label[linked], return_index=True, return_inverse=True)
    ids[linked] = np.argsort(np.argsort(first))[number]
    return ids


def degrees(count: int, sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each spot the number of links to earlier and to later spots."""
    return np.bincount(targets, minlength=count), np.bincount(sources, minlength=count)


def segments(
    frames: np.ndarray,
    sources: np.ndarray,
    targets: np.ndarray,
    costs: np.ndarray,
    cut_gaps: bool,
    merges: Merges = "cheapest",
) -> Segments:
    """Cut lineages into segments, at divisions and merges and, if asked, at gaps.

    Where tracks merge the link of least cost (then the first) stays and the others are cut, since
    a segment has one parent; with "end" all are cut, and a segment without parent begins. After
    a division each daughter is a segment of its own; after a gap, with `cut_gaps`, the rest is a
    segment whose parent is the part before.
    """
    count = len(frames)
    order = np.lexsort((sources, costs, targets))
    first = np.ones(len(order), bool)
    first[1:] = targets[order][1:] != targets[order][:-1]
    kept = np.sort(order[first])
    if merges == "end":
        kept = kept[degrees(count, sources, targets)[0][targets[kept]] == 1]
    source, target = sources[kept], targets[kept]
    _, later = degrees(count, source, target)
    goes_on = later[source] == 1
    if cut_gaps:
        goes_on &= frames[target] - frames[source] == 1
    label = _connected(count, source[goes_on], target[goes_on])
    _, begin, number = np.unique(label, return_index=True, return_inverse=True)
    of_spot = np.argsort(np.argsort(begin))[number] + 1
    parents = np.zeros(len(begin), np.int64)
    parents[of_spot[target[~goes_on]] - 1] = of_spot[source[~goes_on]]
    return Segments(of_spot, parents, len(sources) - len(kept))


def _connected(count: int, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(sources), bool)
    graph = coo_array((ones, (sources, targets)), shape=(count, count))
    return connected_components(graph, directed=False)[1]
