"""Run by the Python that has Omnipose; see serve.py for how it is asked."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import checkpoints
import numpy as np
import weights
from cellpose_omni import core, models
from serve import Arrays, Refused, Teller, Values, main

_models: dict[Any, Any] = {}


def load(name: str, gpu: bool, nchan: int, nclasses: int) -> Any:
    """Open a model, once; a file that holds more than tensors is refused."""
    path = weights.path_of(name, models.MODEL_DIR, "Omnipose", "torch_0")
    key = path, gpu, nchan, nclasses
    if key not in _models:
        checkpoints.opened(path)
        _models[key] = models.CellposeModel(
            gpu=gpu and core.use_gpu(),
            pretrained_model=path,
            omni=True,
            net_avg=False,
            nchan=nchan,
            nclasses=nclasses,
        )
    return _models[key]


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    settings = values["settings"]
    network = [settings[name] for name in ("gpu", "nchan", "nclasses")]
    load(values["model"], *network)
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    settings = dict(values["settings"])
    network = [settings.pop(name) for name in ("gpu", "nchan", "nclasses")]
    model = load(values["model"], *network)
    image = arrays["image"]
    axis = weights.axis_of(image, "Omnipose")
    # A network of one channel is given the plane as it is.
    channels = list(settings.pop("channels")) if network[1] == 2 else None
    if channels is None and axis is not None:
        raise Refused("a network of one channel takes a grey image")
    masks = model.eval(
        image,
        channels=channels,
        channel_axis=axis,
        omni=True,
        net_avg=False,
        show_progress=False,
        **{name: value for name, value in settings.items() if name != "channels"},
    )[0]
    return {"labels": np.asarray(masks).reshape(image.shape[:2]).astype(np.int64)}


if __name__ == "__main__":
    main(lambda: version("omnipose"), load=opened, segment=segment)
