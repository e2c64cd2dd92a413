"""What training minimises, and what validation measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.shared import losses
from imagej_dl.methods.shared.losses import Total, whole
from imagej_dl.models import backend
from imagej_dl.models.frame_windows import fed
from imagej_dl.training.settings import Settings

_TINY = 1e-7


def of(settings: Settings, total: Total = whole) -> Callable[..., Any]:
    """Return the loss that settings name; `total` sums over the devices that share a batch."""
    if settings.loss == "cross_entropy":
        return loss(settings.kind, settings.dice, total)
    return losses.named(settings.loss, settings.class_weights, total)


def loss(kind: str, dice_weight: float = 0.0, total: Total = whole) -> Callable[..., Any]:
    """Return the loss `cross_entropy`: (targets, probabilities, weights=1) → number.

    The first two are (N, Y, X, classes), weights (N, Y, X). Weighted mean of the cross-entropy
    (binary for kind "binary"), plus `dice_weight` × (1 − mean soft Dice of the classes that are
    not background, over the batch).
    """
    tf = backend.tensorflow()

    def compute(target: Any, probability: Any, weights: Any = 1.0) -> Any:
        # Added and not clipped: clipping would hide a probability that is no number.
        likelihood = target * tf.math.log(probability + _TINY)
        if kind == "binary":
            likelihood += (1 - target) * tf.math.log(1 - probability + _TINY)
        entropy = -tf.reduce_sum(likelihood, -1)
        weights = tf.broadcast_to(weights, tf.shape(entropy))
        weighted, weight = total(tf.reduce_sum(weights * entropy), tf.reduce_sum(weights))
        value = weighted / weight
        if dice_weight:
            both, sizes = total(
                tf.reduce_sum(target * probability, (0, 1, 2)),
                tf.reduce_sum(target + probability, (0, 1, 2)),
            )
            # One pixel is added to both, so that a batch without objects has a Dice of 1.
            dice = (2 * both + 1) / (sizes + 1)
            value += dice_weight * (1 - tf.reduce_mean(dice[-2:]))
        return value

    return compute


class Validator:
    """Evaluates a model on batches that stay the same.

    `seen` are the first batch's images and the probabilities that it gave for them at last.

    Parameters
    ----------
    compute : the loss, (targets, probabilities) → number.
    batches : (images, targets), as :func:`imagej_dl.training.patches.validation` makes them.
    """

    def __init__(
        self,
        kind: str,
        compute: Callable[..., Any],
        batches: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
    ) -> None:
        self._kind = kind
        self._batches = batches
        self._loss = compute
        self._function: Any = None
        self.seen: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def __call__(self, model: Any) -> dict[str, float]:
        """Return the loss, the Jaccard index and Dice coefficient of the object class, and the
        share of pixels whose class is right.

        A pixel belongs to the class that is most probable (kind "binary": above 0.5).
        Without any object, true or predicted, both are 1.
        """
        tf = backend.tensorflow()
        if self._function is None:
            # One traced function for all epochs: the shapes stay the same, except the last batch's.
            self._function = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
        losses, sizes = [], []
        true = found = both = right = pixels = 0
        self.seen = None
        for images, targets in self._batches:
            p = self._function(tf.constant(fed(model, images)))
            losses.append(float(self._loss(tf.constant(targets), p)))
            sizes.append(len(images))
            if self.seen is None:
                self.seen = images, p.numpy()
            is_object, said = self._objects(targets), self._objects(p.numpy())
            true += int(is_object.sum())
            found += int(said.sum())
            both += int((is_object & said).sum())
            right += int((self._classes(targets) == self._classes(p.numpy())).sum())
            pixels += is_object.size
        union = true + found - both
        return {
            "loss": float(np.average(losses, weights=sizes)),
            "jaccard": both / union if union else 1.0,
            "dice": 2 * both / (true + found) if union else 1.0,
            "accuracy": right / pixels,
        }

    def _classes(self, classes: NDArray[np.float32]) -> NDArray:
        return self._objects(classes) if self._kind == "binary" else classes.argmax(-1)

    def _objects(self, classes: NDArray[np.float32]) -> NDArray[np.bool_]:
        if self._kind == "binary":
            return classes[..., 0] > 0.5
        return classes.argmax(-1) == 1
