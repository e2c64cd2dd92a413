"""The training loop: batches, epochs, validation, and the state after each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.errors import Cancelled, Enough, UserError
from imagej_dl.filesystem import containment
from imagej_dl.models import ModelBundle, ModelConfig, backend
from imagej_dl.progress import Progress
from imagej_dl.training import checkpoint as states
from imagej_dl.training.checkpoint import CANCELLED, ENOUGH, FINISHED, PATIENCE, TIME, State
from imagej_dl.training.distributed.messages import Content
from imagej_dl.training.distributed.stopping import Wishes
from imagej_dl.training.distributed.strategy import Machines
from imagej_dl.training.events import MARGIN, Epoch, Watch, ignore, told
from imagej_dl.training.objective import Validator
from imagej_dl.training.patches import Patches, stream
from imagej_dl.training.schedule import Clock, learning_rate, plateau
from imagej_dl.training.settings import Settings
from imagej_dl.training.step import Step

_BRIGHTEST = 100.0
"""Normalised: above it, a pixel may be why a training diverges."""
_SHOWN_EVERY = 5
"""Epochs between two sets of pictures in TensorBoard, which are large."""


@dataclass
class Loop:
    """All that a training needs; `folder` keeps its state, the time limit counts from `began`.

    `config` is the model's as `watch` sees it. run() returns why it ended: FINISHED, TIME,
    PATIENCE, CANCELLED or ENOUGH. Of several machines all run it, and all with the same result;
    only the first validates, keeps the state and tells `watch`. `ours` says whether the folder is
    still this run's.
    """

    model: Any
    step: Step
    patches: Patches
    validator: Validator
    settings: Settings
    state: State
    folder: Path
    progress: Progress
    config: ModelConfig
    machines: Machines
    watch: Watch = ignore
    tensorboard: Path | None = None
    began: float = field(default_factory=time.monotonic)
    ours: Callable[[], bool] = lambda: True

    def __post_init__(self) -> None:
        self._wishes = Wishes(self.machines)

    def run(self) -> str:
        """Train until an end, keeping the state after each epoch.

        Ctrl-C, Cancelled and Enough end it with what the last whole epoch left; before the first
        epoch is whole they are raised again, since there is nothing to keep.
        """
        settings, state = self.settings, self.state
        before = state.seconds + time.monotonic() - self.began
        clock = Clock(settings.total_steps, self._limit, before)
        try:
            with self._wishes.listening():
                if self.machines.chief:
                    for epoch in self._told():
                        self._wishes.ask(partial(self.watch, epoch))
                return self._epochs(clock)
        except (Cancelled, KeyboardInterrupt) as stop:
            if not (states.kept(self.folder) if self.machines.chief else state.epoch):
                raise
            if self.machines.chief:
                # It may have come in the middle of an epoch's end: what is on disk is whole.
                self.state = states.read(self.folder)
            return ENOUGH if isinstance(stop, Enough) else CANCELLED

    def _told(self, bundle: ModelBundle | None = None) -> Iterator[Epoch]:
        state, epochs = self.state, self.settings.epochs
        return told(state.rows, epochs, self._limit, ready=state.ready, bundle=bundle)

    @property
    def _limit(self) -> float | None:
        minutes = self.settings.minutes
        return None if minutes is None else minutes * 60

    def _epochs(self, clock: Clock) -> str:
        settings, state = self.settings, self.state
        fraction = self._wishes.agreed(clock.fraction(state.step))
        # Reading may have used up the time limit: one batch makes a model, however poor.
        if state.epoch and fraction >= 1:
            return FINISHED if state.step >= settings.total_steps else TIME
        if self._patient_no_more():  # it was stopped after that, while choosing
            return PATIENCE
        losses: list[float] = []
        writer = self._writer()
        first = True  # it is long in coming: the network is made ready with it
        self._wishes.ask(partial(self.progress, "first batch", 0, 1))
        batches = stream(self.patches, state.step, settings.total_steps)
        for batch in batches:
            if not first:
                self._wishes.ask(partial(self.progress, "training", int(fraction * 1000), 1000))
            rate = self._rate(fraction)
            losses.append(self.step(batch, rate))
            if not math.isfinite(losses[-1]):
                raise self._diverged()
            if first:
                first = False
                self._wishes.ask(partial(self.progress, "first batch", 1, 1))
            state.step += 1
            every = settings.log_every
            if writer is not None and every and state.step % every == 0:
                with writer.as_default(step=state.step):
                    backend.tensorflow().summary.scalar("batch_loss", losses[-1])
            if state.step == 1:
                state.ready = clock.seconds
            fraction = self._wishes.agreed(clock.fraction(state.step))
            over = fraction >= 1
            if over or len(losses) == settings.steps:
                self._end_of_epoch(sum(losses) / len(losses), rate, clock, writer)
                losses = []
                if over:
                    break
                if self._patient_no_more():
                    return PATIENCE
                # Validation took its time, and its listener may have had a wish.
                fraction = self._wishes.agreed(clock.fraction(state.step))
        self.progress("training", 1000, 1000)
        return FINISHED if state.step >= settings.total_steps else TIME

    def _diverged(self) -> UserError:
        problem = f"the loss is no number any more after {self.state.step} batches"
        brightest = max(self.patches.examples, key=lambda e: float(np.abs(e.image).max()))
        values = np.abs(brightest.image)
        if values.max() <= _BRIGHTEST:
            return UserError(problem, remedy="Choose a smaller --learning-rate.")
        y, x, _ = np.unravel_index(int(values.argmax()), values.shape)
        return UserError(
            f"{problem}: {brightest.name} has a pixel, at x={x}, y={y}, that is "
            f"{values.max():.3g} times as bright as what is bright beside it",
            remedy="Take it out (in ImageJ, Process > Noise > Remove Outliers...), or choose a "
            "smaller --learning-rate.",
        )

    def _patient_no_more(self) -> bool:
        return self.state.epoch - self.state.best_epoch >= self.settings.patience

    def _rate(self, fraction: float) -> float:
        settings = self.settings
        if settings.schedule == "cycle":
            return learning_rate(fraction, settings.learning_rate)
        losses = [row["val_loss"] for row in self.state.rows]
        return plateau(losses, settings.learning_rate, settings.plateau)

    def _end_of_epoch(self, mean: float, rate: float, clock: Clock, writer: Any) -> None:
        state = self.state
        found = {name: float(v) for name, v in self.machines.shared(self._validated).items()}
        state.epoch += 1
        state.best_loss = min(state.best_loss, found["loss"])
        best = found["loss"] <= state.best_loss * (1 + MARGIN)
        if best:
            state.best_epoch = state.epoch
        state.seconds = clock.seconds
        state.factor, state.steady = self.step.factor, self.step.steady
        validation = {f"val_{name}": value for name, value in found.items()}
        row = {"epoch": state.epoch, "seconds": round(state.seconds, 2), "learning_rate": rate}
        state.rows.append({**row, "loss": mean, **validation})
        self.machines.shared(partial(self._keep, best, writer))

    def _validated(self) -> Content:
        return {name: np.array(v) for name, v in self.validator(self.model).items()}

    def _keep(self, best: bool, writer: Any) -> Content:
        """Keep the state, and tell the listeners; the first machine does it for all."""
        state = self.state
        if not self.ours():
            raise UserError(
                "another imagej-dl has taken this one for dead, and writes into its folder",
                path=self.folder.parent,
                remedy="Train into another folder.",
            )
        states.save(self.folder, state, self.model, self.step.optimizer, best)
        if writer is not None:
            tf = backend.tensorflow()
            with writer.as_default(step=state.epoch):
                for name, value in state.rows[-1].items():
                    if name != "epoch":
                        tf.summary.scalar(name, value)
                self._pictures(tf)
            writer.flush()
        *_, epoch = self._told(ModelBundle(self.model, self.config))
        self._wishes.ask(partial(self.watch, epoch))
        return {}

    def _pictures(self, tf: Any) -> None:
        """Show three validation patches, and what the network says of them beside them."""
        if self.validator.seen is None or (self.state.epoch - 1) % _SHOWN_EVERY:
            return
        images, found = self.validator.seen
        last = images[:3, ..., -self.config.channels :].mean(-1, keepdims=True)
        tf.summary.image("input", np.clip(last, 0, 1), max_outputs=3)
        for name, picture in self.settings.method.pictures(found[:3]).items():
            tf.summary.image(name, picture, max_outputs=3)

    def _writer(self) -> Any:
        if self.tensorboard is None:
            return None
        containment.check(self.tensorboard, folder=True)
        return backend.tensorflow().summary.create_file_writer(str(self.tensorboard))
