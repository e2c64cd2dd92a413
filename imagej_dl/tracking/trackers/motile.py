"""motile: all links of a movie at once, as the cheapest solution of an integer linear program.

Funke lab, github.com/funkelab/motile; solved by SCIP. Every object keeps its spot; it has one
link to the past at most and two to the future, two only in the very next frame.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import DataWarning
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers import _subprocess
from imagej_dl.tracking.trackers.base import Given

if TYPE_CHECKING:
    from imagej_dl.tracking.trackers.foreign_settings import MotileSettings


def link(given: Given, settings: MotileSettings) -> Links:
    """Link spots; the links' costs are those of the program, without a unit."""
    sources, targets, far = _candidates(given, settings)
    if not len(sources):
        return Links.none()
    gaps = given.frames[targets] - given.frames[sources]
    costs = far**2 + settings.gap_cost * (gaps - 1)
    if settings.area_weight:
        area = given.spots["area"].to_numpy(float)
        a, b = area[sources], area[targets]
        costs += settings.area_weight * np.abs(a - b) / np.maximum(a + b, np.finfo(float).tiny)
    if settings.overlap_weight:
        costs += settings.overlap_weight * _apart(given, sources, targets)
    near = given.squared(sources, targets) <= settings.splitting_max_distance**2
    splits = settings.allow_track_splitting & (gaps == 1) & near
    arrays = {
        "frames": given.frames,
        "sources": sources,
        "targets": targets,
        "costs": costs,
        "splits": splits,
    }
    found = _subprocess.run("motile", arrays, settings.to_map(), given.python, given.progress)
    if not found["best"]:
        warnings.warn(
            f"motile was stopped after {settings.time_limit:g} s: these links may not be the best;"
            " a larger TIME_LIMIT, or shorter distances, would tell",
            DataWarning,
            stacklevel=2,
        )
    chosen = found["chosen"]
    return Links(sources[chosen], targets[chosen], costs[chosen])


def _candidates(
    given: Given, settings: MotileSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All links that are near enough, and their distances by the largest of their kind."""
    from scipy.spatial import cKDTree

    frames, places = given.frames, given.places
    trees = {}
    for frame in np.unique(frames):
        rows = np.flatnonzero(frames == frame)
        trees[int(frame)] = rows, cKDTree(places[rows])
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for gap in range(1, settings.max_frame_gap + 1):
        limit = settings.linking_max_distance if gap == 1 else settings.gap_closing_max_distance
        for frame, (rows, tree) in trees.items():
            if frame + gap not in trees:
                continue
            others, other = trees[frame + gap]
            pairs = tree.sparse_distance_matrix(other, limit, output_type="coo_matrix")
            found.append((rows[pairs.row], others[pairs.col], pairs.data / limit))
    sources, targets, far = (np.concatenate(column) for column in zip(*found, strict=True))
    return sources, targets, far


def _apart(given: Given, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Of each link's two objects the share of the smaller one that is outside the other.

    Not intersection over union, by which daughters, each half as large, would be far off.
    """
    regions = given.regions()
    sizes = np.bincount(regions.ravel(), minlength=len(given.spots) + 1)[1:]
    shared: dict[tuple[int, int], int] = {}
    gaps = np.unique(given.frames[targets] - given.frames[sources])
    for gap in gaps.tolist():
        a, b = regions[:-gap], regions[gap:]
        both = (a > 0) & (b > 0)
        pairs, number = np.unique(np.stack([a[both], b[both]]), axis=1, return_counts=True)
        shared |= dict(zip(map(tuple, (pairs.T - 1).tolist()), number.tolist(), strict=True))
    pairs_of_links = zip(sources.tolist(), targets.tolist(), strict=True)
    inside = np.array([shared.get(pair, 0) for pair in pairs_of_links], float)
    return 1 - inside / np.maximum(np.minimum(sizes[sources], sizes[targets]), 1)
