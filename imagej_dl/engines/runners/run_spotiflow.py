"""Run by the Python that has Spotiflow; see serve.py for how it is asked."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import version
from typing import Any

import lightning.pytorch as pl
import numpy as np
from serve import Arrays, Refused, Teller, Values, examples, main
from spotiflow.model import Spotiflow, SpotiflowModelConfig, SpotiflowTrainingConfig

_models: dict[Any, Any] = {}


def load(folder: str) -> Any:
    """Open a model's folder, once. Spotiflow opens weights without unpickling."""
    if folder not in _models:
        _models[folder] = Spotiflow.from_folder(folder)
    model = _models[folder]
    if model.config.is_3d:
        raise Refused("the model is for volumes, and planes are predicted here")
    return model


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values["model"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    settings = dict(values["settings"])
    points, _ = load(values["model"]).predict(arrays["image"], verbose=False, **settings)
    return {"points": np.asarray(points, float)[:, ::-1]}


def fit(arrays: Arrays, values: Values, tell: Teller) -> tuple[Arrays, Values]:
    settings = dict(values["settings"])
    if values["start"]:
        raise Refused("Spotiflow starts from a new model here", "Leave --start out.")
    config = {name: settings.pop(name) for name in ("sigma", "levels", "initial_fmaps")}
    model = Spotiflow(SpotiflowModelConfig(in_channels=1, **config))
    parts = []
    for part in ("", "validation_"):
        images, labels = examples(arrays, values, part)
        parts.append([image.astype(np.float32) for image in images])
        parts.append([centroids(truth) for truth in labels])
    if parts[0][0].ndim > 2:
        raise Refused("Spotiflow takes grey images")
    out = values["out"]
    epochs = Epochs(settings["num_epochs"], tell)
    model.fit(
        *parts,
        save_dir=out,
        train_config=SpotiflowTrainingConfig(optimize_threshold=True, **settings),
        logging_name="log",
        callbacks=[epochs],
        deterministic=False,
        default_root_dir=out,
    )
    shutil.rmtree(os.path.join(out, "spotiflow-log"), ignore_errors=True)
    return {}, {"model": "", "validation loss": epochs.best}


def centroids(labels: np.ndarray) -> np.ndarray:
    """Return the (N, 2) y, x of the objects of a label map."""
    ids = np.unique(labels[labels > 0])
    rows, columns = np.nonzero(labels > 0)
    where = np.searchsorted(ids, labels[rows, columns])
    number = np.bincount(where, minlength=len(ids))
    places = [
        np.bincount(where, axis, len(ids)) / np.maximum(number, 1) for axis in (rows, columns)
    ]
    return np.stack(places, 1).astype(np.float32)


class Epochs(pl.Callback):
    """Tell each epoch, and keep the least validation loss."""

    def __init__(self, epochs: int, tell: Teller) -> None:
        self.epochs, self.tell, self.best = epochs, tell, float("inf")

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        loss = trainer.callback_metrics.get("val_loss")
        if loss is None or trainer.sanity_checking:
            return
        self.best = min(self.best, float(loss))
        self.tell.progress("train", trainer.current_epoch + 1, self.epochs)
        self.tell.note(f"val_loss {float(loss):.4f}")


if __name__ == "__main__":
    main(lambda: version("spotiflow"), load=opened, segment=segment, train=fit)
