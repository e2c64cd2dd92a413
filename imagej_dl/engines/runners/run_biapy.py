"""Run by the Python that has BiaPy; see serve.py for how it is asked."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import Any

import checkpoints
import numpy as np
import torch
from biapy import BiaPy
from serve import Arrays, Refused, Teller, Values, main

_HARMLESS = [set, partial, torch.nn.LayerNorm]
"""The parts that BiaPy's checkpoints hold beside tensors and plain values."""
_NETWORKS = (
    "unet",
    "resunet",
    "resunet++",
    "seunet",
    "resunet_se",
    "attention_unet",
    "unext_v1",
    "unext_v2",
    "multiresunet",
    "stunet",
    "unetr",
)
_PLACES = {
    "augmentation": "TEST.AUGMENTATION",
    "full_img": "TEST.FULL_IMG",
    "overlap": "DATA.TEST.OVERLAP",
    "padding": "DATA.TEST.PADDING",
    "seed_channels_thresh": "PROBLEM.INSTANCE_SEG.WATERSHED.SEED_CHANNELS_THRESH",
    "growth_mask_channels_thresh": "PROBLEM.INSTANCE_SEG.WATERSHED.GROWTH_MASK_CHANNELS_THRESH",
}
_ALWAYS = {
    "TEST.REUSE_PREDICTIONS": False,
    "TEST.ANALIZE_2D_IMGS_AS_3D_STACK": False,
    "DATA.TEST.ROI_MASK.ENABLE": False,
}
"""Parts of a configuration that belong to the files that a model was made with, not to a plane."""
_models: dict[Any, Any] = {}


def load(path: str, settings: Values) -> Any:
    """Open a checkpoint, once, with these settings."""
    key = path, repr(settings)
    if key not in _models:
        _models.clear()
        check(path)
        use = settings["gpu"] and torch.cuda.is_available()
        engine = BiaPy(path, gpu="0" if use else "")
        network = str(engine.cfg.MODEL.ARCHITECTURE).lower()
        # BiaPy evaluates names of others, which a checkpoint holds, as Python.
        if network not in _NETWORKS and not network.startswith("hrnet"):
            raise Refused(f"models of the network {network} are not opened here")
        given = {place: settings[name] for name, place in _PLACES.items()}
        engine.update_config(
            _ALWAYS | {place: value for place, value in given.items() if value is not None},
            check=True,
        )
        _models[key] = engine
    return _models[key]


def check(path: str) -> None:
    """Refuse what BiaPy would unpickle, and models that segment no objects in planes."""
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            state = checkpoints.opened(path)
    except Refused as error:
        raise Refused(
            str(error), "Checkpoints of an older BiaPy hold Python objects, and are not opened."
        ) from None
    config = state.get("cfg") if isinstance(state, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get("PROBLEM"), dict):
        raise Refused(f"{path} is no checkpoint of BiaPy with its configuration")
    kind = config["PROBLEM"].get("TYPE")
    if kind != "INSTANCE_SEG":
        raise Refused(f"the model is for {kind}, and only INSTANCE_SEG gives label maps")
    if config["PROBLEM"].get("NDIM") != "2D":
        raise Refused("the model is for volumes, and planes are predicted here")


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values["model"], values["settings"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    """Segment a plane with BiaPy's `predict`."""
    engine, image = load(values["model"], values["settings"]), arrays["image"]
    channels = 1 if image.ndim == 2 else image.shape[2]
    wanted = engine.cfg.DATA.PATCH_SIZE[-1]
    if channels != wanted:
        raise Refused(f"the model takes {wanted} channel(s), the image has {channels}")
    found = np.asarray(engine.predict(image))
    if found.size != image.shape[0] * image.shape[1] or found.dtype.kind not in "iu":
        raise Refused(
            f"BiaPy gave no label map (an array of the shape {found.shape}, {found.dtype})",
            "Its configuration may have a post-processing that is not for instances.",
        )
    return {"labels": found.reshape(image.shape[:2]).astype(np.int64)}


if __name__ == "__main__":
    main(lambda: version("biapy"), load=opened, segment=segment)
