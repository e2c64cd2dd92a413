"""Watershed from the h-maxima of a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

_CHUNK = 2**16
"""Pixels at a time, whose arrays the processor's cache holds."""


def h_maxima_watershed(
    surface: NDArray,
    region: NDArray[np.bool_],
    height: float,
    joined: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Split a region into the peaks that rise `height` or more above the pass to a higher one.

    That is the watershed from the h-maxima (Soille, Morphological Image Analysis, 2003, 6.3.4),
    found by merging the basins of all maxima over their passes, highest first, after the maxima's
    dynamics (Grimaud 1992, "A new measure of contrast: the dynamics"). It takes an eighth of the
    time of a morphological reconstruction.

    Parameters
    ----------
    surface : (Y, X), in px.
    region : (Y, X), that is split; every pixel of it gets a label.
    height : least height of a hill that stands for itself.
    joined : (Y, X), where no two hills meet: those that would are one.

    Returns
    -------
    labels (Y, X), 0 outside the region; numbers have gaps.
    """
    if not region.any():
        return np.zeros(region.shape, np.int32)
    ground = ground_of(surface, region)
    basins = basins_of(ground, region)
    hill_of, _ = merged(basins.peaks, *passes_between(ground, basins), height)
    hills = united(hill_of, joined, basins)
    return np.ascontiguousarray(_inner(hills[basins.plane]))


def ground_of(surface: NDArray, region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the surface of a region within a frame of 1 px, lower everywhere else."""
    ground = np.full((region.shape[0] + 2, region.shape[1] + 2), float(surface.min()) - 1)
    np.copyto(_inner(ground), surface, where=region)
    return ground


@dataclass(frozen=True)
class Basins:
    """The basins of all maxima: hills, were nothing joined.

    plane : their numbers, 1..., and 0 around the region, in a plane with a frame of 1 px.
    places : of the region's pixels in that plane (flat), row by row.
    peaks : the height of each basin's maximum, by its number; of 0 none.
    """

    plane: NDArray[np.int32]
    places: NDArray[np.intp]
    peaks: NDArray[np.float64]


def basins_of(ground: NDArray[np.float64], region: NDArray[np.bool_]) -> Basins:
    """Return the basins of all maxima of the ground, which has a frame of 1 px.

    A flood from all maxima reaches the pixels from the highest down, so that each belongs to the
    basin of its highest neighbour, and nothing need be flooded. Where neighbours are equally high,
    the order of the flood decides: pieces of the region with such places are flooded.
    """
    plane = np.zeros(ground.shape, np.int32)
    numbered, heights = plane.ravel(), ground.ravel()
    places = np.flatnonzero(np.pad(region, 1))
    to, top, level, tied = _ascents(heights, places, ground.shape[1])
    numbered[places] = np.arange(len(places), dtype=np.int32)
    up = numbered[to]
    while not np.array_equal(further := up[up], up):
        up = further
    count = int(np.count_nonzero(top))
    numbers = np.cumsum(top, dtype=np.int32)
    numbers[~top] = 0
    numbered[places] = numbers[up]
    peaks = np.concatenate([[-np.inf], heights[places[top]]])
    undecided = _undecided(heights, numbered, places[tied], ground.shape[1])
    undecided = np.concatenate([places[level], undecided])
    if len(undecided):
        pieces, number = ndi.label(np.pad(region, 1), np.ones((3, 3)))
        asked = np.zeros(number + 1, bool)
        asked[pieces.ravel()[undecided]] = True
        among = asked[pieces]
        flooded, more = _flooded(ground, among)
        np.copyto(plane, flooded + np.int32(count), where=among)
        peaks = np.concatenate([peaks, more])
    return Basins(plane, places, peaks)


def _ascents(
    heights: NDArray[np.float64], places: NDArray[np.intp], width: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the highest neighbour of each place; of maxima and on plains the place itself.

    Returns
    -------
    these; which places are higher than all of their neighbours; which are as high as the highest;
    which have several neighbours that are the highest.
    """
    to = places.copy()
    top, level, tied = (np.zeros(len(places), bool) for _ in range(3))
    steps = _around(width)
    for start in range(0, len(places), _CHUNK):
        part = slice(start, start + _CHUNK)
        here = places[part]
        best, where = heights[here + steps[0]], here + steps[0]
        several = np.zeros(len(here), bool)
        for step in steps[1:]:
            there = here + step
            height = heights[there]
            higher = height > best
            several &= ~higher
            several |= height == best
            np.copyto(where, there, where=higher)
            np.maximum(best, height, out=best)
        own = heights[here]
        top[part], level[part] = own > best, own == best
        ascends = best > own
        tied[part] = several & ascends
        np.copyto(to[part], where, where=ascends)
    return to, top, level, tied


def _undecided(
    heights: NDArray[np.float64], basins: NDArray[np.int32], places: NDArray[np.intp], width: int
) -> NDArray[np.intp]:
    """Return those of the places whose highest neighbours are of different basins."""
    around = places[:, None] + np.array(_around(width))
    height = heights[around]
    other = basins[around] != basins[places][:, None]
    highest = height == height.max(1, keepdims=True)
    return places[(highest & other).any(1)]


def _flooded(
    ground: NDArray[np.float64], region: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the basins of a region's maxima, which may be plains, and the height of each."""
    # Slow to import, and methods are declared by modules that import this one.
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    maxima, number = ndi.label(local_maxima(ground).astype(bool) & region, np.ones((3, 3)))
    peaks = np.zeros(number)
    at = np.nonzero(maxima)
    peaks[maxima[at] - 1] = ground[at]
    return watershed(-ground, maxima, connectivity=2, mask=region), peaks


def passes_between(
    ground: NDArray, basins: Basins
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray]:
    """Return pairs of basins that touch and the highest `ground` between them, highest first."""
    heights, numbers = ground.ravel(), basins.plane.ravel()
    here, width, count = basins.places, ground.shape[1], len(basins.peaks)
    mine = numbers[here]
    pairs, levels = [], []
    for step in (1, width, width + 1, width - 1):
        its = numbers[here + step]
        at = np.flatnonzero((its != mine) & (its > 0))
        one, other = mine[at].astype(np.int64), its[at].astype(np.int64)
        pairs.append(np.minimum(one, other) * count + np.maximum(one, other))
        levels.append(np.minimum(heights[here[at]], heights[here[at] + step]))
    key, level = np.concatenate(pairs), np.concatenate(levels)
    order = np.lexsort((-level, key))
    key, level = key[order], level[order]
    # Of each pair the highest pixel; then all pairs from the highest down.
    key, best = np.unique(key, return_index=True)
    order = np.argsort(-level[best], kind="stable")
    key, level = key[order], level[best][order]
    return key // count, key % count, level


def _around(width: int) -> list[int]:
    """Return the steps to the eight neighbours of a place (flat), in a plane of this width."""
    return [dy * width + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


def _inner(framed: NDArray) -> NDArray:
    return framed[1:-1, 1:-1]


def merged(
    peaks: NDArray[np.float64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    passes: NDArray,
    height: float,
    open_: NDArray[np.bool_] | None = None,
) -> tuple[list[int], NDArray[np.bool_]]:
    """Return what each basin is joined to, and the basins that are in doubt.

    Parameters
    ----------
    peaks : their heights.
    first, second, passes : which basins meet, and how high, the highest first.
    height : least height of a hill that stands for itself.
    open_ : the basins that go on where the surface is not known; None where all of it is.

    Notes
    -----
    Of two ranges that meet the lower one is joined to the other if it is too low. Of a range with
    an open basin only the least height is known. One that has none is known, with all of its
    passes: what it meets is at least as high as it is seen to be. So a known range that is the
    lower one is decided. If an open one is the lower one, nothing is joined where it is high
    enough; otherwise both hills are in doubt.
    """
    range_of = list(range(len(peaks)))  # mountain ranges: all that is joined so far
    hill_of = list(range(len(peaks)))
    doubt = np.zeros(len(peaks), bool) if open_ is None else open_.copy()
    top, unsure = peaks.tolist(), doubt.tolist()
    for a, b, level in zip(first.tolist(), second.tolist(), passes.tolist(), strict=True):
        one, other = root_of(range_of, a), root_of(range_of, b)
        if one == other:
            continue
        if top[one] < top[other]:
            one, other, a, b = other, one, b, a
        # A range in which a hill stands for itself has a peak above that hill's: it does too.
        # So the lower range, when it is too low, is one hill.
        if top[other] - level < height:
            if unsure[other]:
                doubt[[a, b]] = True
            else:
                hill_of[root_of(hill_of, b)] = root_of(hill_of, a)
        range_of[other] = one
        unsure[one] = unsure[one] or unsure[other]
    return hill_of, doubt


def united(
    hill_of: list[int], joined: NDArray[np.bool_] | None, basins: Basins
) -> NDArray[np.int32]:
    """Return the hill of each basin, once those that meet where `joined` (Y, X) is are one."""
    if joined is not None:
        first, second, within = passes_between(np.pad(joined, 1).astype(np.int8), basins)
        for a, b in zip(first[within > 0].tolist(), second[within > 0].tolist(), strict=True):
            hill_of[root_of(hill_of, a)] = root_of(hill_of, b)
    return np.array([root_of(hill_of, i) for i in range(len(hill_of))], np.int32)


def root_of(parents: list[int], item: int) -> int:
    """Return what an item is joined to at last."""
    while parents[item] != item:
        parents[item] = parents[parents[item]]
        item = parents[item]
    return item
