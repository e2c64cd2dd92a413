"""The loss of embeddings: Lovász hinge of each object's Gaussian, sigma smoothness, seeds.

(Neven et al., CVPR 2019; Lalit et al., MIDL 2021; Berman et al., CVPR 2018.) All objects of a batch
are worked on together: not each of them with each pixel, but the pairs of an object and a pixel
that its Gaussian reaches, which are a hundredth of these.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

from imagej_dl.methods.base import Loss, Total
from imagej_dl.methods.shared.losses import whole

_INSTANCE, _SMOOTHNESS, _SEED = 1.0, 0.4, 1.0
"""Weights of the three terms, 1, 10 and 1 in EmbedSeg. There the network gives a fifth of the
logarithm of 1 / sigma, here the logarithm of sigma, so that its variance is 25 times as large."""

_OBJECT = 10.0
"""Weight of an object's pixels in the seed term."""

_FARTHEST = 9.21
"""Squared distance in sigmas up to which pixels are looked at: there the Gaussian is .01."""

_BINS = 256
"""Steps of the error, 0 to 2, by which pixels are ranked."""

_MOST = 1000
"""Objects of a patch that are looked at; the pixels of others count for nothing."""


class _Objects(NamedTuple):
    """The objects (K,) of a batch, those of the first patch first.

    first : (patches + 1,), the first object of each patch.
    number : of each in the target of its patch.
    size : pixels of each that are known.
    centre : (K, 2), y and x in px.
    spread : (K, 2), mean logarithm of sigma in px.
    """

    first: Any
    number: Any
    size: Any
    centre: Any
    spread: Any


def embedding_loss(length: float, total: Total = whole) -> Loss:
    """Return the loss.

    Its arguments are targets (N, Y, X, 3), number of the object (0: none) and its centre y, x in
    px; outputs (N, Y, X, 5) as :class:`imagej_dl.methods.embeddings.Embeddings` has them; and
    weights (N, Y, X). Pixels that weigh 0 take no part.

    Parameters
    ----------
    length : unit of offsets and sigmas in px.
    """
    tf = _tensorflow()

    def compute(target: Any, output: Any, weights: Any = 1.0) -> Any:
        shape = tf.shape(target)
        count, width = shape[0], shape[2]
        pixels = shape[1] * width
        weights = tf.reshape(tf.broadcast_to(tf.cast(weights, tf.float32), shape[:3]), [-1])
        number = tf.reshape(tf.cast(tf.round(target[..., 0]), tf.int32), [-1])
        weights = tf.where(number > _MOST, 0.0, weights)
        values = tf.reshape(output, [-1, 5])
        place = tf.range(count * pixels, dtype=tf.int32) % pixels
        grid = tf.cast(tf.stack([place // width, place % width], -1), tf.float32)
        embedding = grid + length * values[:, :2]
        spread = values[:, 2:4] + tf.math.log(tf.constant(length, tf.float32))
        seed = values[:, 4]

        inside = tf.where((number > 0) & (weights > 0))[:, 0]
        centres = tf.reshape(target[..., 1:3], [-1, 2])
        owner, objects = _objects(tf, number, inside, centres, spread, count, pixels)
        here = tf.gather(spread, inside)
        gaussian = _gaussian(tf, embedding, objects, inside, owner)

        # Pixels of other objects and of the background that the Gaussian of an object reaches.
        near, reached = _reached(tf, embedding, objects, count, pixels)
        other = (tf.gather(number, near) != tf.gather(objects.number, reached)) & (
            tf.gather(weights, near) > 0
        )
        near, reached = near[other], reached[other]
        outside = _gaussian(tf, embedding, objects, near, reached)
        hinge = _lovasz_hinge(tf, gaussian, owner, outside, reached, objects.size)

        away = tf.square(here - tf.stop_gradient(tf.gather(objects.spread, owner)))
        rough = tf.reduce_mean(away, -1) / tf.gather(objects.size, owner)

        background = tf.where(number == 0, weights * tf.square(seed), 0.0)
        wrong = tf.square(tf.gather(seed, inside) - tf.stop_gradient(gaussian))
        sums = total(
            hinge,
            tf.reduce_sum(rough),
            tf.cast(tf.shape(objects.size)[0], tf.float32),
            tf.reduce_sum(background) + _OBJECT * tf.reduce_sum(tf.gather(weights, inside) * wrong),
            tf.reduce_sum(weights),
        )
        instance, smoothness, some, seeds, weight = sums
        return tf.math.divide_no_nan(
            _INSTANCE * instance + _SMOOTHNESS * smoothness, some
        ) + tf.math.divide_no_nan(_SEED * seeds, weight)

    return compute


def _objects(
    tf: ModuleType, number: Any, inside: Any, centres: Any, spread: Any, count: Any, pixels: Any
) -> tuple[Any, _Objects]:
    """Return the object that each of the pixels `inside` belongs to, and the objects."""
    most = tf.maximum(tf.reduce_max(number), 1)
    name = tf.cast(inside, tf.int32) // pixels * most + tf.gather(number, inside) - 1
    size = tf.math.unsorted_segment_sum(tf.ones_like(name, tf.float32), name, count * most)
    there = tf.where(size > 0)[:, 0]
    rank = tf.cumsum(tf.cast(size > 0, tf.int32)) - 1
    owner, some = tf.gather(rank, name), tf.shape(there)[0]
    patch = tf.cast(there, tf.int32) // most
    # All pixels of an object say the same centre, of which a mean would be rounded.
    centre = tf.math.unsorted_segment_max(tf.gather(centres, inside), owner, some)
    mean = tf.math.unsorted_segment_sum(tf.gather(spread, inside), owner, some)
    size = tf.gather(size, there)
    first = tf.searchsorted(patch, tf.range(count + 1))
    spread = mean / size[:, None]
    return owner, _Objects(first, tf.cast(there, tf.int32) % most + 1, size, centre, spread)


def _gaussian(tf: ModuleType, embedding: Any, objects: _Objects, pixels: Any, owner: Any) -> Any:
    """Return for pairs of a pixel and an object the object's Gaussian where the pixel points."""
    away = tf.gather(embedding, pixels) - tf.gather(objects.centre, owner)
    sharp = tf.gather(tf.exp(-2 * objects.spread), owner)
    return tf.exp(-tf.reduce_sum(tf.square(away) * sharp, -1) / 2)


def _reached(
    tf: ModuleType, embedding: Any, objects: _Objects, count: Any, pixels: Any
) -> tuple[Any, Any]:
    """Return all pairs of a pixel and an object of its patch that are near to each other."""
    each = tf.reshape(tf.stop_gradient(embedding), [count, pixels, 2])
    sharp = tf.stop_gradient(tf.exp(-2 * objects.spread))
    # The squared distance Σ sharp (e − c)², multiplied out, is a product of matrices.
    constant = tf.reduce_sum(sharp * tf.square(objects.centre), -1, keepdims=True)
    factors = tf.concat([sharp, -2 * sharp * objects.centre, constant], -1)

    def look(patch: Any, found: Any) -> tuple[Any, Any]:
        terms = tf.concat([tf.square(each[patch]), each[patch], tf.ones([pixels, 1])], -1)
        low, high = objects.first[patch], objects.first[patch + 1]
        distance = tf.matmul(factors[low:high], terms, transpose_b=True)
        pairs = tf.cast(tf.where(distance < _FARTHEST), tf.int32)
        return patch + 1, found.write(patch, pairs + tf.stack([low, patch * pixels]))

    found = tf.TensorArray(tf.int32, count, infer_shape=False, element_shape=[None, 2])
    _, found = tf.while_loop(lambda patch, _: patch < count, look, (tf.constant(0), found))
    pairs = found.concat()
    return pairs[:, 1], pairs[:, 0]


def _lovasz_hinge(
    tf: ModuleType, inside: Any, owner: Any, outside: Any, reached: Any, size: Any
) -> Any:
    """Return the sum of the objects' Lovász hinges, of their Gaussians at pixels in and out.

    Of the errors in descending order each counts by what it adds to the Jaccard loss of the
    pixels before it. For G pixels of the object, F of them and B others with a larger error, that
    is 1 / (G + B) for one of the object, and (G − F) / (G + B)² for another. F and B are counted
    with errors in steps, which needs no sorting; half of the same step count.
    """
    missed, taken = 2 - 2 * inside, 2 * outside

    def rank(error: Any, name: Any) -> tuple[Any, Any]:
        step = tf.cast(tf.stop_gradient(error) * (_BINS / 2), tf.int32)
        place = name * _BINS + tf.clip_by_value(step, 0, _BINS - 1)
        ones = tf.ones_like(place, tf.float32)
        number = tf.math.unsorted_segment_sum(ones, place, tf.shape(size)[0] * _BINS)
        table = tf.reshape(number, [-1, _BINS])
        above = tf.cumsum(table, 1, exclusive=True, reverse=True) + table / 2
        return place, tf.reshape(above, [-1])

    mine, before = rank(missed, owner)
    theirs, others = rank(taken, reached)
    there, here = tf.gather(size, owner), tf.gather(size, reached)
    adds = 1 / (there + tf.gather(others, mine))
    left = here - tf.gather(before, theirs)
    takes = left / tf.square(here + tf.gather(others, theirs))
    return tf.reduce_sum(adds * missed) + tf.reduce_sum(takes * taken)


def _tensorflow() -> ModuleType:
    # Models know methods, so methods cannot import them at the top.
    from imagej_dl.models import backend

    return backend.tensorflow()
