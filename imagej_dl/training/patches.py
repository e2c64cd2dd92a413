"""Examples in memory, and the stream of random patches that training reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import Method, Truth
from imagej_dl.methods.shared.pixel_weights import inner_contacts
from imagej_dl.models import backend
from imagej_dl.training import augmentation as augment
from imagej_dl.training.augmentation import Augmentation
from imagej_dl.training.backgrounds import background
from imagej_dl.training.patch_centres import Centres


@dataclass(frozen=True)
class Example:
    """One plane with its labels.

    name : of the image file, with the frame or slice where it has several ("movie.tif T=3").
    image : normalised, float32 (Y, X, C); may be a memory map.
    labels : label map (Y, X), uint16 or uint32; may be a memory map. Where an image is learnt, 1
        everywhere: there is something to learn in all of it.
    target : the image that is learnt, normalised, float32 (Y, X, C), for methods that learn one;
        the very array `image` where it is the image itself.
    digest : names the pixels of the plane in its file.
    before : for a recurrent network the frames before it, as `image`.
    vectors : the method's, float32 (2, Y, X), once they are made.
    contours : what is the contour class, (Y, X), where it is given and not made of the labels.
    weights : of the pixels in the loss, float32 (Y, X), where they are given or made beforehand.
    known : where the labels say what is there, bool (Y, X); None everywhere. Patches are cut there,
        and what is unknown weighs 0.
    """

    name: str
    image: NDArray[np.float32]
    labels: NDArray
    digest: str = ""
    before: tuple[NDArray[np.float32], ...] = ()
    vectors: NDArray[np.float32] | None = None
    contours: NDArray | None = None
    weights: NDArray[np.float32] | None = None
    target: NDArray[np.float32] | None = None
    known: NDArray[np.bool_] | None = None

    @property
    def truth(self) -> NDArray:
        """The ground truth: the label map, or the image that is learnt."""
        return self.labels if self.target is None else self.target

    @property
    def planes(self) -> list[NDArray[np.float32]]:
        """All channels of all frames, each (Y, X), in the order of the network's input."""
        frames = (*self.before, self.image)
        return [frame[..., i] for frame in frames for i in range(frame.shape[2])]

    def part(self, index: tuple[slice, slice]) -> Example:
        """Return a region of it, with the same name."""
        return replace(
            self,
            image=self.image[index],
            labels=self.labels[index],
            before=tuple(frame[index] for frame in self.before),
            vectors=None,  # a part of an object has another centre
            contours=None if self.contours is None else self.contours[index],
            weights=None if self.weights is None else self.weights[index],
            target=None if self.target is None else self.target[index],
            known=None if self.known is None else self.known[index],
        )


@dataclass(frozen=True)
class Sampling:
    """Sampling of patches, and their targets.

    contact_reach : within which two objects touch, city-block distance in px.
    foreground : share of the patches that are centred near an object.
    pdf : instead, how much likelier a pixel of an object is as a centre than one of background.
    per_image : patches of a batch that are cut one after the other of the same image.
    contact_weight : what pixels between touching objects weigh beside 1, unless the example has
        weights.
    """

    method: Method
    patch: int
    batch: int
    seed: int
    contact_reach: int = 2
    foreground: float = 0.7
    augmentation: Augmentation = augment.NONE
    pdf: float | None = None
    per_image: int = 1
    contact_weight: float = 0.0

    @property
    def margin(self) -> int:
        """Pixels around a patch that are needed to compute its target and weights."""
        return max(self.method.margin, self.contact_reach)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a patch's target, as :meth:`Method.targets` returns it."""
        plane = (self.patch, self.patch)
        return plane if self.by_class else (*plane, self.method.target_channels)

    @property
    def by_class(self) -> bool:
        """True if targets are a class of each pixel."""
        return self.method.target_kind == "classes"


Batch = tuple[NDArray[np.float32], NDArray, NDArray[np.float32]]


class Patches:
    """Batch number i of the stream is a function of the seed and i alone.

    So the order in which threads make batches changes nothing, and training that goes on after
    a stop sees the batches that it would have seen.
    """

    def __init__(self, examples: Sequence[Example], sampling: Sampling) -> None:
        self.examples = examples
        self.sampling = sampling
        self._centres = [
            Centres(
                example.labels,
                example.known,
                has_objects=sampling.method.learns_from == "labels",
                foreground=sampling.foreground,
                spread=sampling.patch / 4,
                pdf=sampling.pdf,
            )
            for example in examples
        ]
        # By the root of the area: large images are seen more often, but do not hide the small.
        reached = np.cumsum(np.sqrt([example.labels.size for example in examples]))
        self._reached = reached / reached[-1]

    def batch(self, number: int) -> Batch:
        """Make one batch: images float32 (N, side, side, T·C); targets, classes as uint8
        (N, side, side) or values as float32 (N, side, side, channels); and the pixels' weights
        float32 (N, side, side).
        """
        rng = np.random.default_rng((self.sampling.seed, int(number)))
        count, side = self.sampling.batch, self.sampling.patch
        images = np.empty((count, side, side, len(self.examples[0].planes)), np.float32)
        kind = np.uint8 if self.sampling.by_class else np.float32
        targets = np.empty((count, *self.sampling.shape), kind)
        weights = np.empty((count, side, side), np.float32)
        index = 0
        for done in range(count):
            if done % self.sampling.per_image == 0:
                # As Generator.choice draws, without its checks.
                index = int(self._reached.searchsorted(rng.random(), "right"))
            images[done], targets[done], weights[done] = self._patch(index, rng)
        return images, targets, weights

    def centre(self, index: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw the centre (y, x) of a patch of example number `index`, in px."""
        return self._centres[index].draw(rng)

    def _patch(self, index: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
        sampling, example = self.sampling, self.examples[index]
        share = sampling.augmentation.empty if example.target is None else 0.0
        if share and rng.random() < share:
            return self._empty(example, rng)
        side, reach = sampling.patch, sampling.contact_reach
        centre = self.centre(index, rng)
        place = augment.draw(
            example.labels.shape,
            centre,
            side,
            rng,
            sampling.augmentation,
            sampling.method.symmetries,
        )
        image = augment.taken(example.planes, place, side)
        truth = truth_of(example, sampling, place)
        weights: Any = 1.0
        if example.weights is not None:
            weights = augment.taken([example.weights], place, side)[..., 0]
        elif sampling.contact_weight:
            touching = inner_contacts(truth.within(truth.labels, reach), reach)
            weights = np.where(touching, np.float32(1 + sampling.contact_weight), np.float32(1))
        if truth.known is not None:
            weights = weights * truth.within(truth.known).astype(np.float32)
        if truth.image is None:  # a change of the input's intensities would be learnt as noise
            image = augment.light(image, rng, sampling.augmentation)
        return *sampling.method.sample(image, truth, rng), weights

    def _empty(self, example: Example, rng: np.random.Generator) -> tuple[Any, Any, Any]:
        """Make a patch without objects, with what the ground truth of the example consists of."""
        sampling = self.sampling
        side, wide = sampling.patch, sampling.patch + 2 * sampling.margin
        truth = Truth(np.zeros((wide, wide), example.labels.dtype), sampling.margin)
        if example.contours is not None and sampling.method.takes_contours:
            truth = replace(truth, contours=np.zeros((side, side), example.contours.dtype))
        if example.vectors is not None:
            truth = replace(truth, vectors=np.zeros((2, wide, wide), np.float32))
        image = background(side, len(example.planes), rng)
        image = augment.light(image, rng, sampling.augmentation)
        return *sampling.method.sample(image, truth, rng), 1.0


def stream(patches: Patches, first: int, last: int) -> Any:
    """Return batches first…last-1 as a tf.data.Dataset, made beside the training, in advance.

    Elements are images (N, Y, X, T·C), targets (N, Y, X, classes) and the pixels' weights
    (N, Y, X), all float32.
    """
    tf = backend.tensorflow()
    side, channels = patches.sampling.patch, len(patches.examples[0].planes)
    sampling = patches.sampling
    size, classes = sampling.batch, len(sampling.method.channels)
    kind = tf.uint8 if sampling.by_class else tf.float32

    def make(number: Any) -> Any:
        types = [tf.float32, kind, tf.float32]
        image, target, weights = tf.numpy_function(patches.batch, [number], types)
        image = tf.ensure_shape(image, (size, side, side, channels))
        target = tf.ensure_shape(target, (size, *sampling.shape))
        weights = tf.ensure_shape(weights, (size, side, side))
        if not sampling.by_class:
            return image, target, weights
        if classes == 1:
            return image, tf.cast(target[..., None], tf.float32), weights
        return image, tf.one_hot(target, classes), weights

    numbers = tf.data.Dataset.range(first, last)
    # Python's threads wait for each other: more of them cost more time than they save.
    threads = min(4, max(1, backend.cores() // 2))
    made = numbers.map(make, num_parallel_calls=threads, deterministic=True)
    return made.prefetch(2)


def truth_of(example: Example, sampling: Sampling, place: augment.Place) -> Truth:
    """Return the ground truth of a patch, with the margin that its target and weights need."""
    side = sampling.patch + 2 * sampling.margin
    labels = augment.nearest(example.labels, place, side)
    contours = image = known = vectors = None
    if example.contours is not None and sampling.method.takes_contours:
        contours = augment.nearest(example.contours, place, sampling.patch)
    if example.target is not None:
        planes = [example.target[..., i] for i in range(example.target.shape[2])]
        image = augment.taken(planes, place, side)
    if example.known is not None:
        known = augment.nearest(example.known, place, side)
        labels = np.where(known, labels, 0)
    if example.vectors is not None:
        vectors = augment.vectors(example.vectors, place, side)
    return Truth(labels, sampling.margin, contours, image, known, vectors)
