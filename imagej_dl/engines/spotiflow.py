"""Spotiflow: spots with subpixel places (Dominguez Mantes et al., Nature Methods 2025)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, Gives, Ran
from imagej_dl.errors import UserError


class SpotiflowSettings(EngineSettings):
    """Settings of `Spotiflow.predict`."""

    prob_thresh: float | None = Field(
        None, gt=0, lt=1, description="Least probability of a spot; None: that of the model."
    )
    min_distance: int = Field(1, ge=1, description="Least distance of two spots in px.")
    exclude_border: bool = Field(False, description="Leave out spots at the border.")
    subpix: bool | None = Field(
        None, description="Places finer than pixels; None: if the model can."
    )
    n_tiles: tuple[int, int] | None = Field(
        None, description="Tiles along y and x; None: as many as Spotiflow chooses."
    )


class SpotiflowTraining(EngineSettings):
    """Settings of `SpotiflowModelConfig` and `SpotiflowTrainingConfig`; names and defaults theirs.

    What is learnt are the centroids of the objects of label maps.
    """

    sigma: float = Field(1.0, gt=0, description="Radius of a spot in px.")
    levels: int = Field(4, ge=1, le=6, description="Levels of the U-Net.")
    initial_fmaps: int = Field(32, ge=1, description="Filters of its first level.")
    crop_size: int = Field(512, ge=16, description="Side of a patch in px.")
    num_epochs: int = Field(200, ge=1, description="Epochs.")
    num_train_samples: int | None = Field(
        None, ge=1, description="Patches of an epoch; None: one of each image."
    )
    batch_size: int = Field(4, ge=1, description="Batch size in patches.")
    lr: float = Field(3e-4, gt=0, description="Learning rate.")
    pos_weight: float = Field(10.0, gt=0, description="Weight of spots against background.")


class Spotiflow(Engine):
    """Spotiflow in 2-D; a model is the folder that Spotiflow writes. It gives points."""

    name = "spotiflow"
    label = "Spotiflow"
    homepage = "https://github.com/weigertlab/spotiflow"
    licence = "BSD-3-Clause"
    requirements = ("spotiflow==0.6.5",)
    versions = ">=0.6,<0.7"
    gigabytes: ClassVar[float | None] = 5.4
    ran: ClassVar[Ran] = "run"
    gives: ClassVar[Gives] = "points"
    channels = 1
    settings_model: ClassVar[type[EngineSettings]] = SpotiflowSettings
    training_model: ClassVar[type[EngineSettings] | None] = SpotiflowTraining

    def model(self, named: Path | None) -> str:
        model = super().model(named)
        for name in ("config.yaml", "best.pt"):
            if not Path(model, name).is_file():
                raise UserError(
                    f"is no model of Spotiflow: there is no {name}",
                    path=named,
                    remedy="Name the folder that holds config.yaml, thresholds.yaml and best.pt.",
                )
        return model
