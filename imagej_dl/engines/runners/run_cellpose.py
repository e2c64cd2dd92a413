"""Run by the Python that has Cellpose 3; see serve.py for how it is asked."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import cellpose_training
import checkpoints
import numpy as np
import weights
from cellpose import core, models
from serve import Arrays, Refused, Teller, Values, main

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
    state = checkpoints.opened(path)
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
    settings |= {"channels": list(settings["channels"]), "normalize": True}
    return cellpose_training.fit(model, settings, arrays, values, tell)


if __name__ == "__main__":
    main(lambda: version("cellpose"), load=opened, segment=segment, train=fit)
