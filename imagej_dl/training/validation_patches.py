"""The patches that validation evaluates: the same in each epoch, spread over all examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagej_dl.training import augmentation as augment
from imagej_dl.training.patches import Example, Sampling, truth_of

Evaluated = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]
"""Images, targets, and the pixels' weights, of a batch."""


def validation(examples: Sequence[Example], sampling: Sampling, limit: int) -> list[Evaluated]:
    """Cut patches that cover the examples, unvaried, as batches for evaluation.

    At most `limit` patches are kept, evenly over all, so that validation never takes longer than
    training; images smaller than a patch are mirrored up to it.

    Returns
    -------
    images, targets, and the pixels' weights (N, Y, X): 0 where the ground truth is unknown, else
    1; None where all of it is known.
    """
    places = [
        (example, y, x)
        for whole in examples
        for example in _slabs(whole, sampling.slices)
        for y in _starts(example.labels.shape[0], sampling.patch)
        for x in _starts(example.labels.shape[1], sampling.patch)
        if example.known is None
        or example.known[y : y + sampling.patch, x : x + sampling.patch].any()
    ]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(limit, len(places))).astype(int))
    rng = np.random.default_rng(sampling.seed)
    images, targets, weights = [], [], []
    side = sampling.patch
    for index in chosen:
        example, y, x = places[index]
        centre = np.array((y + side / 2 - 1, x + side / 2 - 1))
        place = augment.draw(example.labels.shape, centre, side, rng, augment.NONE)
        image = augment.taken(example.planes, place, side)
        truth = truth_of(example, sampling, place)
        image, target = sampling.method.sample(image, truth, rng)
        images.append(image)
        targets.append(target)
        known = True if truth.known is None else truth.within(truth.known)
        weights.append(np.broadcast_to(np.float32(known), (side, side)))
    values = np.stack(targets)
    if sampling.by_class:
        values = values[..., None]
        if (count := len(sampling.method.channels)) > 1:
            values = values == np.arange(count)
    parts = [slice(i, i + sampling.batch) for i in range(0, len(images), sampling.batch)]
    some = any(example.known is not None for example in examples)
    return [
        (
            np.stack(images[part]),
            values[part].astype(np.float32),
            np.stack(weights[part]) if some else None,
        )
        for part in parts
    ]


def _slabs(example: Example, slices: int | None) -> list[Example]:
    """Return the volumes of so many slices that cover an example, or the plane that it is."""
    if slices is None:
        return [example]
    return [example.of_slices(z, slices) for z in _starts(len(example.image), slices)]


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = -(-length // side)
    return [int(start) for start in np.linspace(0, length - side, count)]
