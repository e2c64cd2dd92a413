"""Keras callbacks that run on one of several machines. Importing this loads TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imagej_dl.models import backend
from imagej_dl.training.devices import Arrays, SingleDevice

keras = backend.keras()


class ChiefOnly(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Run callbacks on the first machine; what they add to an epoch's logs is sent to all.

    At an epoch's end an error of one of them is raised on all machines, so none waits for ever.
    After a batch they must not raise: the other machines do not wait for them.
    """

    def __init__(self, strategy: SingleDevice, callbacks: Sequence[Any]) -> None:
        super().__init__()
        self._strategy = strategy
        self._callbacks = callbacks if strategy.is_chief else []

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for callback in self._callbacks:
            callback.set_model(model)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        for callback in self._callbacks:
            callback.on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        own = {} if logs is None else logs

        def run() -> Arrays:
            for callback in self._callbacks:
                callback.on_epoch_end(epoch, own)
            return {name: np.array(value) for name, value in own.items()}

        received = self._strategy.on_chief(run)
        own.update({name: float(value) for name, value in received.items()})
