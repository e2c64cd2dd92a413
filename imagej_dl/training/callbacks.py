"""The Keras callbacks of a training, in the order in which they run.

===================  =============================================================================
StopOnDivergence     raises an error when the loss is not finite
ReportProgress       tells `progress`, which may cancel, before each batch
LearningRate         fits the learning rate to the elapsed batches or time; ends at the time limit
ExchangeAverages     puts averages of the weights in their place, and at the end back
Validation           adds the validation scores to the epoch's logs
RecordEpoch          adds the epoch to the state, and notes which epoch is the best
SaveCheckpoint       writes the state, so that --resume goes on from here
TensorBoard          writes event files, if wanted (in training/tensorboard.py)
NotifyListener       tells `watch`
EarlyStopping        ends the training when the patience is over
===================  =============================================================================

Keras' own ModelCheckpoint, BackupAndRestore, EarlyStopping, LearningRateScheduler and TensorBoard
do not fit: a checkpoint here has weights, optimizer, random state and the log in one file, so that
a killed training ends with the very weights of an uninterrupted one; the learning rate depends on
time within an epoch; the best epoch is the last one within a margin. Importing this loads
TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.models import ModelBundle, ModelConfig, backend
from imagej_dl.progress import Progress
from imagej_dl.training import checkpoint
from imagej_dl.training.checkpoint import State
from imagej_dl.training.devices import StopRequests
from imagej_dl.training.events import MARGIN, Watch, epoch_events
from imagej_dl.training.objective import Validator
from imagej_dl.training.patches import Example
from imagej_dl.training.schedule import Clock, learning_rate, plateau
from imagej_dl.training.settings import Settings

keras = backend.keras()

Logs = dict[str, float] | None

_BRIGHTEST = 100.0
"""Normalised intensity above which a pixel may be why a training diverges."""


class LearningRate(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Set the learning rate before each batch; end the training when all batches or time are over.

    `fraction` is the elapsed share of the training, 0 to 1, that all machines agree on.
    """

    def __init__(
        self, settings: Settings, state: State, clock: Clock, stop_requests: StopRequests
    ) -> None:
        super().__init__()
        self._settings, self._state, self._clock = settings, state, clock
        self._stop_requests = stop_requests
        self.fraction = 0.0
        self._rate = settings.learning_rate

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        # Validation takes time, and the listener may have made a request.
        self._update()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        settings = self._settings
        if settings.schedule == "cycle":
            self._rate = learning_rate(self.fraction, settings.learning_rate)
        else:
            losses = [row["val_loss"] for row in self._state.rows]
            self._rate = plateau(losses, settings.learning_rate, settings.plateau)
        self.model.optimizer.learning_rate.assign(self._rate)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._state.step += 1
        if self._state.step == 1:
            self._state.ready = self._clock.seconds
        self._update()
        if self.fraction >= 1:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        assert logs is not None
        logs["learning_rate"] = self._rate

    def _update(self) -> None:
        self.fraction = self._stop_requests.agree(self._clock.fraction(self._state.step))


class ReportProgress(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Report the first batch, which takes long since TensorFlow compiles, then each further one."""

    def __init__(
        self, progress: Progress, stop_requests: StopRequests, schedule: LearningRate
    ) -> None:
        super().__init__()
        self._progress, self._stop_requests, self._schedule = progress, stop_requests, schedule
        self._compiled = False

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if self._compiled:
            self._report("training", int(self._schedule.fraction * 1000), 1000)
        else:
            self._report("first batch", 0, 1)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._compiled:
            self._compiled = True
            self._report("first batch", 1, 1)

    def _report(self, stage: str, done: int, total: int) -> None:
        self._stop_requests.notify(partial(self._progress, stage, done, total))


class StopOnDivergence(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Raise UserError when the loss is not finite; name a pixel that may be the reason."""

    def __init__(self, examples: Sequence[Example], state: State) -> None:
        super().__init__()
        self._examples, self._state = examples, state

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        assert logs is not None
        if math.isfinite(logs["loss"]):
            return
        problem = f"the loss is not a number after {self._state.step} batches"
        brightest = max(self._examples, key=lambda e: float(np.abs(e.image).max()))
        values = np.abs(brightest.image)
        if values.max() <= _BRIGHTEST:
            raise UserError(problem, remedy="Choose a smaller --learning-rate.")
        *_, y, x, _ = np.unravel_index(int(values.argmax()), values.shape)
        raise UserError(
            f"{problem}: {brightest.name} has a pixel, at x={x}, y={y}, that is "
            f"{values.max():.3g} times as bright as the other bright pixels",
            remedy="Remove it (in ImageJ, Process > Noise > Remove Outliers...), or choose a "
            "smaller --learning-rate.",
        )


class ExchangeAverages(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Exchange the weights with their averages, if these are kept.

    Once before what looks at the network after an epoch, and once after it.
    """

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.model.exchange_averages()


class Validation(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Add val_loss, val_jaccard, val_dice and val_accuracy to the epoch's logs."""

    def __init__(self, validator: Validator) -> None:
        super().__init__()
        self._validator = validator

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        assert logs is not None
        scores = self._validator(self.model.network)
        logs.update({f"val_{name}": value for name, value in scores.items()})


class RecordEpoch(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Add the epoch to the state: its row of log.csv, and whether it is the best so far."""

    def __init__(self, state: State, clock: Clock) -> None:
        super().__init__()
        self._state, self._clock = state, clock
        self._losses: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._losses = []

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        assert logs is not None
        self._losses.append(logs["loss"])

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        assert logs is not None
        state, scale = self._state, self.model.loss_scale
        state.epoch += 1
        state.best_loss = min(state.best_loss, logs["val_loss"])
        if logs["val_loss"] <= state.best_loss * (1 + MARGIN):
            state.best_epoch = state.epoch
        state.seconds = self._clock.seconds
        state.factor, state.steady = scale.factor, scale.steady
        row = {
            "epoch": state.epoch,
            "seconds": round(state.seconds, 2),
            "learning_rate": logs["learning_rate"],
            "loss": sum(self._losses) / len(self._losses),
        }
        validation = {name: value for name, value in logs.items() if name.startswith("val_")}
        state.rows.append(row | validation)


class SaveCheckpoint(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Write the state with weights and optimizer; weights of the best epoch are kept apart.

    `owns_folder` returns False once another run has taken over the folder.
    """

    def __init__(self, folder: Path, state: State, owns_folder: Callable[[], bool]) -> None:
        super().__init__()
        self._folder, self._state, self._owns_folder = folder, state, owns_folder

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if not self._owns_folder():
            raise UserError(
                "another imagej-dl has taken over the folder, since this one did not respond",
                path=self._folder.parent,
                remedy="Train in another folder.",
            )
        state = self._state
        best = state.best_epoch == state.epoch
        checkpoint.save(self._folder, state, self.model.network, self.model.optimizer, best)


class NotifyListener(keras.callbacks.Callback):  # type: ignore[name-defined]
    """Tell `watch` the epoch, once its checkpoint is on disk; before the first, those resumed."""

    def __init__(
        self,
        watch: Watch,
        epochs: int,
        clock: Clock,
        state: State,
        config: ModelConfig,
        stop_requests: StopRequests,
    ) -> None:
        super().__init__()
        self._watch, self._epochs, self._clock = watch, epochs, clock
        self._state, self._config, self._stop_requests = state, config, stop_requests
        self._bundle: ModelBundle | None = None

    def repeat(self) -> None:
        """Tell the epochs before a resume."""
        for event in self._events():
            self._stop_requests.notify(partial(self._watch, event))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self._bundle is None:  # made once, as prediction compiles it once
            self._bundle = ModelBundle.deployed(self.model.network, self._config)
        *_, event = self._events(self._bundle)
        self._stop_requests.notify(partial(self._watch, event))

    def _events(self, bundle: ModelBundle | None = None) -> Any:
        state, limit = self._state, self._clock.limit
        return epoch_events(state.rows, self._epochs, limit, ready=state.ready, bundle=bundle)


class EarlyStopping(keras.callbacks.Callback):  # type: ignore[name-defined]
    """End the training when `patience` epochs have passed since the best."""

    def __init__(self, patience: int, state: State) -> None:
        super().__init__()
        self._patience, self._state = patience, state

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self._state.is_out_of_patience(self._patience):
            self.model.stop_training = True
