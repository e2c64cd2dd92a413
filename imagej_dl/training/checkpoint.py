"""Checkpoints: a stopped or killed training continues from its last epoch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.filesystem import containment, npz
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.models.config import UNFINISHED
from imagej_dl.training.events import EpochEvent

FOLDER = UNFINISHED
"""The folder in MODEL that holds the checkpoint until the training is finished."""

WEIGHTS_FOLDER = "checkpoints"
"""The folder in MODEL of the weights that `Checkpoints` keeps."""

_LAST = "last.npz"
_KINDS = {
    "settings": dict,
    "split": dict,
    "fingerprint": str,
    "epoch": int,
    "step": int,
    "rows": list,
}
_REMEDY = "Train again (--overwrite)."

COLUMNS = (
    "epoch",
    "seconds",
    "learning_rate",
    "loss",
    "val_loss",
    "val_jaccard",
    "val_dice",
    "val_accuracy",
)
"""Columns of log.csv; seconds exclude the time between stop and resume."""


FINISHED, TIME, PATIENCE = "all epochs", "time limit", "patience"
CANCELLED, ENOUGH = "cancelled", "enough"
RESUMABLE = (TIME, CANCELLED, ENOUGH)
"""Ends from which --resume can continue."""


@dataclass
class State:
    """The progress of a training.

    Attributes
    ----------
    settings, split, fingerprint : of the training, of its examples, and of their pixels.
    epoch, step : completed epochs and batches.
    seconds : spent, without the time between stop and resume.
    ready : seconds until the first batch was done, including reading.
    best_epoch : the last epoch whose validation loss was near the lowest so far, `best_loss`.
    rows : of log.csv.
    start : the :class:`imagej_dl.training.fine_tuning.Start` of the model to start from, if any.
    factor, steady : of :class:`imagej_dl.training.precision.LossScale`.
    """

    settings: dict[str, Any]
    split: dict[str, Any]
    fingerprint: str
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    ready: float = 0.0
    best_epoch: int = 0
    best_loss: float = float("inf")
    rows: list[dict[str, float]] = field(default_factory=list)
    start: dict[str, Any] | None = None
    factor: float | None = None
    steady: int = 0

    def is_out_of_patience(self, patience: int) -> bool:
        """Return whether `patience` epochs have passed since the best."""
        return self.epoch - self.best_epoch >= patience


def save(folder: Path, state: State, model: Any, optimizer: Any, best: bool) -> None:
    """Write state, weights and optimizer atomically; with `best` also the weights on their own."""
    containment.check(folder, folder=True)
    folder.mkdir(parents=True, exist_ok=True)
    if best:
        _write(folder / "best.npz", {f"w{i}": w for i, w in enumerate(model.get_weights())})
    arrays = {f"w{i}": w for i, w in enumerate(model.get_weights())}
    arrays |= {f"o{i}": np.asarray(v) for i, v in enumerate(optimizer.variables)}
    arrays |= {f"s{i}": np.asarray(v) for i, v in enumerate(_random(model))}
    # In one file, so that weights and state always belong together.
    text = json.dumps(asdict(state))
    _write(folder / _LAST, arrays | {"state": np.frombuffer(text.encode(), np.uint8)})


def exists(folder: Path) -> bool:
    """Return whether there is a checkpoint, i.e. whether an epoch was completed."""
    return (folder / _LAST).is_file()


def read(folder: Path) -> State:
    """Read the state; raise UserError for a missing or damaged checkpoint."""
    return parse(load(folder))


def load(folder: Path) -> dict[str, np.ndarray]:
    """Read state, weights and optimizer as :func:`save` wrote them; errors as in :func:`read`."""
    if not exists(folder):
        raise UserError(
            "there is no stopped training to continue",
            path=folder.parent,
            remedy="Leave --resume out.",
        )
    return _read(folder / _LAST)


def parse(arrays: dict[str, np.ndarray]) -> State:
    """Return the state in a checkpoint's arrays; raise UserError when it is damaged."""
    try:
        state = State(**json.loads(bytes(arrays["state"])))
        for field_, kind in _KINDS.items():
            if not isinstance(getattr(state, field_), kind):
                raise TypeError(f"{field_} is not of type {kind.__name__}")
        return state
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"it holds no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"the state of the training is damaged ({reason})", remedy=_REMEDY
        ) from error


def load_best(folder: Path) -> dict[str, np.ndarray]:
    """Read the best weights."""
    return _read(folder / "best.npz")


def restore(arrays: dict[str, np.ndarray], model: Any, optimizer: Any, folder: Path) -> None:
    """Restore model and built optimizer from the arrays of the checkpoint in `folder`.

    Checkpoints of earlier versions have no random state of dropout layers.
    """
    set_weights(model, arrays, folder)
    try:
        for i, variable in enumerate(optimizer.variables):
            variable.assign(arrays[f"o{i}"])
        for i, variable in enumerate(_random(model)):
            if f"s{i}" in arrays:
                variable.assign(arrays[f"s{i}"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"does not fit this network ({error})", path=folder, remedy=_REMEDY
        ) from error


def _random(model: Any) -> list[Any]:
    """Return the variables of a model beside its weights: the random state of dropout layers."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def set_weights(model: Any, arrays: dict[str, np.ndarray], path: Path) -> None:
    """Set the model's weights from the arrays of `path`."""
    try:
        model.set_weights([arrays[f"w{i}"] for i in range(len(model.weights))])
    except (KeyError, ValueError) as error:
        raise UserError(f"does not fit this network ({error})", path=path) from error


def _read(path: Path) -> dict[str, np.ndarray]:
    return npz.read(path, _REMEDY)


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


class Checkpoints:
    """Keep weights in OUT/checkpoints; pass it to `training.train(watch=...)`.

    Parameters
    ----------
    out : the model's folder.
    every : batches; the weights are saved at the end of the epoch in which a multiple is reached,
        as EPOCH.weights.h5 with five digits, and those of the last epoch as last.weights.h5.
    steps : batches of an epoch.
    """

    def __init__(self, out: Path, every: int, steps: int) -> None:
        self.folder, self.every, self.steps = out / WEIGHTS_FOLDER, every, steps

    def __call__(self, epoch: EpochEvent) -> None:
        """Save the weights if a multiple of `every` batches has been reached."""
        if epoch.bundle is None:
            return
        before, now = (e * self.steps // self.every for e in (epoch.epoch - 1, epoch.epoch))
        names = ["last"] + ([f"{epoch.epoch:05}"] if now > before else [])
        for name in names:
            with atomic(self.folder / f"{name}.weights.h5") as part:
                epoch.bundle.model.save_weights(part)
