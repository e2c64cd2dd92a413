"""Post-processing of embeddings: pixels that point to the same place are an object.

(Neven et al. 2019, section 3.4; Lalit et al. 2021, section 3.) Seeds are looked at in the order of
their scores. Each takes the free pixels that its Gaussian holds. A seed finds these by where they
point to, in a grid of cells, so that the effort is that of the pixels near by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.images import as_labels
from imagej_dl.methods.base import PostProcessing
from imagej_dl.methods.shared.postprocessing import cleaned_objects
from imagej_dl.methods.shared.postprocessing_settings import Instances, Probability

SAME = 2 * math.log(2)
"""Squared distance in sigmas within which a Gaussian is above one half."""

REACH = 16.0
"""Longest offsets and largest sigmas, and the inverse of the smallest, in units of `length`."""

FREE, TAKEN, UNKNOWN = 0, 1, 2
"""States of a pixel: free, of an object (or removed with one), or unknown which of the two."""

_CELL = 8


class Clusters(PostProcessing):
    """The clustering of pixels that point to the same place.

    Pixels with a seed score above `foreground_threshold` take part. The one with the highest score
    is the seed of the first object, which is of all pixels that point to within its Gaussian's half
    height. These are removed, and the next one is sought, as long as the score is at least
    `seed_threshold`. If half of the pixels within a Gaussian or more were removed before, it is no
    object, and the rest is removed. Then holes are filled, and objects smaller than `minimum_area`,
    or at the image's edge, are dropped.
    """

    seed_threshold: Probability = Field(
        default=0.7, description="Lowest seed score of a pixel that an object begins with."
    )
    foreground_threshold: Probability = Field(
        default=0.5, description="Threshold of the seed score above which pixels are of objects."
    )
    fill_holes: bool = Field(default=True, description="Fill holes in objects.")
    minimum_area: int = Field(
        default=0, ge=0, lt=2**63, description="Smallest object to keep, in px (area)."
    )
    drop_edge: bool = Field(
        default=False, description="Remove objects that touch the edge of the image."
    )

    @property
    def cleaning(self) -> Instances:
        """Return what is done to each object, in the settings of :func:`cleaned_objects`."""
        shared = ("fill_holes", "minimum_area", "drop_edge")
        return Instances(**{name: getattr(self, name) for name in shared})


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


def clustered(output: NDArray, settings: Clusters, length: float) -> tuple[NDArray, int]:
    """Return the label map of an output (Y, X, 5), and how many objects were too small.

    Ids are 1…n in the order of the first pixels of what was clustered, row by row; each object is
    4-connected.
    """
    points = points_of(output, settings, length)
    owner, _ = clusters(points, np.zeros(len(points.place), np.uint8))
    labels = np.zeros(output.shape[:2], np.uint32)
    labels.ravel()[points.place] = owner
    tidy = np.zeros(labels.shape, np.uint32)
    small: list[int] = []
    cleaned = cleaned_objects(labels, settings.cleaning, small=small)
    for number, one in enumerate(cleaned, 1):
        tidy[one.box][one.inside] = number
    return as_labels(tidy), len(small)


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
    points: Points, state: NDArray[np.uint8]
) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Cluster pixels.

    Parameters
    ----------
    state : of each pixel, which is changed. Where the pixels of a window depend on some that are
        beyond it they are UNKNOWN at first, and in the end all are that depend on these.

    Returns
    -------
    the object of each pixel, 1…n, 0 for none; and the seed of each object.
    """
    owner = np.zeros(len(state), np.uint32)
    chosen: list[int] = []
    cells = _Cells(points.embedding)
    for seed in points.seeds.tolist():
        if state[seed] == TAKEN:
            continue
        members = cells.within(points.embedding[:, seed], points.radius[:, seed])
        there = state[members]
        free = members[there == FREE]
        if state[seed] == UNKNOWN or (there == UNKNOWN).any():
            state[free] = UNKNOWN
            continue
        state[free] = TAKEN
        if 2 * len(free) > len(members):
            chosen.append(seed)
            owner[free] = len(chosen)
    return owner, np.array(chosen, np.intp)


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
