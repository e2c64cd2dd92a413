"""StarDist: star-convex polygons with non-maximum suppression (Schmidt et al., MICCAI 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json

_BIG = 4096
"""Side in px from which on images are predicted block by block, by default."""


class StarDistSettings(EngineSettings):
    """Settings of `StarDist2D.predict_instances`, and of the normalisation before it."""

    pmin: float = Field(1.0, ge=0, le=100, description="Percentile that becomes 0, in %.")
    pmax: float = Field(99.8, ge=0, le=100, description="Percentile that becomes 1, in %.")
    prob_thresh: float | None = Field(
        None, gt=0, lt=1, description="Least object probability; None: that of thresholds.json."
    )
    nms_thresh: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Overlap above which two polygons are one object; None: that of "
        "thresholds.json.",
    )
    scale: float | None = Field(
        None, gt=0, description="Factor by which the image is resampled before the prediction."
    )
    n_tiles: tuple[int, int] | None = Field(
        None,
        description="Tiles along y and x; None: none, or as many as StarDist guesses for a "
        "block of a large image.",
    )
    block_size: int = Field(
        _BIG,
        ge=64,
        description="Side in px of the blocks of predict_instances_big, which is used for images "
        "with a longer side.",
    )
    min_overlap: int = Field(
        128, ge=1, description="Overlap of these blocks in px; larger than any object."
    )


class StarDistTraining(EngineSettings):
    """Settings of `Config2D` and of the training of StarDist2D; its own names and defaults."""

    n_rays: int = Field(32, ge=3, le=256, description="Directions of a polygon.")
    grid: tuple[int, int] = Field(
        (2, 2),
        description="Subsampling of the output along y and x, powers of 2 (as in StarDist's "
        "examples; the library's own default is 1, 1).",
    )
    unet_n_depth: int = Field(3, ge=1, le=6, description="Levels of the U-Net.")
    unet_n_filter_base: int = Field(32, ge=1, description="Filters of its first level.")
    train_patch_size: tuple[int, int] = Field((256, 256), description="Patches, y and x in px.")
    train_batch_size: int = Field(4, ge=1, description="Batch size in patches.")
    train_epochs: int = Field(400, ge=1, description="Epochs.")
    train_steps_per_epoch: int = Field(100, ge=1, description="Batches of an epoch.")
    train_learning_rate: float = Field(3e-4, gt=0, lt=1, description="Learning rate.")
    augment: bool = Field(
        True, description="Flips, quarter turns and intensities, as in StarDist's examples."
    )
    pmin: float = Field(1.0, ge=0, le=100, description="Percentile that becomes 0, in %.")
    pmax: float = Field(99.8, ge=0, le=100, description="Percentile that becomes 1, in %.")
    seed: int = Field(0, ge=0, description="Seed of patches and augmentation.")


class StarDist(Engine):
    """StarDist in 2-D; a model is the folder that StarDist writes."""

    name = "stardist"
    label = "StarDist"
    homepage = "https://github.com/stardist/stardist"
    licence = "BSD-3-Clause"
    requirements = ("stardist==0.9.2", "tensorflow>=2.16,<2.22")
    versions = ">=0.9,<0.10"
    gigabytes: ClassVar[float | None] = 2.7
    ran = "run"
    settings_model = StarDistSettings
    training_model: ClassVar[type[EngineSettings]] = StarDistTraining
    ignores = True
    retraining: ClassVar[Mapping[str, Any]] = {"train_epochs": 20, "train_steps_per_epoch": 50}

    def model(self, named: Path | None) -> str:
        model = super().model(named)
        config = Path(model) / "config.json"
        if not config.is_file():
            raise UserError(
                "is no model of StarDist: there is no config.json",
                path=named,
                remedy="Name the folder that holds config.json, thresholds.json and the weights.",
            )
        values = load_json(config)
        dims = values.get("n_dim") if isinstance(values, dict) else None
        if not isinstance(values, dict) or "n_rays" not in values:
            raise UserError("is no configuration of StarDist", path=config)
        if dims != 2:
            raise UserError(f"is a model of StarDist for {dims} dimensions, not 2", path=named)
        if not any(Path(model).glob("*.h5")) and not any(Path(model).glob("*.hdf5")):
            raise UserError(
                "has no weights: there is no .h5 file beside config.json",
                path=named,
                remedy="Download the whole model, or name another one.",
            )
        return model

    def files(self, model: str) -> list[Path]:
        used = (".h5", ".hdf5")
        named = ("config.json", "thresholds.json")
        return [p for p in super().files(model) if p.suffix in used or p.name in named]
