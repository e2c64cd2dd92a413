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


def load(name: str, gpu: bool, nchan: int | None, nclasses: int | None) -> Any:
    """Open a model, once; a file that holds more than tensors is refused.

    Omnipose itself goes on with random weights where a file does not fit the network. Here the
    network is that of the file, and is given all of it.
    """
    path = weights.path_of(name, models.MODEL_DIR, "Omnipose", "torch_0")
    key = path, gpu, nchan, nclasses
    if key not in _models:
        state = checkpoints.opened(path)
        has = inputs_and_outputs(path, state)
        for what, asked, found in zip(("nchan", "nclasses"), (nchan, nclasses), has, strict=True):
            if asked not in (None, found):
                raise Refused(
                    f"{what} of {path} is {found}, and {asked} was asked for", f"Leave {what} out."
                )
        try:
            parts = core.parse_model_string(path)
        except IndexError:  # named cellpose…, but not as Omnipose names its own
            parts = True, True, False
        model = models.CellposeModel(
            gpu=gpu and core.use_gpu()[1],
            pretrained_model=False,
            omni=True,
            net_avg=False,
            nchan=has[0],
            nclasses=has[1],
            nsample=levels(state),
            **dict(zip(("residual_on", "style_on", "concatenation"), parts, strict=True)),
        )
        weights.fill(getattr(model.net, "module", model.net), state, path, "Omnipose")
        _models[key] = model
    return _models[key]


def inputs_and_outputs(path: str, state: Any) -> tuple[int, int]:
    """Return `nchan` and `nclasses` of the network that weights are of; Refused for another."""
    first = "downsample.down.res_down_0.proj.0.weight"
    last = "output.2.weight"
    if not isinstance(state, dict) or first not in state or last not in state:
        raise Refused(f"{path} is no model of Omnipose")
    if state[last].ndim != 4:
        raise Refused(f"{path} is for volumes, and planes are segmented here")
    # Omnipose counts the two flows of a plane as one class.
    return len(state[first]), len(state[last]) - 1


def levels(state: Any) -> int:
    """Return `nsample`, which only the number of blocks in the file tells."""
    return len({key.split(".")[2] for key in state if key.startswith("downsample.down.")})


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    settings = values["settings"]
    network = [settings[name] for name in ("gpu", "nchan", "nclasses")]
    load(values["model"], *network)
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    settings = dict(values["settings"])
    model = load(values["model"], *[settings.pop(name) for name in ("gpu", "nchan", "nclasses")])
    image = arrays["image"]
    axis = weights.axis_of(image, "Omnipose")
    channels: list[int] | None = list(settings.pop("channels"))
    if model.nchan != 2:
        # Channels are chosen for a network of two; others are given the plane as it is.
        channels = None
        has = 1 if axis is None else image.shape[2]
        if has != model.nchan:
            raise Refused(f"the network takes {model.nchan} channels, and the image has {has}")
    masks = model.eval(
        image,
        channels=channels,
        channel_axis=axis,
        omni=True,
        net_avg=False,
        show_progress=False,
        **settings,
    )[0]
    return {"labels": np.asarray(masks).reshape(image.shape[:2]).astype(np.int64)}


if __name__ == "__main__":
    main(lambda: version("omnipose"), load=opened, segment=segment)
