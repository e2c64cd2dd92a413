"""Files of weights, which are opened without unpickling, and the planes that programs take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from serve import Refused

# Nothing is unpickled: PyTorch keeps to it where a library asks for the contrary.
os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)


def path_of(name: str, folder: Path, program: str, *endings: str) -> str:
    """Return the file of a model: itself, or one that the program has in a folder by its name, or
    by the name with an ending. Nothing is loaded from the network."""
    if os.path.isfile(name):
        return name
    for ending in ("", *endings):
        path = folder / f"{name}{ending}"
        if path.is_file():
            return str(path)
    raise Refused(
        f"the weights of {name} are absent: {folder} does not have them",
        f"Start {program} once with this model while there is a network, or copy the file there.",
    )


def tensors_of(path: str, **how: Any) -> Any:
    """Return the tensors of a file; refuse one that holds more, since it would be unpickled."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True, **how)
    except Exception as error:
        words = (str(error).splitlines() or [type(error).__name__])[0][:150]
        if isinstance(error, TypeError) and "weights_only" in words:
            problem = "this PyTorch cannot open weights safely"
            raise Refused(problem, "Install PyTorch 1.13 or later.") from None
        raise Refused(f"{path} is no file of weights alone ({words})") from None


def fill(network: Any, state: Any, path: str, program: str) -> None:
    """Give a network the tensors of a file; refuse a file that does not have all of them.

    Libraries load what fits, and leave the rest of the network to chance.
    """
    try:
        absent = network.load_state_dict(state, strict=False).missing_keys
    except RuntimeError as error:
        words = " ".join(str(error).splitlines()[1:2]).strip()[:150]
        raise Refused(f"{path} is no model of this {program} ({words})") from None
    # Of batch normalisation PyTorch counts the batches only since its version 0.4.1.
    absent = [key for key in absent if not key.endswith("num_batches_tracked")]
    if absent:
        raise Refused(f"{path} is no model of this {program} (without {absent[0]})")


def axis_of(image: np.ndarray, program: str) -> int | None:
    """Return the axis of the channels, None of a grey plane; refuse more than three channels."""
    if image.ndim == 2:
        return None
    if image.shape[2] > 3:
        raise Refused(f"{program} takes 3 channels at most, the image has {image.shape[2]}")
    return 2
