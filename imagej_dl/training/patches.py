"""Examples in memory, and the stream of random patches that training reads."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images.intensities.joint_moments import Moments
from imagej_dl.methods.base import Method, Truth
from imagej_dl.methods.shared.pixel_weights import inner_contacts
from imagej_dl.methods.shared.volumes import as_channels
from imagej_dl.models import backend
from imagej_dl.training import augmentation as augment
from imagej_dl.training.augmentation import Augmentation
from imagej_dl.training.backgrounds import background
from imagej_dl.training.crowding import Objects
from imagej_dl.training.imaging import Camera, Plane
from imagej_dl.training.patch_centres import Centres

_BEGUN = 300
"""Batches over which the share of other imaging conditions grows to what it is: the network first
learns what objects are, and short trainings are not made longer."""

Scale = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Factor and offset of each channel."""


@dataclass(frozen=True)
class Example:
    """One plane with its labels, or one volume that is learnt as an image.

    name : of the image file, with the frame or slice where it has several ("movie.tif T=3").
    image : normalised, float32 (Y, X, C), of a volume (Z, Y, X, C); may be a memory map.
    labels : label map (Y, X), uint16 or uint32; may be a memory map. Where an image is learnt, 1
        everywhere: there is something to learn in all of it.
    target : the image that is learnt, normalised, float32, of the shape of `image`, for methods
        that learn one; the very array `image` where it is the image itself.
    scale : what `target` is still to be multiplied by and added to, to be normalised; None where it
        is as it must be.
    moments : of image and target as they are in their files, until `scale` is known of all.
    digest : names the pixels of the plane in its file.
    others : for a network of several frames those that it sees beside it, as `image`.
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
    others: tuple[NDArray[np.float32], ...] = ()
    vectors: NDArray[np.float32] | None = None
    contours: NDArray | None = None
    weights: NDArray[np.float32] | None = None
    target: NDArray[np.float32] | None = None
    known: NDArray[np.bool_] | None = None
    scale: Scale | None = None
    moments: Moments | None = None

    @property
    def is_unlabelled(self) -> bool:
        """True if nothing of the ground truth is known."""
        return self.known is not None and not self.known.any()

    @property
    def is_volume(self) -> bool:
        """True for a volume (Z, Y, X, C)."""
        return self.image.ndim == 4

    @property
    def truth(self) -> NDArray:
        """The ground truth: the label map, or the image that is learnt, of a volume (Y, X, Z·C)."""
        if self.target is None:
            return self.labels
        found = self.scaled(self.target)
        return as_channels(found) if self.is_volume else found

    def scaled(self, target: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (a part of) the target, normalised; slices may be further channels."""
        if self.scale is None:
            return target
        slices = target.shape[-1] // len(self.scale[0])
        factor, offset = (np.tile(one, slices) for one in self.scale)
        return (target * factor + offset).astype(np.float32)

    @property
    def planes(self) -> list[NDArray[np.float32]]:
        """All channels of all frames or slices, (Y, X), in the order of the network's input."""
        frames = self.image if self.is_volume else (*self.others, self.image)
        return [frame[..., i] for frame in frames for i in range(frame.shape[2])]

    @property
    def target_planes(self) -> list[NDArray[np.float32]]:
        """All channels of all slices of the target, each (Y, X)."""
        assert self.target is not None, "an image is learnt"
        slices = self.target if self.is_volume else (self.target,)
        return [one[..., i] for one in slices for i in range(one.shape[2])]

    def of_slices(self, first: int, count: int, *, reverse: bool = False) -> Example:
        """Return some slices of a volume, in reverse order if asked for, as a volume."""
        where = slice(first, first + count)
        step = -1 if reverse else 1
        target = None if self.target is None else self.target[where][::step]
        return replace(self, image=self.image[where][::step], target=target)

    def part(self, index: tuple[slice, slice]) -> Example:
        """Return a region of it, with the same name."""
        whole = (slice(None), *index) if self.is_volume else index
        return replace(
            self,
            image=self.image[whole],
            labels=self.labels[index],
            others=tuple(frame[index] for frame in self.others),
            vectors=None,  # a part of an object has another centre
            contours=None if self.contours is None else self.contours[index],
            weights=None if self.weights is None else self.weights[index],
            target=None if self.target is None else self.target[whole],
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
    slices : of a patch, where patches are volumes; their channels follow each other.
    imaging : share of the patches that the camera shows under other imaging conditions, once so
        many batches are made that objects are known.
    camera : what does; None for none.
    crowding : share of the patches in which copied objects lie beside those there.
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
    slices: int | None = None
    imaging: float = 0.0
    camera: Camera | None = None
    crowding: float = 0.0

    @property
    def margin(self) -> int:
        """Pixels around a patch that are needed to compute its target and weights."""
        return max(self.method.margin, self.contact_reach)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a patch's target, as :meth:`Method.targets` returns it."""
        plane = (self.patch, self.patch)
        channels = self.method.target_channels * (self.slices or 1)
        return plane if self.by_class else (*plane, channels)

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
        # Zoomed patches are interpolated, which makes neighbours share their noise.
        self._unzoomed = sampling.augmentation.model_copy(update={"zoom": 1.0})
        self._centres = [
            Centres(
                example.labels,
                None if example.is_unlabelled else example.known,
                has_objects=sampling.method.learns_from == "labels",
                foreground=sampling.foreground,
                spread=sampling.patch / 4,
                pdf=sampling.pdf,
            )
            for example in examples
        ]
        self._taken: list[Plane] = []
        if sampling.imaging and sampling.camera is not None:
            self._taken = [
                Plane.of(example.image, example.labels, number)
                for number, example in enumerate(examples)
            ]
        self._objects: list[Objects | None] = [
            Objects(example, sampling.patch) if sampling.crowding and _can_crowd(example) else None
            for example in examples
        ]
        # By the root of the area: large images are seen more often, but do not hide the small.
        shares = np.sqrt([example.labels.size for example in examples])
        bare = np.array([example.is_unlabelled for example in examples])
        labelled = sampling.method.labelled_share
        if labelled is not None and bare.any() and not bare.all():
            for part, share in ((bare, 1 - labelled), (~bare, labelled)):
                shares[part] *= share / shares[part].sum()
        reached = np.cumsum(shares)
        self._reached = reached / reached[-1]

    @property
    def channels(self) -> int:
        """Channels of a patch, over all frames or slices."""
        example, slices = self.examples[0], self.sampling.slices
        return len(example.planes) if slices is None else slices * example.image.shape[-1]

    def batch(self, number: int) -> Batch:
        """Make one batch: images float32 (N, side, side, T·C); targets, classes as uint8
        (N, side, side) or values as float32 (N, side, side, channels); and the pixels' weights
        float32 (N, side, side).
        """
        rng = np.random.default_rng((self.sampling.seed, int(number)))
        count, side = self.sampling.batch, self.sampling.patch
        images = np.empty((count, side, side, self.channels), np.float32)
        kind = np.uint8 if self.sampling.by_class else np.float32
        targets = np.empty((count, *self.sampling.shape), kind)
        weights = np.empty((count, side, side), np.float32)
        index, share = 0, self.sampling.imaging * min(int(number) / _BEGUN, 1.0)
        for done in range(count):
            if done % self.sampling.per_image == 0:
                # As Generator.choice draws, without its checks.
                index = int(self._reached.searchsorted(rng.random(), "right"))
            images[done], targets[done], weights[done] = self._patch(index, rng, share)
        return images, targets, weights

    def centre(self, index: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw the centre (y, x) of a patch of example number `index`, in px."""
        return self._centres[index].draw(rng)

    def _patch(self, index: int, rng: np.random.Generator, imaging: float) -> tuple[Any, Any, Any]:
        """Cut a patch, with probability `imaging` under other imaging conditions."""
        sampling, example = self.sampling, self.examples[index]
        often = sampling.method.varied_share
        varied = often == 1 or (not example.is_unlabelled and rng.random() < often)
        augmentation = sampling.augmentation if varied else self._unzoomed
        share = sampling.augmentation.empty if example.target is None else 0.0
        if share and rng.random() < share:
            return self._empty(example, rng)
        side, reach = sampling.patch, sampling.contact_reach
        if sampling.slices is not None:
            turned = sampling.augmentation.turn and sampling.method.flips_slices
            first = int(rng.integers(len(example.image) - sampling.slices + 1))
            reverse = bool(turned and rng.integers(2))
            example = example.of_slices(first, sampling.slices, reverse=reverse)
        centre = self.centre(index, rng)
        place = augment.draw(
            example.labels.shape,
            centre,
            side,
            rng,
            augmentation,
            sampling.method.symmetries,
        )
        image = augment.taken(example.planes, place, side)
        truth = truth_of(example, sampling, place)
        objects = self._objects[index] if varied else None
        if objects is not None and rng.random() < sampling.crowding:
            image, truth = objects.put_beside(image, truth, place[0], rng)
        weights: Any = 1.0
        if example.weights is not None:
            weights = augment.taken([example.weights], place, side)[..., 0]
        elif sampling.contact_weight:
            touching = inner_contacts(truth.within(truth.labels, reach), reach)
            weights = np.where(touching, np.float32(1 + sampling.contact_weight), np.float32(1))
        if truth.known is not None:
            weights = weights * truth.within(truth.known).astype(np.float32)
        if truth.image is None:  # a change of the input's intensities would be learnt as noise
            image = self._lit(image, index, place, rng, imaging if varied else 0.0)
        truth = replace(truth, varied=varied)
        return *sampling.method.sample(image, truth, rng), weights

    def _lit(
        self,
        image: NDArray[np.float32],
        index: int,
        place: augment.Place,
        rng: np.random.Generator,
        imaging: float,
    ) -> NDArray[np.float32]:
        """Vary the intensities of a patch of example number `index`."""
        sampling = self.sampling
        camera = sampling.camera
        if not self._taken or camera is None or rng.random() >= imaging:
            return augment.light(image, rng, sampling.augmentation)
        # The noise is the camera's.
        still = sampling.augmentation.model_copy(update={"noise": 0.0, "blur": 0.0})
        image = augment.light(image, rng, still)
        size = np.array(self.examples[index].labels.shape)
        matrix, centre = place
        where = (matrix / size[:, None], centre / size - 0.5)
        return camera(image, self._taken[index], where, rng)

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


def _can_crowd(example: Example) -> bool:
    """Tell if what is learnt of an example can be told of copied objects, too."""
    given = (example.target, example.contours, example.weights)
    return not (example.is_volume or example.others) and all(one is None for one in given)


def stream(patches: Patches, first: int, last: int) -> Any:
    """Return batches first…last-1 as a tf.data.Dataset, made beside the training, in advance.

    Elements are images (N, Y, X, T·C), targets (N, Y, X, classes) and the pixels' weights
    (N, Y, X), all float32.
    """
    tf = backend.tensorflow()
    side, channels = patches.sampling.patch, patches.channels
    sampling = patches.sampling
    size, classes = sampling.batch, len(sampling.method.channels)
    kind = tf.uint8 if sampling.by_class else tf.float32
    # TensorFlow keeps the function for the rest of the process, and with a strong reference all
    # images of each training.
    alive = weakref.ref(patches)

    def batch(number: int) -> Any:
        found = alive()
        assert found is not None, "the dataset holds the patches"
        return found.batch(number)

    def make(number: Any) -> Any:
        types = [tf.float32, kind, tf.float32]
        image, target, weights = tf.numpy_function(batch, [number], types)
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
    # Threads and prefetched batches are fixed. The thread in which TensorFlow would tune them
    # delays the end of an iterator by up to a minute, in which no other Python thread runs.
    options = tf.data.Options()
    options.autotune.enabled = False
    batches = made.prefetch(2).with_options(options)
    batches.patches = patches
    return batches


def truth_of(example: Example, sampling: Sampling, place: augment.Place) -> Truth:
    """Return the ground truth of a patch, with the margin that its target and weights need."""
    side = sampling.patch + 2 * sampling.margin
    labels = augment.nearest(example.labels, place, side)
    contours = image = known = vectors = None
    if example.contours is not None and sampling.method.takes_contours:
        contours = augment.nearest(example.contours, place, sampling.patch)
    if example.target is not None:
        image = example.scaled(augment.taken(example.target_planes, place, side))
    if example.known is not None:
        known = augment.nearest(example.known, place, side)
        labels = np.where(known, labels, 0)
    if example.vectors is not None:
        vectors = augment.vectors(example.vectors, place, side)
    return Truth(labels, sampling.margin, contours, image, known, vectors)
