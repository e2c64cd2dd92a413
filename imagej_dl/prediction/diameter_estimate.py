"""The diameter of an image's objects, estimated from what a network finds at several scales."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images import Far
from imagej_dl.methods.shared.instance_method import InstanceMethod
from imagej_dl.models import ModelBundle
from imagej_dl.prediction import rescaling
from imagej_dl.prediction.network import network
from imagej_dl.prediction.pixels import Where
from imagej_dl.prediction.rescaling import Scale
from imagej_dl.progress import Progress, silent

_STARTS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Scales that are tried, in px of the model for each of the image."""
_SIDE = 512
"""Side of the squares that are predicted for it, in the model's px."""
_MEASURED = 2048
"""Side of the squares that intensities are measured on at most, in px."""
_PLANES = 3
"""Planes that are looked at, of a video or stack."""
_FEW = 3
"""Objects below which nothing is estimated."""
_LEAST = 4.0
"""Diameter in px of the image below which objects cannot be told from enlarged noise."""


@dataclass(frozen=True)
class Estimate:
    """A diameter in px of the image, and the number of objects that it is the median of."""

    diameter: float
    objects: int


def estimated(
    bundle: ModelBundle, image: xr.DataArray, progress: Progress = silent
) -> Estimate | None:
    """Estimate the diameter of an image's objects; None where there are too few.

    The network sees up to three planes at scales from 1/4 to 4, of each a square where there is
    most to see. What it finds at one scale says how large the objects are at scale 1: over a wide
    range of scales that is nearly the same. Of the scales the one counts at which the objects are
    sure, cover the most, and are about as large as the training objects; it is looked at once
    more at the scale at which they should be just as large.
    """
    known = rescaling.diameter_of(bundle.config, bundle.folder)
    trials: list[_Trial] = []
    for scale in _STARTS:
        progress("diameter", len(trials), len(_STARTS) + 1)
        trials.append(_tried(bundle, image, scale))
    progress("diameter", len(trials), len(_STARTS) + 1)
    most = max(trial.area for trial in trials)
    found = [trial for trial in trials if trial.counts]
    if not found:
        return None
    best = max(found, key=lambda trial: trial.score(known, most))
    again = _tried(bundle, image, known / best.diameter)
    if again.counts and again.score(known, most) >= best.score(known, most):
        best = again
    return Estimate(best.diameter, len(best.diameters))


@dataclass(frozen=True)
class _Trial:
    """Objects that a network finds at one scale.

    scale : pixels of the model for each of the image.
    diameters : of the objects that are whole, in the model's px.
    areas : of all, in the model's px.
    area : fraction of the pixels that are of objects.
    sure : mean probability of the likeliest class there.
    """

    scale: float
    diameters: NDArray[np.float64]
    areas: NDArray[np.float64]
    area: float
    sure: float

    @property
    def counts(self) -> bool:
        """True where enough was found that can be objects."""
        return len(self.diameters) >= _FEW and self.diameter >= _LEAST

    @property
    def diameter(self) -> float:
        """The median, in px of the image."""
        return float(np.median(self.diameters)) / self.scale

    def score(self, known: float, most: float) -> float:
        """Return how much is to be said for the scale: 1 at best.

        Each object counts as much as its area, so that crumbs of objects far too large do not.
        What is found in enlarged noise may be many objects of the right size, none of them sure
        (.6 to .8, where true ones are at .8 to .95): a class as likely as not counts for nothing.
        """
        octaves = np.log2(_of_areas(self.areas) / known)
        alike = np.average(np.exp(-0.5 * octaves**2), weights=self.areas)
        sure = max(2 * self.sure - 1, 0.0)
        return float(sure * math.sqrt(self.area / most) * alike)


def _tried(bundle: ModelBundle, image: xr.DataArray, scale: float) -> _Trial:
    method, config = bundle.config.method, bundle.config
    assert isinstance(method, InstanceMethod), "others know no diameter"
    run = network(bundle)
    whole: list[NDArray[np.float64]] = []
    every: list[NDArray[np.float64]] = []
    pixels, sure = 0, 0.0
    for plane in _squares(bundle, image, scale):
        output = bundle.network_output(np.concatenate([plane] * config.frames, axis=-1), run)
        labels, _ = method.instances(output, config.instances)
        inside = labels > 0
        likely = method.class_probabilities(output)
        likely = np.maximum(likely, 1 - likely) if likely.shape[-1] == 1 else likely
        sure += float(likely.max(axis=-1)[inside].sum())
        pixels += labels.size
        areas = np.bincount(labels.ravel()).astype(np.float64)
        areas[0] = 0
        every.append(areas[areas > 0])
        areas[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = 0
        whole.append(areas[areas > 0])
    areas, uncut = (np.concatenate([np.zeros(0), *parts]) for parts in (every, whole))
    # Where hardly one is whole, those that are not say more than nothing.
    diameters = _of_areas(uncut if len(uncut) >= _FEW else areas)
    objects = areas.sum()
    return _Trial(scale, diameters, areas, objects / max(pixels, 1), sure / max(objects, 1))


def _of_areas(areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the diameters of the discs with these areas."""
    return np.sqrt(4 / np.pi * areas)


def _squares(bundle: ModelBundle, image: xr.DataArray, scale: float) -> Iterator[NDArray]:
    """Yield a square of some planes, ready for the network, at a scale.

    Planes that are noisier than those of the training are left out: enlarged, their noise would
    look like objects.
    """
    pixels = Scale(rescaling.factors(bundle.config, image, scale)).pixels(bundle, image)
    # Intensities are measured on the whole plane, which need not be enlarged for that, or be large.
    size = math.sqrt(image.sizes["Y"] * image.sizes["X"])
    coarse = min(scale, 1.0, _MEASURED / size)
    measured = Scale(rescaling.factors(bundle.config, image, coarse)).pixels(bundle, image)
    rule = bundle.config.normalisation
    stack = list(product(range(pixels.frames), range(pixels.depth)))
    for number in np.unique(np.linspace(0, len(stack) - 1, _PLANES).round().astype(int)):
        t, z = stack[number]
        plane = measured.part(t, z)
        far: list[Far] = []
        levels = rule.levels_together([plane], bundle.config.seen, far)
        if any(one.why == "noise" for one in far):
            continue
        yield bundle.prepare(pixels.part(t, z, _busiest(plane, pixels.shape)), levels)


def _busiest(plane: NDArray, shape: tuple[int, int]) -> Where:
    """Return the square of a plane of some shape in which intensities change most.

    `plane` shows it, at any scale. By their square root, so that debris does not outweigh cells.
    """
    grey = plane.reshape(*plane.shape[:2], -1).mean(axis=-1, dtype=np.float32)
    grey = ndi.gaussian_filter(np.sqrt(grey - grey.min()), 1)
    changes = np.abs(np.gradient(np.pad(grey, 1, "edge"))).sum(axis=0)[1:-1, 1:-1]
    total = np.pad(changes, ((1, 0), (1, 0))).cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    sides = [
        min(max(round(_SIDE * seen / size), 1), seen)
        for seen, size in zip(plane.shape, shape, strict=False)
    ]
    high, wide = sides
    sums = total[high:, wide:] - total[:-high, wide:] - total[high:, :-wide] + total[:-high, :-wide]
    best = np.unravel_index(int(np.argmax(sums)), sums.shape)
    place = []
    for start, seen, size in zip(best, plane.shape, shape, strict=False):
        side = min(_SIDE, size)
        low = min(round(int(start) * size / seen), size - side)
        place.append(slice(low, low + side))
    return place[0], place[1]
