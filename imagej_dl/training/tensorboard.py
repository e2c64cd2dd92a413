"""The Keras callback that writes TensorBoard's event files. Importing this loads TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imagej_dl.filesystem import containment
from imagej_dl.models import backend
from imagej_dl.training.callbacks import Logs
from imagej_dl.training.checkpoint import State
from imagej_dl.training.objective import Validator

keras = backend.keras()

_PICTURES_EVERY = 5
"""Epochs between two sets of images in TensorBoard, which are large."""


class TensorBoard(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Write the loss of some batches, the epoch's row, and now and then validation patches."""

    def __init__(
        self, folder: Path, state: State, validator: Validator, channels: int, log_every: int | None
    ) -> None:
        super().__init__()
        containment.check(folder, folder=True)
        self._writer = backend.tensorflow().summary.create_file_writer(str(folder))
        self._state, self._validator = state, validator
        self._channels, self._log_every = channels, log_every

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        assert logs is not None
        step = self._state.step
        if self._log_every and step % self._log_every == 0:
            with self._writer.as_default(step=step):
                backend.tensorflow().summary.scalar("batch_loss", logs["loss"])

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        with self._writer.as_default(step=self._state.epoch):
            for name, value in self._state.rows[-1].items():
                if name != "epoch":
                    backend.tensorflow().summary.scalar(name, value)
            self._write_pictures()
        self._writer.flush()

    def _write_pictures(self) -> None:
        """Write three validation patches, and what the method shows of the output for them."""
        if self._validator.seen is None or (self._state.epoch - 1) % _PICTURES_EVERY:
            return
        images, outputs = self._validator.seen
        last_frame = images[:3, ..., -self._channels :].mean(-1, keepdims=True)
        summary = backend.tensorflow().summary
        summary.image("input", np.clip(last_frame, 0, 1), max_outputs=3)
        method = self._validator.method
        if method.takes_volumes:  # that of the last slice, as the input
            outputs = outputs[..., -len(method.channels) :]
        for name, picture in method.pictures(outputs[:3]).items():
            summary.image(name, picture, max_outputs=3)
