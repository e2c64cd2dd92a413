"""The loss that training minimises, and the measures of validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import Loss, Method, Total
from imagej_dl.methods.shared.losses import whole
from imagej_dl.models import backend
from imagej_dl.models.frame_windows import fed, given_back
from imagej_dl.training.settings import Settings
from imagej_dl.training.validation_patches import Evaluated


def of(settings: Settings, total: Total = whole) -> Loss:
    """Return the loss that settings name; `total` sums over the devices that share a batch."""
    return settings.method.loss(
        settings.loss, class_weights=settings.class_weights, dice=settings.dice, total=total
    )


class Validator:
    """Evaluates a model on batches that stay the same.

    `batches` are what it was given, `seen` the first one's images and the output for them of the
    last evaluation.

    Parameters
    ----------
    method : what the model learns.
    compute : the loss, (targets, outputs, weights) → number.
    batches : (images, targets, weights or None), as
        :func:`imagej_dl.training.validation_patches.validation` makes them.
    """

    def __init__(
        self,
        method: Method,
        compute: Callable[..., Any],
        batches: Sequence[Evaluated],
    ) -> None:
        self.method = method
        self.batches = batches
        self._loss = compute
        self._function: Any = None
        self.seen: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def __call__(self, model: Any) -> dict[str, float]:
        """Return the loss and the method's measures of the whole of the batches."""
        tf = backend.tensorflow()
        if self._function is None:
            # One traced function for all epochs: the shapes stay the same, except the last batch's.
            self._function = tf.function(
                lambda x: given_back(model, model(x, training=False)), reduce_retracing=True
            )
        losses, sizes, tallies = [], [], []
        self.seen = None
        for images, targets, weights in self.batches:
            output = self._function(tf.constant(fed(model, images)))
            known = () if weights is None else (tf.constant(weights),)
            losses.append(float(self._loss(tf.constant(targets), output, *known)))
            # Of several batches each counts by the pixels that are known.
            sizes.append(len(images) if weights is None else float(weights.sum(dtype=np.float64)))
            if self.seen is None:
                self.seen = images, output.numpy()
            tallies.append(self.method.tally(targets, output.numpy(), weights))
        measures = self.method.measures(np.sum(tallies, axis=0))
        return {"loss": float(np.average(losses, weights=sizes)), **measures}
