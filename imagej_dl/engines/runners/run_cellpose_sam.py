"""Run by the Python that has Cellpose 4; see serve.py for how it is asked."""

from __future__ import annotations

import logging
import os
import shutil
from importlib.metadata import version
from typing import Any

import numpy as np
import weights
from cellpose import core, models, train
from serve import Arrays, Refused, Teller, Values, examples, main

_models: dict[Any, Any] = {}


def load(name: str, gpu: bool, exact: bool = False) -> Any:
    """Open a model, once; a file that holds more than tensors is refused."""
    path = weights.path_of(name, models.MODEL_DIR, "Cellpose")
    if (path, gpu, exact) not in _models:
        state = weights.tensors_of(path, mmap=True)
        if not isinstance(state, dict) or "W2" not in state:
            raise Refused(f"{path} is no model of Cellpose 4", "Try the engine cellpose.")
        del state
        use = gpu and core.use_gpu()
        # On a CPU half precision is slower, and less exact.
        _models[path, gpu, exact] = models.CellposeModel(
            gpu=use, pretrained_model=path, use_bfloat16=use and not exact
        )
    return _models[path, gpu, exact]


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values["model"], values["settings"]["gpu"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    settings = dict(values["settings"])
    model = load(values["model"], settings.pop("gpu"))
    image = arrays["image"]
    axis = weights.axis_of(image, "Cellpose")
    masks = model.eval(image, channel_axis=axis, **settings)[0]
    return {"labels": np.asarray(masks).reshape(image.shape[:2])}


def fit(arrays: Arrays, values: Values, tell: Teller) -> tuple[Arrays, Values]:
    settings = dict(values["settings"])
    if not values["start"]:
        raise Refused(
            "Cellpose 4 is not trained from scratch", "Name a model to start from, such as cpsam."
        )
    model = load(values["start"], settings.pop("gpu"), exact=True)
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
    _models.clear()  # the one that was started from is no longer as its file says
    name = "cellpose_model"
    shutil.move(filename, os.path.join(values["out"], name))
    os.rmdir(os.path.join(values["out"], "models"))
    return {}, {"model": name, "training loss": float(losses[-1])}


class Epochs(logging.Handler):
    """Tell the epochs that Cellpose logs."""

    def __init__(self, epochs: int, tell: Teller) -> None:
        super().__init__()
        self.epochs, self.tell = epochs, tell

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        number = text.split(",")[0]
        if number.isdigit():
            self.tell.progress("train", int(number), self.epochs)
            self.tell.note(text)


if __name__ == "__main__":
    main(lambda: version("cellpose"), load=opened, segment=segment, train=fit)
