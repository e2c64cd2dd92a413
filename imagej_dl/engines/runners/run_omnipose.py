"""Run by the Python that has Omnipose; see serve.py for how it is asked."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from cellpose_omni import core, models
from serve import Arrays, Refused, Teller, Values, main

_models: dict[Any, Any] = {}


def path_of(name: str) -> str:
    """Return the file of a model: itself, or one that Omnipose has. Nothing is downloaded."""
    if os.path.isfile(name):
        return name
    for base in (name, f"{name}torch_0"):
        path = models.MODEL_DIR / base
        if path.is_file():
            return str(path)
    raise Refused(
        f"the weights of {name} are absent: {models.MODEL_DIR} does not have them",
        "Start Omnipose once with this model while there is a network, or copy the file there.",
    )


def load(path: str, gpu: bool, nchan: int, nclasses: int) -> Any:
    """Open a model, once; a file that holds more than tensors is refused."""
    key = path, gpu, nchan, nclasses
    if key not in _models:
        try:
            torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            words = (str(error).splitlines() or [type(error).__name__])[0][:150]
            raise Refused(f"{path} is no file of weights alone ({words})") from None
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
    load(path_of(values["model"]), *network)
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    settings = dict(values["settings"])
    network = [settings.pop(name) for name in ("gpu", "nchan", "nclasses")]
    model = load(path_of(values["model"]), *network)
    image = arrays["image"]
    if image.ndim == 3 and image.shape[2] > 3:
        raise Refused(f"Omnipose takes 3 channels at most, the image has {image.shape[2]}")
    # A network of one channel is given the plane as it is.
    channels = list(settings.pop("channels")) if network[1] == 2 else None
    if channels is None and image.ndim == 3:
        raise Refused("a network of one channel takes a grey image")
    masks = model.eval(
        image,
        channels=channels,
        channel_axis=2 if image.ndim == 3 else None,
        omni=True,
        net_avg=False,
        show_progress=False,
        **{name: value for name, value in settings.items() if name != "channels"},
    )[0]
    return {"labels": np.asarray(masks).reshape(image.shape[:2]).astype(np.int64)}


if __name__ == "__main__":
    main(lambda: version("omnipose"), load=opened, segment=segment)
