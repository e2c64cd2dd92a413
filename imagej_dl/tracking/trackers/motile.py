"""motile: all links of a movie at once, as the cheapest solution of an integer linear program.

Funke lab, github.com/funkelab/motile; solved by SCIP. Every object keeps its spot; it has one
link to the past at most and two to the future, two only in the very next frame.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from imagej_dl.errors import warn
from imagej_dl.progress import Progress
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.base import (
    BY_SIZE,
    IMAGE_UNIT,
    Detected,
    Setting,
    SettingsMap,
)
from imagej_dl.tracking.trackers.foreign import ForeignTracker


class MotileSettings(SettingsMap):
    """motile: all links of a movie at once, by integer linear programming (SCIP).

    The sum of all costs is minimal. A link costs (distance / maximal distance)² + OVERLAP_WEIGHT ·
    outside + AREA_WEIGHT · |a − b| / (a + b) + GAP_COST for each frame without the object, where
    a and b are the areas, and outside is the share of the smaller object that does not overlap.
    """

    linking_max_distance: Annotated[float, Setting(IMAGE_UNIT, distance=1, search=BY_SIZE)] = Field(
        15.0, gt=0, description="Maximal distance of a link to the next frame."
    )
    gap_closing_max_distance: Annotated[
        float, Setting(IMAGE_UNIT, distance=1, only_with="MAX_FRAME_GAP", search=BY_SIZE)
    ] = Field(15.0, gt=0, description="Maximal distance over a gap.")
    max_frame_gap: Annotated[int, Setting("frames", search=(1, 4))] = Field(
        2,
        ge=1,
        le=10,
        description="Maximal number of frames from one spot to the next; 1 closes no gaps.",
    )
    allow_track_splitting: Annotated[bool, Setting(search=(True, False))] = Field(
        True, description="Objects may divide."
    )
    splitting_max_distance: Annotated[
        float,
        Setting(IMAGE_UNIT, distance=2 / 3, only_with="ALLOW_TRACK_SPLITTING", search=BY_SIZE),
    ] = Field(15.0, gt=0, description="Maximal distance of a daughter in the next frame.")
    appear_cost: Annotated[float, Setting(search=(0.2, 3.0))] = Field(
        1.0, ge=0, description="Cost of a track that begins after the first frame."
    )
    disappear_cost: Annotated[float, Setting(search=(0.2, 3.0))] = Field(
        1.0, ge=0, description="Cost of a track that ends before the last frame."
    )
    splitting_cost: Annotated[
        float, Setting(only_with="ALLOW_TRACK_SPLITTING", search=(0.0, 1.0))
    ] = Field(0.2, ge=0, description="Cost of a division, besides that of its links.")
    gap_cost: Annotated[float, Setting(search=(0.0, 1.0))] = Field(
        0.2, ge=0, description="Cost of each frame in which the object is missing."
    )
    overlap_weight: Annotated[float, Setting(search=(0.0, 2.0))] = Field(
        0.0, ge=0, description="Weight of the share of the smaller object outside the other."
    )
    area_weight: Annotated[float, Setting(search=(0.0, 2.0))] = Field(
        1.0, ge=0, description="Weight of the relative difference of the two areas."
    )
    time_limit: Annotated[float, Setting("s")] = Field(
        300.0, gt=0, description="Time after which the best solution so far is used."
    )


class Motile(ForeignTracker):
    """motile; the costs of the links are those of the program, without a unit."""

    key = "MOTILE"
    label = "motile"
    engine = "motile"
    homepage = "https://github.com/funkelab/motile"
    extra = "motile"
    install = "pip install imagej-dl[motile]"
    settings_model: ClassVar[type[SettingsMap]] = MotileSettings
    needs = ("spots", "label image")

    def link(self, detected: Detected, settings: MotileSettings, progress: Progress) -> Links:
        sources, targets, distances = _candidates(detected, settings)
        if not len(sources):
            return Links.none()
        frames = detected.frame_of_spot
        gaps = frames[targets] - frames[sources]
        costs = distances**2 + settings.gap_cost * (gaps - 1)
        if settings.area_weight:
            area = detected.spots["area"].to_numpy(float)
            a, b = area[sources], area[targets]
            costs += settings.area_weight * np.abs(a - b) / np.maximum(a + b, np.finfo(float).tiny)
        if settings.overlap_weight:
            costs += settings.overlap_weight * _outside(detected, sources, targets)
        near = detected.squared_distances(sources, targets) <= settings.splitting_max_distance**2
        splits = settings.allow_track_splitting & (gaps == 1) & near
        arrays = {
            "frames": frames,
            "sources": sources,
            "targets": targets,
            "costs": costs,
            "splits": splits,
        }
        solution = self.run(arrays, settings.to_map(), detected, progress)
        if not solution["best"]:
            warn(
                f"motile was stopped after {settings.time_limit:g} s: these links may not be "
                "optimal; try a larger TIME_LIMIT or shorter distances"
            )
        chosen = solution["chosen"]
        return Links(sources[chosen], targets[chosen], costs[chosen])


TRACKERS = (Motile(),)


def _candidates(
    detected: Detected, settings: MotileSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all links that are near enough, and their distances in units of the maximal one."""
    from scipy.spatial import cKDTree

    frames, positions = detected.frame_of_spot, detected.positions
    trees = {}
    for frame in np.unique(frames):
        rows = np.flatnonzero(frames == frame)
        trees[int(frame)] = rows, cKDTree(positions[rows])
    candidates = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for gap in range(1, settings.max_frame_gap + 1):
        limit = settings.linking_max_distance if gap == 1 else settings.gap_closing_max_distance
        for frame, (rows, tree) in trees.items():
            if frame + gap not in trees:
                continue
            others, other = trees[frame + gap]
            pairs = tree.sparse_distance_matrix(other, limit, output_type="coo_matrix")
            candidates.append((rows[pairs.row], others[pairs.col], pairs.data / limit))
    sources, targets, distances = (
        np.concatenate(column) for column in zip(*candidates, strict=True)
    )
    return sources, targets, distances


def _outside(detected: Detected, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return for each link the share of the smaller object that is outside the other.

    Not intersection over union, which is low for daughters, each half as large as the mother.
    """
    regions = detected.label_image()
    sizes = np.bincount(regions.ravel(), minlength=len(detected.spots) + 1)[1:]
    shared: dict[tuple[int, int], int] = {}
    frames = detected.frame_of_spot
    gaps = np.unique(frames[targets] - frames[sources])
    for gap in gaps.tolist():
        a, b = regions[:-gap], regions[gap:]
        both = (a > 0) & (b > 0)
        pairs, number = np.unique(np.stack([a[both], b[both]]), axis=1, return_counts=True)
        shared |= dict(zip(map(tuple, (pairs.T - 1).tolist()), number.tolist(), strict=True))
    pairs_of_links = zip(sources.tolist(), targets.tolist(), strict=True)
    inside = np.array([shared.get(pair, 0) for pair in pairs_of_links], float)
    return 1 - inside / np.maximum(np.minimum(sizes[sources], sizes[targets]), 1)
