"""A training by Cellpose, version 3 or 4."""

from __future__ import annotations

import logging
import os
import shutil
from typing import Any

import numpy as np
from cellpose import train
from serve import Arrays, Refused, Teller, Values, examples

_NAME = "cellpose_model"


def fit(
    model: Any, settings: Values, arrays: Arrays, values: Values, tell: Teller
) -> tuple[Arrays, Values]:
    """Train a model; `settings` are those of `train_seg`. Return its file and its last loss."""
    images, labels = examples(arrays, values)
    held, truth = examples(arrays, values, "validation_")
    least = settings["min_train_masks"]
    if not any(len(np.unique(one)) > least for one in labels):
        raise Refused(
            f"no image has {least} objects or more", 'Set {"min_train_masks": 1} to train anyway.'
        )
    train.train_logger.addHandler(Epochs(settings["n_epochs"], tell))
    train.train_logger.setLevel(logging.INFO)
    filename, losses, _ = train.train_seg(
        model.net,
        train_data=images,
        train_labels=labels,
        test_data=held,
        test_labels=truth,
        channel_axis=2 if images[0].ndim == 3 else None,
        save_path=values["out"],
        model_name="model",
        **settings,
    )
    shutil.move(filename, os.path.join(values["out"], _NAME))
    os.rmdir(os.path.join(values["out"], "models"))
    return {}, {"model": _NAME, "training loss": float(losses[-1])}


class Epochs(logging.Handler):
    """Tell the epochs that Cellpose logs: the sixth, and each tenth in version 3."""

    def __init__(self, epochs: int, tell: Teller) -> None:
        super().__init__()
        self.epochs, self.tell = epochs, tell

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        number = text.split(",")[0]
        if number.isdigit():
            self.tell.progress("train", int(number), self.epochs)
            self.tell.note(text)
