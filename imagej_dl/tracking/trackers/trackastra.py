"""Trackastra: a transformer says which objects belong together (Gallusser & Weigert, ECCV 2024;
github.com/weigertlab/trackastra)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers import _subprocess
from imagej_dl.tracking.trackers.base import Given

if TYPE_CHECKING:
    from imagej_dl.tracking.trackers.foreign_settings import TrackastraSettings

_FILES = ("config.yaml", "train_config.yaml")


def link(given: Given, settings: TrackastraSettings) -> Links:
    """Link spots; the links' costs are 1 − the association that Trackastra gives them.

    Raises
    ------
    UserError : without the movie itself, and without a folder of weights.
    """
    if given.image is None:
        raise UserError("Trackastra looks at the movie itself", remedy="Name it with --image.")
    if settings.model == Path():
        raise UserError(
            "Trackastra has no weights here",
            remedy='Name their folder: --settings of {"tracker": "TRACKASTRA", '
            '"settings": {"MODEL": "FOLDER"}}.',
        )
    folder = settings.model.expanduser().absolute()
    for name in _FILES:
        if not (folder / name).is_file():
            raise UserError(
                f"holds no weights of Trackastra: there is no {name}",
                path=folder,
                remedy="Unpack a release of trackastra-models, or name a folder that it trained.",
            )
    image = given.image.isel({axis: 0 for axis in "CZ" if axis in given.image.dims})
    arrays = {"image": np.asarray(image.transpose("T", "Y", "X")), "labels": given.regions()}
    values = settings.to_map() | {"MODEL": str(folder)}
    found = _subprocess.run("trackastra", arrays, values, given.python, given.progress)
    return Links(found["sources"] - 1, found["targets"] - 1, 1 - found["weights"])
