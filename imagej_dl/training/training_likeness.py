"""The likeness of a training, which is kept in the model's folder: see `images.intensities`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images.intensities.likeness import Likeness, central, measured
from imagej_dl.training.augmentation import NONE, Augmentation
from imagej_dl.training.imaging import Camera, Plane
from imagej_dl.training.object_sizes import diameters
from imagej_dl.training.patches import Example

_PLANES = 40
"""Planes that are measured, evenly over all: more of them hardly change the range."""


def likeness(
    examples: Sequence[Example],
    camera: Camera | None = None,
    seed: int = 0,
    augmentation: Augmentation = NONE,
) -> Likeness | None:
    """Measure the planes that a training learns from; None for none with objects.

    Parameters
    ----------
    camera : that shows some patches under other imaging conditions, which are then known, too.
    augmentation : whose noise is known as well: as much as most planes show of it at the largest.
    """
    having = [example for example in examples if example.labels.any()]
    if not having:
        return None
    chosen = np.unique(np.linspace(0, len(having) - 1, min(_PLANES, len(having))).astype(int))
    sizes = [diameters(having[i].labels) for i in chosen]
    scale = float(np.median(np.concatenate(sizes)))
    rng = np.random.default_rng(seed)
    planes = []
    for number in chosen:
        example = having[number]
        planes.append(measured(example.image, scale))
        if camera is not None:
            planes.append(measured(_shown(example, camera, rng), scale))
    typical = [float(np.median(one)) for one in sizes]
    if augmentation.noise:
        planes.append(_noisiest([having[i] for i in chosen], augmentation.noise, scale, seed))
    return Likeness.of(planes, typical, scale, varied=camera is not None)


def _noisiest(
    examples: Sequence[Example], sigma: float, scale: float, seed: int
) -> list[dict[str, float]]:
    """Return, by channel, the median noise of planes with so much of it added.

    A single plane of little contrast would have the range end at far more noise than others show.
    """
    rng = np.random.default_rng((seed, 1))
    parts = [np.asarray(example.image[central(example.labels.shape)]) for example in examples]
    noisy = [part + sigma * rng.standard_normal(part.shape, np.float32) for part in parts]
    planes = [measured(part, scale) for part in noisy]
    channels = zip(*planes, strict=True)
    known = [[one["noise"] for one in same if "noise" in one] for same in channels]
    return [{"noise": float(np.median(values))} if values else {} for values in known]


def _shown(example: Example, camera: Camera, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the middle of a plane as the camera may show it."""
    size = np.array(example.labels.shape)
    part = np.array(example.image[central(example.labels.shape)])
    where = (np.diag(1 / size), np.zeros(2))
    return camera(part, Plane.of(example.image, example.labels), where, rng)
