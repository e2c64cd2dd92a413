"""torch-em: U-Nets for microscopy, and watersheds of what they predict (Pape lab)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, Ran, model_file


class TorchEmSettings(EngineSettings):
    """Settings of `torch_em.util.prediction` and of the functions of `torch_em.util.segmentation`.

    Names and defaults are theirs.
    """

    preprocess: Literal["standardize", "normalize", "normalize_percentile"] = Field(
        "standardize", description="Normalisation of the image, as in the training."
    )
    block_shape: tuple[int, int] | None = Field(
        None, description="Blocks along y and x in px, for large images; None: the whole image."
    )
    halo: tuple[int, int] = Field((32, 32), description="Halo of a block along y and x in px.")
    segmentation: (
        Literal[
            "foreground",
            "watershed_from_components",
            "connected_components_with_boundaries",
            "watershed_from_center_and_boundary_distances",
        ]
        | None
    ) = Field(
        None,
        description="How outputs become objects. foreground: connected pixels; "
        "watershed_from_components and connected_components_with_boundaries take foreground and "
        "boundaries, the last one foreground and the distances to centres and boundaries. None: "
        "by the number of outputs (1, 2, 3).",
    )
    threshold1: float = Field(
        0.5,
        description="Foreground less boundaries above it is a seed (threshold, of "
        "connected_components_with_boundaries).",
    )
    threshold2: float = Field(
        0.5, description="Foreground above it is filled (watershed_from_components)."
    )
    center_distance_threshold: float = Field(
        0.5, description="Distance to the centre below which a pixel is part of a seed."
    )
    boundary_distance_threshold: float = Field(
        0.5, description="Inverted distance to the boundary below which a pixel is part of a seed."
    )
    foreground_threshold: float = Field(
        0.5, description="Foreground above it belongs to objects (foreground, distances)."
    )
    distance_smoothing: float = Field(
        1.6, ge=0, description="Sigma in px of the smoothing of the distances."
    )
    min_size: int | None = Field(
        None,
        ge=0,
        description="Smallest object in px; None: torch-em's default, 50 for "
        "watershed_from_components and 0 for the others.",
    )
    gpu: bool = Field(True, description="Use a GPU, if there is one.")


class TorchEmTraining(EngineSettings):
    """Settings of `torch_em.model.UNet2d`, `default_segmentation_trainer` and its loaders.

    What is learnt are foreground and the distances to centres and boundaries of objects.
    """

    n_iterations: int = Field(25000, ge=1, description="Iterations.")
    batch_size: int = Field(4, ge=1, description="Batch size in patches.")
    patch_shape: tuple[int, int] = Field((256, 256), description="Patches, y and x in px.")
    learning_rate: float = Field(1e-3, gt=0, description="Learning rate, halved on plateaus.")
    depth: int = Field(4, ge=1, le=7, description="Levels of the U-Net; of a new model.")
    initial_features: int = Field(
        32, ge=1, description="Filters of its first level; of a new model."
    )
    seed: int = Field(0, ge=0, description="Seed of weights and patches.")
    gpu: bool = Field(True, description="Use a GPU, if there is one.")


class TorchEm(Engine):
    """torch-em in 2-D; a model is the folder of a checkpoint, or its file best.pt or latest.pt."""

    name = "torch-em"
    label = "torch-em"
    module = "torch_em"
    homepage = "https://github.com/constantinpape/torch-em"
    licence = "MIT"
    requirements = ("torch-em==0.10.9",)
    versions = ">=0.10,<0.11"
    gigabytes: ClassVar[float | None] = 6.3
    ran: ClassVar[Ran] = "run"
    settings_model: ClassVar[type[EngineSettings]] = TorchEmSettings
    training_model: ClassVar[type[EngineSettings] | None] = TorchEmTraining
    retraining: ClassVar[Mapping[str, Any]] = {"n_iterations": 1000}

    def model(self, named: Path | None) -> str:
        remedy = "Name the folder of a checkpoint, checkpoints/NAME, or a file in it."
        return model_file(self, named, remedy, inside="best.pt")
