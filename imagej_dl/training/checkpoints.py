"""Weights kept on the way, for those who want more than the best."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.filesystem.atomic import atomic
from imagej_dl.training.events import Epoch

FOLDER = "checkpoints"


class Checkpoints:
    """A listener for `training.train(watch=...)` that keeps weights in OUT/checkpoints.

    Parameters
    ----------
    out : the model's folder.
    every : batches; the weights are kept at the end of the epoch in which a multiple is reached,
        as EPOCH.weights.h5 with five digits, and those of the last epoch as last.weights.h5.
    steps : batches of an epoch.
    """

    def __init__(self, out: Path, every: int, steps: int) -> None:
        self.folder, self.every, self.steps = out / FOLDER, every, steps

    def __call__(self, epoch: Epoch) -> None:
        """Keep the weights, when it is time."""
        if epoch.bundle is None:
            return
        before, now = (e * self.steps // self.every for e in (epoch.epoch - 1, epoch.epoch))
        names = ["last"] + ([f"{epoch.epoch:05}"] if now > before else [])
        for name in names:
            with atomic(self.folder / f"{name}.weights.h5") as part:
                epoch.bundle.model.save_weights(part)
