"""Run by the Python that has Cellpose 4; see serve.py for how it is asked."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import cellpose_training
import checkpoints
import numpy as np
import weights
from cellpose import core, models, vit
from serve import Arrays, Refused, Teller, Values, main

_models: dict[Any, Any] = {}


def load(name: str, gpu: bool, half: bool | None) -> Any:
    """Open a model, once; a file that holds more than tensors, or not all of them, is refused.

    `half` is whether its numbers have 16 bits; None: on a GPU. On a CPU they are slower, and less
    exact.
    """
    path = weights.path_of(name, models.MODEL_DIR, "Cellpose")
    if (path, gpu, half) not in _models:
        state = checkpoints.opened(path, mmap=True)
        if not isinstance(state, dict) or "W2" not in state:
            raise Refused(f"{path} is no model of Cellpose 4", "Try the engine cellpose.")
        if "encoder.cls_token" in state and not hasattr(vit, "dinov3_vitl16"):
            raise Refused(
                f"{path} needs DINOv3, which is not beside Cellpose",
                "Install it as Cellpose says: pip install "
                "git+https://github.com/facebookresearch/dinov3.",
            )
        use = gpu and core.use_gpu()
        model = models.CellposeModel(
            gpu=use, pretrained_model=path, use_bfloat16=use if half is None else half
        )
        # Cellpose leaves to chance what a file does not have.
        wanted = [key for key in model.net.state_dict() if key.startswith(("encoder.", "out."))]
        absent = [key for key in wanted if key not in state]
        if absent:
            raise Refused(f"{path} is no whole model of Cellpose 4 (without {absent[0]})")
        _models[path, gpu, half] = model
    return _models[path, gpu, half]


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    settings = values["settings"]
    load(values["model"], settings["gpu"], settings["use_bfloat16"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    settings = dict(values["settings"])
    model = load(values["model"], settings.pop("gpu"), settings.pop("use_bfloat16"))
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
    model = load(values["start"], settings.pop("gpu"), half=False)
    answer = cellpose_training.fit(model, settings, arrays, values, tell)
    _models.clear()  # the one that was started from is no longer as its file says
    return answer


if __name__ == "__main__":
    main(lambda: version("cellpose"), load=opened, segment=segment, train=fit)
