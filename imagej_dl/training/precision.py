"""The precision that a training computes in, and the scale of the loss in float16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagej_dl.errors import warn
from imagej_dl.models import backend
from imagej_dl.training.settings import Precision

_INITIAL_SCALE, _GROWTH_STEPS = 2.0**15, 2000
"""As in Keras' LossScaleOptimizer: the initial scale, and the batches without an overflow until it
is doubled."""


class LossScale:
    """Dynamic scale of the loss, without which small gradients would be 0 in float16.

    Gradients that overflow are replaced by zeros on all devices (the optimizer goes on by its
    momentum), and the scale is halved. Keras' own LossScaleOptimizer looks at each device's
    gradients alone: where only one overflows, the devices would wait for each other for ever.

    Attributes
    ----------
    factor : by which the loss is multiplied, and the gradients are divided again.
    steady : batches since the scale was changed or a gradient overflowed.
    """

    def __init__(self, precision: Precision) -> None:
        self.enabled = precision == "mixed_float16"
        self.factor = _INITIAL_SCALE if self.enabled else 1.0
        self.steady = 0

    def update(self, overflowed: bool) -> None:
        """Adapt the scale after a batch."""
        if not self.enabled:
            return
        self.steady = 0 if overflowed else self.steady + 1
        if overflowed:
            self.factor = max(self.factor / 2, 1.0)
        elif self.steady == _GROWTH_STEPS:
            self.factor, self.steady = self.factor * 2, 0

    def restore(self, factor: float | None, steady: int) -> None:
        """Continue a stopped training; checkpoints of earlier versions have no factor (None)."""
        if self.enabled and factor is not None:
            self.factor, self.steady = factor, steady


@contextmanager
def precision(name: Precision) -> Iterator[None]:
    """Build networks in this precision within the context."""
    config = backend.keras().config
    before = config.dtype_policy()
    config.set_dtype_policy(name)
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def warn_if_slow(name: Precision) -> None:
    """Warn where half precision does not make a training faster."""
    if name == "float32":
        return
    gpus = backend.gpus()
    if not gpus:
        where = "without a GPU"
    elif slow := [gpu.name for gpu in gpus if name not in gpu.halves]:
        where = f"on {slow[0]}"
    else:
        return
    warn(f"precision {name} is slower than float32 {where}, and much slower on a CPU")
