"""Post-processing of embeddings: pixels that point to the same place are an object.

(Neven et al. 2019, section 3.4; Lalit et al. 2021, section 3.) Seeds are looked at in the order of
their scores. Each takes the free pixels that its Gaussian holds. A seed finds these by where they
point to, in a grid of cells, so that the effort is that of the pixels near by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.methods.base import PostProcessing
from imagej_dl.methods.shared.postprocessing import cleaned
from imagej_dl.methods.shared.postprocessing_settings import (
    DropEdge,
    FillHoles,
    MinimumArea,
    Probability,
)

SAME = 2 * math.log(2)
"""Squared distance in sigmas within which a Gaussian is above one half."""

REACH = 16.0
"""Longest offsets and largest sigmas, and the inverse of the smallest, in units of `length`."""

FREE, TAKEN, UNKNOWN = 0, 1, 2
"""States of a pixel: free, of an object (or removed with one), or unknown which of the two."""

_CELL = 8

Gaussian = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Centre and half axes of the half height, each (y, x), in px."""


class Clusters(PostProcessing):
    """The clustering of pixels that point to the same place.

    Pixels with a seed score above `foreground_threshold` take part. The one with the highest score
    is the seed of the first object, which is of all pixels that point to within its Gaussian's half
    height. These are removed, and the next one is sought, as long as the score is at least
    `seed_threshold`. If half of the pixels within a Gaussian or more were removed before, it is no
    object, and the rest is removed. With `refinement`, a seed's Gaussian is first moved to the mean
    of the pixels that it holds, as often as that says. With a `reach` above 1, pixels that are of
    no object in the end go to the nearest one, by its Gaussian. Then holes are filled, and objects
    smaller than `minimum_area`, or at the image's edge, are dropped.
    """

    seed_threshold: Probability = Field(
        default=0.6, description="Lowest seed score of a pixel that an object begins with."
    )
    foreground_threshold: Probability = Field(
        default=0.5, description="Threshold of the seed score above which pixels are of objects."
    )
    # Both of a network of few steps and of one of many, these were better on validation images
    # than those of the papers, 0 and 1.
    refinement: int = Field(
        default=4,
        ge=0,
        le=20,
        description="How often a Gaussian is moved to the mean of its pixels, at most by half its "
        "width in all; 0: not.",
    )
    reach: float = Field(
        default=2.0,
        ge=1,
        le=10,
        description="Distance up to which pixels that no Gaussian holds go to the nearest object, "
        "in half widths of its Gaussian; 1: not.",
    )
    fill_holes: FillHoles = True
    minimum_area: MinimumArea = 0
    drop_edge: DropEdge = False


@dataclass(frozen=True)
class Points:
    """The pixels (n,) of a plane or a window that take part, row by row.

    place : where they are, flat.
    embedding : (2, n), y and x that they point to in px, of the whole plane.
    radius : (2, n), half axes of the Gaussian's half height in px.
    seeds : numbers of the pixels that may be seeds, by their scores.
    """

    place: NDArray[np.intp]
    embedding: NDArray[np.float64]
    radius: NDArray[np.float64]
    seeds: NDArray[np.intp]


class Found(NamedTuple):
    """Objects by the Gaussians (2, n) that hold their pixels.

    seed : number of the pixel that each began with.
    centre, radius : y and x of the centres, and of the half axes of half height, in px.
    """

    seed: NDArray[np.intp]
    centre: NDArray[np.float64]
    radius: NDArray[np.float64]


def clustered(output: NDArray, settings: Clusters, length: float) -> tuple[NDArray, int]:
    """Return the label map of an output (Y, X, 5), and how many objects were too small.

    Ids are 1…n in the order of the first pixels of what was clustered, row by row; each object is
    4-connected.
    """
    points = points_of(output, settings, length)
    owner, found = clusters(points, settings)
    if settings.reach > 1:
        left = owner == 0
        owner[left] = nearest(points.embedding[:, left], found, settings.reach)
    labels = np.zeros(output.shape[:2], np.uint32)
    labels.ravel()[points.place] = owner
    return cleaned(labels, settings)


def points_of(
    output: NDArray, settings: Clusters, length: float, corner: tuple[int, int] = (0, 0)
) -> Points:
    """Return the pixels of an output (Y, X, 5) that take part; `corner` is its place (y, x)."""
    score = np.ascontiguousarray(output[..., 4]).ravel()
    place = np.flatnonzero(score > np.float32(settings.foreground_threshold))
    values = output.reshape(-1, output.shape[-1])[place, :4].astype(np.float64).T
    # The same for a window as for the plane: whole numbers are exact, whichever they begin with.
    pixel = np.stack(np.divmod(place, output.shape[1])) + np.array(corner, np.float64)[:, None]
    embedding = pixel + length * np.clip(values[:2], -REACH, REACH)
    limit = math.log(REACH)
    radius = math.sqrt(SAME) * length * np.exp(np.clip(values[2:], -limit, limit))
    score = score[place]
    seeds = np.flatnonzero(score >= np.float32(settings.seed_threshold))
    return Points(place, embedding, radius, seeds[np.argsort(-score[seeds], kind="stable")])


def clusters(
    points: Points, settings: Clusters, state: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.uint32], Found]:
    """Cluster pixels.

    Parameters
    ----------
    state : of each pixel, which is changed; all are FREE if left out. Where the pixels of a window
        depend on some that are beyond it they are UNKNOWN at first, and in the end all are that
        depend on these.

    Returns
    -------
    the object of each pixel, 1…n, 0 for none; and the objects.
    """
    state = np.zeros(len(points.place), np.uint8) if state is None else state
    owner = np.zeros(len(state), np.uint32)
    chosen: list[int] = []
    gaussians: list[Gaussian] = []
    cells = _Cells(points.embedding)
    for seed in points.seeds.tolist():
        if state[seed] == TAKEN:
            continue
        gaussian, members = _refined(points, cells, seed, settings.refinement)
        there = state[members]
        free = members[there == FREE]
        if state[seed] == UNKNOWN or (there == UNKNOWN).any():
            state[free] = state[seed] = UNKNOWN
            continue
        state[free] = state[seed] = TAKEN
        if 2 * len(free) > len(members):
            chosen.append(seed)
            gaussians.append(gaussian)
            owner[free] = len(chosen)
    centre, radius = np.array(gaussians, np.float64).reshape(-1, 2, 2).transpose(1, 2, 0)
    return owner, Found(np.array(chosen, np.intp), centre, radius)


def _refined(
    points: Points, cells: _Cells, seed: int, rounds: int
) -> tuple[Gaussian, NDArray[np.intp]]:
    """Return a seed's Gaussian, moved to the mean of the pixels that it holds; and these pixels.

    It depends on no other seed.
    """
    first, wide = points.embedding[:, seed], points.radius[:, seed]
    centre, radius = first, wide
    members = cells.within(centre, radius)
    for _ in range(rounds):
        moved = np.clip(points.embedding[:, members].mean(1), first - wide, first + wide)
        changed = np.exp(np.log(points.radius[:, members]).mean(1))
        held = cells.within(moved, changed)
        if not len(held):
            break
        settled = np.array_equal(held, members)  # all further rounds would be the same
        centre, radius, members = moved, changed, held
        if settled:
            break
    return (centre, radius), members


def nearest(embedding: NDArray[np.float64], found: Found, reach: float) -> NDArray[np.uint32]:
    """Return for pixels, by where they point to, the object whose Gaussian is highest there.

    Of several the same the first; 0 where none is within `reach` of its radii.
    """
    result = np.zeros(embedding.shape[1], np.uint32)
    best = np.full(len(result), np.inf)
    cells = _Cells(embedding)
    for number, (centre, radius) in enumerate(zip(found.centre.T, found.radius.T, strict=True), 1):
        members = cells.within(centre, reach * radius)
        away = (embedding[:, members] - centre[:, None]) / radius[:, None]
        distance = np.square(away).sum(0)
        closer = distance < best[members]
        best[members[closer]] = distance[closer]
        result[members[closer]] = number
    return result


class _Cells:
    """Points sorted into square cells, row by row."""

    def __init__(self, points: NDArray[np.float64]) -> None:
        cell = np.floor(points / _CELL).astype(np.intp)
        self.low = cell.min(1) if cell.size else np.zeros(2, np.intp)
        self.size = cell.max(1) - self.low + 1 if cell.size else np.ones(2, np.intp)
        flat = (cell[0] - self.low[0]) * self.size[1] + cell[1] - self.low[1]
        self.order = np.argsort(flat, kind="stable")
        self.y, self.x = points[:, self.order]
        self.first = np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=self.size.prod()))])

    def within(self, centre: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the numbers of the points within an ellipse, of half axes `radius`."""
        (top, left), (bottom, right) = (
            np.clip(np.floor(end / _CELL).astype(np.intp) - self.low, 0, self.size - 1).tolist()
            for end in (centre - radius, centre + radius)
        )
        width = int(self.size[1])
        found = []
        for row in range(top * width, (bottom + 1) * width, width):
            some = slice(self.first[row + left], self.first[row + right + 1])
            if some.start == some.stop:
                continue
            away = ((self.y[some] - centre[0]) / radius[0]) ** 2
            away += ((self.x[some] - centre[1]) / radius[1]) ** 2
            found.append(self.order[some][away < 1])
        return np.concatenate(found) if found else np.zeros(0, np.intp)
