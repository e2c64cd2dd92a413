"""Trackastra: a transformer decides which objects belong together (Gallusser & Weigert, ECCV 2024;
github.com/weigertlab/trackastra)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from imagej_dl.errors import UserError
from imagej_dl.progress import Progress
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.base import Detected, Setting, SettingsMap
from imagej_dl.tracking.trackers.foreign import ForeignTracker

_FILES = ("config.yaml", "train_config.yaml")


class TrackastraSettings(SettingsMap):
    """Trackastra: links by a transformer's associations, with weights from a local folder."""

    model: Path = Field(
        Path(), description="Folder of the weights: model.pt, config.yaml, train_config.yaml."
    )
    mode: Literal["greedy", "greedy_nodiv", "ilp"] = Field(
        "greedy", description="How links are chosen; greedy_nodiv finds no divisions."
    )
    max_distance: Annotated[int, Setting("pixels")] = Field(
        256, gt=0, description="Maximal distance of a link."
    )
    max_neighbors: int = Field(10, gt=0, description="Maximal number of candidates of each object.")
    device: Literal["automatic", "cpu", "cuda", "mps"] = Field(
        "automatic", description="Device that runs the transformer."
    )

    def to_map(self) -> dict[str, Any]:
        return super().to_map() | {"MODEL": str(self.model)}


class Trackastra(ForeignTracker):
    """Trackastra; the cost of a link is 1 − the association that the transformer assigns to it."""

    key = "TRACKASTRA"
    label = "Trackastra"
    engine = "trackastra"
    homepage = "https://github.com/weigertlab/trackastra"
    install = "Make {environment}; the weights are a folder that MODEL in its settings names."
    settings_model: ClassVar[type[SettingsMap]] = TrackastraSettings
    needs = ("label image", "movie")

    def link(self, detected: Detected, settings: TrackastraSettings, progress: Progress) -> Links:
        assert detected.movie is not None
        if settings.model == Path():
            raise UserError(
                "the weights of Trackastra are not set",
                remedy='Name their folder: --settings of {"tracker": "TRACKASTRA", '
                '"settings": {"MODEL": "FOLDER"}}.',
            )
        folder = settings.model.expanduser().absolute()
        for name in _FILES:
            if not (folder / name).is_file():
                raise UserError(
                    f"holds no weights of Trackastra: there is no {name}",
                    path=folder,
                    remedy="Unpack a release of trackastra-models, or name a folder that it "
                    "trained.",
                )
        movie = detected.movie
        movie = movie.isel({axis: 0 for axis in "CZ" if axis in movie.dims})
        arrays = {
            "image": np.asarray(movie.transpose("T", "Y", "X")),
            "labels": detected.label_image(),
        }
        values = settings.to_map() | {"MODEL": str(folder)}
        links = self.run(arrays, values, detected, progress)
        return Links(links["sources"] - 1, links["targets"] - 1, 1 - links["weights"])


TRACKERS = (Trackastra(),)
