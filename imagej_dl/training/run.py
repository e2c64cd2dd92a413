"""One run of a training: `keras.Model.fit` with our callbacks, from its state to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagej_dl.denoising import NoiseCorrelation
from imagej_dl.errors import Cancelled, Enough
from imagej_dl.models import ModelConfig
from imagej_dl.progress import Progress
from imagej_dl.training import checkpoint
from imagej_dl.training.checkpoint import CANCELLED, ENOUGH, FINISHED, PATIENCE, TIME, State
from imagej_dl.training.devices import SingleDevice, StopRequests
from imagej_dl.training.events import Watch, ignore
from imagej_dl.training.objective import Validator
from imagej_dl.training.patches import Patches, stream
from imagej_dl.training.schedule import Clock
from imagej_dl.training.settings import Settings


@dataclass
class TrainingRun:
    """All that a training needs.

    Of several machines all run it with the same result; only the first validates, writes
    checkpoints and tells `watch`.

    Attributes
    ----------
    model : the network.
    trainer : the :class:`imagej_dl.training.trainer.Trainer` that fits it.
    patches, validator : what it is fitted to, and what scores it after each epoch.
    state : how far it is.
    folder : of the checkpoints.
    config : of the model, as `watch` gets it.
    noise : correlation of the noise in each channel, where images are learnt from themselves.
    tensorboard : the folder of the event files; None for none.
    began : when the time limit began to count, by time.monotonic().
    owns_folder : returns False once another run has taken over the folder.
    """

    model: Any
    trainer: Any
    patches: Patches
    validator: Validator
    settings: Settings
    state: State
    folder: Path
    progress: Progress
    config: ModelConfig
    devices: SingleDevice
    watch: Watch = ignore
    noise: list[NoiseCorrelation | None] = field(default_factory=list)
    tensorboard: Path | None = None
    began: float = field(default_factory=time.monotonic)
    owns_folder: Callable[[], bool] = lambda: True

    def run(self) -> str:
        """Train until an end; return why it ended: FINISHED, TIME, PATIENCE, CANCELLED, ENOUGH.

        Raises
        ------
        Cancelled, KeyboardInterrupt : when stopped before the first epoch was complete. Later
            both, and Enough, end the training with what the last complete epoch left.
        """
        stop_requests = self.devices.stop_requests()
        try:
            with stop_requests.listening():
                return self._fit(stop_requests)
        except (Cancelled, KeyboardInterrupt) as stop:
            if not (checkpoint.exists(self.folder) if self.devices.is_chief else self.state.epoch):
                raise
            if self.devices.is_chief:
                # It may have come while an epoch was recorded; what is on disk is complete.
                self.state = checkpoint.read(self.folder)
            return ENOUGH if isinstance(stop, Enough) else CANCELLED

    def _fit(self, stop_requests: StopRequests) -> str:
        from imagej_dl.training import callbacks

        settings, state = self.settings, self.state
        limit = None if settings.minutes is None else settings.minutes * 60
        clock = Clock(settings.total_steps, limit, state.seconds + time.monotonic() - self.began)
        listener = callbacks.NotifyListener(
            self.watch, settings.epochs, clock, state, self.config, stop_requests
        )
        if self.devices.is_chief:
            listener.repeat()
        # Reading may have used up the time limit: one batch makes a model, however poor.
        if state.epoch and stop_requests.agree(clock.fraction(state.step)) >= 1:
            return self._finished_or_time()
        if state.is_out_of_patience(settings.patience):  # it was stopped later, while finalizing
            return PATIENCE
        schedule = callbacks.LearningRate(settings, state, clock, stop_requests)
        remaining_epochs = -(-(settings.total_steps - state.step) // settings.steps)
        self.trainer.fit(
            stream(self.patches, state.step, settings.total_steps),
            steps_per_epoch=settings.steps,
            initial_epoch=state.epoch,
            epochs=state.epoch + remaining_epochs,
            shuffle=False,
            verbose=0,
            callbacks=self._callbacks(clock, stop_requests, schedule, listener),
        )
        if schedule.fraction < 1 and state.is_out_of_patience(settings.patience):
            return PATIENCE
        self.progress("training", 1000, 1000)
        return self._finished_or_time()

    def _finished_or_time(self) -> str:
        return FINISHED if self.state.step >= self.settings.total_steps else TIME

    def _callbacks(
        self, clock: Clock, stop_requests: StopRequests, schedule: Any, listener: Any
    ) -> list[Any]:
        from imagej_dl.training import callbacks

        state, devices = self.state, self.devices
        after_epoch: list[Any] = [callbacks.SaveCheckpoint(self.folder, state, self.owns_folder)]
        if self.tensorboard is not None:
            from imagej_dl.training.tensorboard import TensorBoard

            channels, log_every = self.config.channels, self.settings.log_every
            after_epoch.append(
                TensorBoard(self.tensorboard, state, self.validator, channels, log_every)
            )
        after_epoch.append(listener)
        return [
            callbacks.StopOnDivergence(self.patches.examples, state),
            callbacks.ReportProgress(self.progress, stop_requests, schedule),
            schedule,
            callbacks.ExchangeAverages(),
            *devices.chief_only([callbacks.Validation(self.validator)]),
            callbacks.RecordEpoch(state, clock),
            *devices.chief_only(after_epoch),
            callbacks.EarlyStopping(self.settings.patience, state),
            callbacks.ExchangeAverages(),
        ]
