"""Run by the Python that has Cellpose 3; see serve.py for how it is asked."""

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


def path_of(name: str) -> str:
    return weights.path_of(name, models.MODEL_DIR, "Cellpose", "torch_0")


def load(name: str, gpu: bool) -> Any:
    """Open a model, once. Weights are tensors; anything else in the file is refused."""
    path = path_of(name)
    if (path, gpu) not in _models:
        check_weights(path)
        use = gpu and core.use_gpu()
        _models[path, gpu] = models.CellposeModel(gpu=use, pretrained_model=path)
    return _models[path, gpu]


def check_weights(path: str) -> None:
    """Refuse a file that does not hold tensors alone, since Cellpose would unpickle it."""
    state = weights.tensors_of(path)
    if not isinstance(state, dict) or "diam_mean" not in state:
        raise Refused(f"{path} is no model of Cellpose")
    if "W2" in state or not any(key.startswith("downsample") for key in state):
        raise Refused(f"{path} is no model of Cellpose 3", "Try the engine cellpose-sam.")


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values["model"], values["settings"]["gpu"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    settings = dict(values["settings"])
    model = load(values["model"], settings.pop("gpu"))
    image = arrays["image"]
    axis = weights.axis_of(image, "Cellpose")
    settings["channels"] = list(settings["channels"])
    masks = model.eval(image, channel_axis=axis, **settings)[0]
    return {"labels": np.asarray(masks).reshape(image.shape[:2])}


def fit(arrays: Arrays, values: Values, tell: Teller) -> tuple[Arrays, Values]:
    settings = dict(values["settings"])
    use = settings.pop("gpu") and core.use_gpu()
    mean = settings.pop("diam_mean")
    if values["start"]:
        path = path_of(values["start"])
        check_weights(path)
        model = models.CellposeModel(gpu=use, pretrained_model=path)
    else:
        model = models.CellposeModel(gpu=use, pretrained_model=False, diam_mean=mean)
    images, labels = examples(arrays, values)
    held, truth = examples(arrays, values, "validation_")
    least, several = settings["min_train_masks"], images[0].ndim == 3
    if not any(len(np.unique(one)) > least for one in labels):
        raise Refused(
            f"no image has {least} objects or more", 'Set {"min_train_masks": 1} to train anyway.'
        )
    handler = Epochs(settings["n_epochs"], tell)
    train.train_logger.addHandler(handler)
    train.train_logger.setLevel(logging.INFO)
    settings["channels"] = list(settings["channels"])
    filename, losses, _ = train.train_seg(
        model.net,
        train_data=images,
        train_labels=labels,
        test_data=held,
        test_labels=truth,
        channel_axis=2 if several else None,
        normalize=True,
        save_path=values["out"],
        model_name="model",
        **settings,
    )
    name = "cellpose_model"
    shutil.move(filename, os.path.join(values["out"], name))
    os.rmdir(os.path.join(values["out"], "models"))
    return {}, {"model": name, "training loss": float(losses[-1])}


class Epochs(logging.Handler):
    """Tell the epochs that Cellpose logs: the sixth, and each tenth."""

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
