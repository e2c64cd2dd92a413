"""Examples in memory, and the stream of random patches that training reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.models import CLASSES, backend
from imagej_dl.training import augment, targets
from imagej_dl.training.augment import Augmentation


@dataclass(frozen=True)
class Example:
    """One plane with its labels.

    name : of the image file, with the frame or slice where it has several ("movie.tif T=3").
    image : normalised, float32 (Y, X, C); may be a memory map.
    labels : label map (Y, X), uint16 or uint32; may be a memory map.
    digest : names the pixels of the plane in its file.
    """

    name: str
    image: NDArray[np.float32]
    labels: NDArray
    digest: str = ""


@dataclass(frozen=True)
class Sampling:
    """How patches are drawn. `foreground` is the share of patches centred near an object."""

    kind: str
    patch: int
    batch: int
    seed: int
    border_size: int = 2
    foreground: float = 0.7
    augmentation: Augmentation = augment.NONE


Batch = tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.bool_]]


class Patches:
    """Batch number i of the stream is a function of the seed and i alone.

    So the order in which threads make batches changes nothing, and training that goes on after
    a stop sees the batches that it would have seen.
    """

    def __init__(self, examples: Sequence[Example], sampling: Sampling) -> None:
        self.examples = examples
        self.sampling = sampling
        self._centres = [_centres(example.labels) for example in examples]
        # By the root of the area: large images are seen more often, but do not hide the small.
        weights = np.sqrt([example.labels.size for example in examples])
        self._weights = weights / weights.sum()

    def batch(self, number: int) -> Batch:
        """Make one batch: images float32 (N, side, side, C); classes uint8 and whether a pixel
        lies between touching objects, bool, both (N, side, side).
        """
        rng = np.random.default_rng((self.sampling.seed, int(number)))
        drawn = [self._patch(rng) for _ in range(self.sampling.batch)]
        images, classes, touching = zip(*drawn, strict=True)
        return np.stack(images), np.stack(classes), np.stack(touching)

    def _patch(self, rng: np.random.Generator) -> Batch:
        sampling = self.sampling
        index = int(rng.choice(len(self.examples), p=self._weights))
        example, centres = self.examples[index], self._centres[index]
        centre = rng.uniform(0, example.labels.shape)
        if len(centres) and rng.random() < sampling.foreground:
            spread = sampling.patch / 4
            centre = centres[rng.integers(len(centres))] + rng.uniform(-spread, spread, 2)
        margin = sampling.border_size
        image, labels = augment.cut(
            example.image,
            example.labels,
            centre,
            sampling.patch,
            margin,
            rng,
            sampling.augmentation,
        )
        classes = targets.target(sampling.kind, labels, sampling.border_size)
        touching = targets.contacts(labels, sampling.border_size)
        inside = slice(margin, margin + sampling.patch)
        lit = augment.light(image, rng, sampling.augmentation)
        return lit, classes[inside, inside], touching[inside, inside]


def stream(patches: Patches, first: int, last: int, contact_weight: float = 0.0) -> Any:
    """Return batches first…last-1 as a tf.data.Dataset, made in parallel and in advance.

    Elements are images (N, Y, X, C), targets (N, Y, X, classes) and the pixels' weights
    (N, Y, X), all float32; the weight is 1, and `contact_weight` more between touching objects.
    """
    tf = backend.tensorflow()
    side, channels = patches.sampling.patch, patches.examples[0].image.shape[2]
    size, classes = patches.sampling.batch, len(CLASSES[patches.sampling.kind])

    def make(number: Any) -> Any:
        types = [tf.float32, tf.uint8, tf.bool]
        image, target, touching = tf.numpy_function(patches.batch, [number], types)
        image = tf.ensure_shape(image, (size, side, side, channels))
        target = tf.ensure_shape(target, (size, side, side))
        touching = tf.ensure_shape(touching, (size, side, side))
        weights = 1 + contact_weight * tf.cast(touching, tf.float32)
        if classes == 1:
            return image, tf.cast(target[..., None], tf.float32), weights
        return image, tf.one_hot(target, classes), weights

    numbers = tf.data.Dataset.range(first, last)
    made = numbers.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return made.prefetch(2)


def validation(
    examples: Sequence[Example], sampling: Sampling, limit: int
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Cut patches that cover the examples, unvaried, as batches for evaluation.

    At most `limit` patches are kept, evenly over all, so that validation never takes longer than
    training; images smaller than a patch are mirrored up to it.
    """
    places = [
        (example, y, x)
        for example in examples
        for y in _starts(example.labels.shape[0], sampling.patch)
        for x in _starts(example.labels.shape[1], sampling.patch)
    ]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(limit, len(places))).astype(int))
    rng = np.random.default_rng(sampling.seed)
    images, classes = [], []
    margin, side = sampling.border_size, sampling.patch
    for index in chosen:
        example, y, x = places[index]
        centre = np.array((y + side / 2 - 1, x + side / 2 - 1))
        image, labels = augment.cut(
            example.image, example.labels, centre, side, margin, rng, augment.NONE
        )
        target = targets.target(sampling.kind, labels, margin)[margin : margin + side]
        images.append(image)
        classes.append(target[:, margin : margin + side])
    count = len(CLASSES[sampling.kind])
    hot = np.stack(classes)[..., None]
    if count > 1:
        hot = hot == np.arange(count)
    return [
        (np.stack(images[i : i + sampling.batch]), hot[i : i + sampling.batch].astype(np.float32))
        for i in range(0, len(images), sampling.batch)
    ]


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = -(-length // side)
    return [int(start) for start in np.linspace(0, length - side, count)]


def _centres(labels: NDArray) -> NDArray[np.float64]:
    """Middles (y, x) of the objects' boxes, in px."""
    boxes = [box for box in ndi.find_objects(labels) if box is not None]
    return np.array(
        [[(part.start + part.stop - 1) / 2 for part in box] for box in boxes], np.float64
    ).reshape(-1, 2)
