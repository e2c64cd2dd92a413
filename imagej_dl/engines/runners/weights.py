"""Files of weights, by a path or by the name that a program has, and the planes that it takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from serve import Refused


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
