"""One batch of a training, and the precision in which it is computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imagej_dl.errors import warn
from imagej_dl.models import backend
from imagej_dl.models.frame_windows import fed
from imagej_dl.training import objective
from imagej_dl.training.distributed.strategy import Machines
from imagej_dl.training.settings import Precision, Settings

_FIRST_FACTOR, _STEADY = 2.0**15, 2000
"""Of the loss in float16, as in Keras' LossScaleOptimizer: the first factor, and the batches
without an overflow until it is doubled. Keras' own looks at each device's gradients alone: where
only one overflows, the devices would wait for each other for ever."""


class Step:
    """One batch: loss, gradients, update; compiled by TensorFlow at the first call.

    In float16 small gradients would be 0. So the loss is multiplied by `factor`, and the gradients
    are divided by it again; when they overflow they are left out (Adam goes on by its momentum),
    and the factor is halved. `steady` counts the batches since it was changed or one overflowed.
    """

    def __init__(self, model: Any, settings: Settings, machines: Machines) -> None:
        tf, keras = backend.tensorflow(), backend.keras()
        compute = objective.of(settings, machines.total)
        half = self._half = settings.precision == "mixed_float16"
        with machines.scope():
            optimizer = getattr(keras.optimizers, settings.optimizer)(settings.learning_rate)
            # Built now, so that a resumed training can fill its variables.
            optimizer.build(model.trainable_variables)
        self.optimizer = optimizer
        self.factor, self.steady = _FIRST_FACTOR if half else 1.0, 0

        def step(factor: Any, images: Any, targets: Any, weights: Any) -> Any:
            with tf.GradientTape() as tape:
                value = compute(targets, model(fed(model, images), training=True), weights)
                scaled = value * factor
            gradients = tape.gradient(scaled, model.trainable_variables)
            overflown = tf.constant(0.0)
            if half:
                gradients = [gradient / factor for gradient in gradients]
                fine = [tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients]
                # What one device finds holds for all.
                (overflown,) = machines.total(1 - tf.cast(tf.reduce_all(fine), tf.float32))
                gradients = [tf.where(overflown > 0, tf.zeros_like(g), g) for g in gradients]
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return tf.stack([value, overflown])

        self._step = machines.compiled(step)

    def __call__(self, batch: tuple[Any, Any, Any], rate: float) -> float:
        """Train on one batch (images, targets, weights) at this rate; return its loss."""
        self.optimizer.learning_rate.assign(rate)
        factor = backend.tensorflow().constant(self.factor, "float32")
        value, overflown = self._step(factor, batch).numpy()
        if self._half:
            self._adapt(bool(overflown))
        return float(value)

    def go_on(self, factor: float | None, steady: int) -> None:
        """Take factor and count of a stopped training; older states have none (None)."""
        if self._half and factor is not None:
            self.factor, self.steady = factor, steady

    def _adapt(self, overflown: bool) -> None:
        self.steady = 0 if overflown else self.steady + 1
        if overflown:
            self.factor = max(self.factor / 2, 1.0)
        elif self.steady == _STEADY:
            self.factor, self.steady = self.factor * 2, 0


@contextmanager
def precision(name: Precision) -> Iterator[None]:
    """Let networks that are built meanwhile compute in this precision."""
    config = backend.keras().config
    before = config.dtype_policy()
    config.set_dtype_policy(name)
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def warn_of(name: Precision) -> None:
    """Warn where half precision does not make a training quicker."""
    if name == "float32":
        return
    gpus = backend.gpus()
    if not gpus:
        where = "without a GPU"
    elif slow := [gpu.name for gpu in gpus if name not in gpu.halves]:
        where = f"on {slow[0]}"
    else:
        return
    warn(f"precision {name} is slower than float32 {where}, by far on a processor")
