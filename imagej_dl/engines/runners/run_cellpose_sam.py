"""Run by the Python that has Cellpose 4; see serve.py for how it is asked."""

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


def load(name: str, gpu: bool, exact: bool = False) -> Any:
    """Open a model, once; a file that holds more than tensors is refused."""
    path = weights.path_of(name, models.MODEL_DIR, "Cellpose")
    if (path, gpu, exact) not in _models:
        state = checkpoints.opened(path, mmap=True)
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
    answer = cellpose_training.fit(model, settings, arrays, values, tell)
    _models.clear()  # the one that was started from is no longer as its file says
    return answer


if __name__ == "__main__":
    main(lambda: version("cellpose"), load=opened, segment=segment, train=fit)
