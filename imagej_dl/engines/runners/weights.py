"""Files of weights, by a path or by the name that a program has, and the planes that it takes."""

from __future__ import annotations

import os
from pathlib import Path

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


def axis_of(image: np.ndarray, program: str) -> int | None:
    """Return the axis of the channels, None of a grey plane; refuse more than three channels."""
    if image.ndim == 2:
        return None
    if image.shape[2] > 3:
        raise Refused(f"{program} takes 3 channels at most, the image has {image.shape[2]}")
    return 2
