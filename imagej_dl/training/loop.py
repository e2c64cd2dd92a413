"""The training loop: batches, epochs, validation, and the state after each epoch."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagej_dl.errors import Cancelled, UserError
from imagej_dl.models import backend
from imagej_dl.progress import Progress
from imagej_dl.training import state as states
from imagej_dl.training.dataset import Patches, stream
from imagej_dl.training.loss import Validator, loss
from imagej_dl.training.schedule import Clock, learning_rate
from imagej_dl.training.settings import Settings
from imagej_dl.training.state import State

MARGIN = 0.05
"""An epoch is kept when its validation loss is above the lowest by no more than this share.

A few validation images cannot tell epochs apart more finely, and of those that are alike the
later had the smaller learning rate: on real nuclei the last of a training found objects better
(average precision at IoU .5 of .79 against .76) than the one of the very lowest loss.
"""

FINISHED, TIME, PATIENCE, CANCELLED = "all epochs", "time limit", "patience", "cancelled"


class Step:
    """One batch: loss, gradients, update; compiled by TensorFlow at the first call."""

    def __init__(self, model: Any, settings: Settings) -> None:
        tf, keras = backend.tensorflow(), backend.keras()
        self.optimizer = keras.optimizers.Adam(settings.learning_rate)
        # Built now, so that a resumed training can fill its variables.
        self.optimizer.build(model.trainable_variables)
        compute = loss(settings.kind, settings.dice)

        # Not with XLA: on a CPU that was measured to take twice the time.
        @tf.function
        def step(images: Any, targets: Any, weights: Any) -> Any:
            with tf.GradientTape() as tape:
                value = compute(targets, model(images, training=True), weights)
            gradients = tape.gradient(value, model.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return value

        self._step = step

    def __call__(self, batch: tuple[Any, Any, Any], rate: float) -> float:
        """Train on one batch (images, targets, weights) at this rate; return its loss."""
        self.optimizer.learning_rate.assign(rate)
        return float(self._step(*batch))


@dataclass
class Loop:
    """All that a training needs; `folder` keeps its state, the time limit counts from `began`.

    run() returns why it ended: FINISHED, TIME, PATIENCE or CANCELLED.
    """

    model: Any
    step: Step
    patches: Patches
    validator: Validator
    settings: Settings
    state: State
    folder: Path
    progress: Progress
    tensorboard: Path | None = None
    began: float = field(default_factory=time.monotonic)

    def run(self) -> str:
        """Train until an end, keeping the state after each epoch.

        Ctrl-C and Cancelled end it with what the last whole epoch left; before the first
        epoch is whole they are raised again, since there is nothing to keep.
        """
        settings, state = self.settings, self.state
        limit = None if settings.minutes is None else settings.minutes * 60
        before = state.seconds + time.monotonic() - self.began
        clock = Clock(settings.total_steps, limit, before)
        try:
            return self._epochs(clock)
        except (Cancelled, KeyboardInterrupt):
            if not state.epoch:
                raise
            # It may have come in the middle of an epoch's end: what is on disk is whole.
            self.state = states.read(self.folder)
            return CANCELLED

    def _epochs(self, clock: Clock) -> str:
        settings, state = self.settings, self.state
        if clock.over(state.step):
            return FINISHED if state.step >= settings.total_steps else TIME
        losses: list[float] = []
        writer = self._writer()
        batches = stream(self.patches, state.step, settings.total_steps, settings.contact_weight)
        for batch in batches:
            fraction = clock.fraction(state.step)
            self.progress("training", int(fraction * 1000), 1000)
            rate = learning_rate(fraction, settings.learning_rate)
            losses.append(self.step(batch, rate))
            if not math.isfinite(losses[-1]):
                raise UserError(
                    f"the loss is no number any more after {state.step} batches",
                    remedy="Choose a smaller --learning-rate.",
                )
            state.step += 1
            over = clock.over(state.step)
            if over or len(losses) == settings.steps:
                self._end_of_epoch(sum(losses) / len(losses), rate, clock, writer)
                losses = []
                if over:
                    break
                if state.epoch - state.best_epoch >= settings.patience:
                    return PATIENCE
        self.progress("training", 1000, 1000)
        return FINISHED if state.step >= settings.total_steps else TIME

    def _end_of_epoch(self, mean: float, rate: float, clock: Clock, writer: Any) -> None:
        state = self.state
        found = self.validator(self.model)
        state.epoch += 1
        state.best_loss = min(state.best_loss, found["loss"])
        best = found["loss"] <= state.best_loss * (1 + MARGIN)
        if best:
            state.best_epoch = state.epoch
        state.seconds = clock.seconds
        validation = {f"val_{name}": value for name, value in found.items()}
        row = {"epoch": state.epoch, "seconds": round(state.seconds, 2), "learning_rate": rate}
        state.rows.append({**row, "loss": mean, **validation})
        states.save(self.folder, state, self.model, self.step.optimizer, best)
        if writer is not None:
            tf = backend.tensorflow()
            with writer.as_default(step=state.epoch):
                for name, value in state.rows[-1].items():
                    if name != "epoch":
                        tf.summary.scalar(name, value)
            writer.flush()

    def _writer(self) -> Any:
        if self.tensorboard is None:
            return None
        return backend.tensorflow().summary.create_file_writer(str(self.tensorboard))
