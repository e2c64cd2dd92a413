"""Run by the Python that has InstanSeg; see serve.py for how it is asked."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from instanseg import InstanSeg
from serve import Arrays, Refused, Teller, Values, main

_models: dict[str, Any] = {}


def load(path: str) -> Any:
    """Open a TorchScript file, once."""
    if path not in _models:
        try:
            network = torch.jit.load(path, map_location="cpu")
        except RuntimeError as error:
            words = (str(error).splitlines() or [""])[0][:150]
            raise Refused(f"{path} is no TorchScript file ({words})") from None
        if not hasattr(network, "cells_and_nuclei"):
            raise Refused(f"{path} is no model of InstanSeg")
        _models[path] = InstanSeg(network, verbosity=0)
    return _models[path]


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values["model"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    engine, settings = load(values["model"]), values["settings"]
    image = arrays["image"]
    planes = image[None] if image.ndim == 2 else np.moveaxis(image, 2, 0)
    how = {name: settings[name] for name in ("pixel_size", "normalise")}
    how |= {"return_image_tensor": False}
    both = bool(engine.instanseg.cells_and_nuclei)
    if both:
        how["target"] = settings["target"]
    tensor = torch.from_numpy(planes.astype(np.float32))
    try:
        # As its `eval` of a file chooses.
        if image.size < engine.small_image_threshold:
            found = engine.eval_small_image(tensor, **how)
        else:
            found = engine.eval_medium_image(tensor, tile_size=settings["tile_size"], **how)
    except RuntimeError as error:
        wrong = re.search(r"to have (\d+) channels, but got (\d+) channels", str(error))
        if wrong is None:
            raise
        raise Refused(
            f"the model takes {wrong[1]} channels, and the image has {wrong[2]}"
        ) from None
    labels = found.detach().cpu().numpy().reshape(-1, *image.shape[:2])
    return {"labels": labels[0].astype(np.int64)}


if __name__ == "__main__":
    main(lambda: version("instanseg-torch"), load=opened, segment=segment)
