"""Cellpose 4: flows on the features of Segment Anything (Pachitariu et al., 2025)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from imagej_dl.engines.base import EngineSettings
from imagej_dl.engines.cellpose import Cellpose


class CellposeSamSettings(EngineSettings):
    """Settings of `CellposeModel.eval` of Cellpose 4."""

    diameter: float | None = Field(
        None,
        ge=0,
        description="Diameter of the cells in px: the image is resampled so that they have 30 px; "
        "None or 0: it is not resampled.",
    )
    flow_threshold: float = Field(
        0.4, ge=0, description="Largest flow error of a mask; 0: none is left out."
    )
    cellprob_threshold: float = Field(0.0, description="Pixels above it belong to masks, logits.")
    min_size: int = Field(15, ge=-1, description="Smallest mask in px; -1: no limit.")
    max_size_fraction: float = Field(
        0.4, gt=0, le=1, description="Largest mask, share of the image."
    )
    niter: int | None = Field(None, ge=0, description="Iterations of the dynamics; None: 200.")
    normalize: bool = Field(True, description="Make the 1st and 99th percentile 0 and 1.")
    augment: bool = Field(False, description="Average flipped, overlapping tiles.")
    batch_size: int = Field(8, ge=1, description="Tiles of 256 px at once.")
    tile_overlap: float = Field(0.1, ge=0, le=0.95, description="Overlap of tiles, share.")
    use_bfloat16: bool | None = Field(
        None,
        description="Compute with numbers of 16 bits; None: on a GPU only. Cellpose itself does on "
        "a CPU, too.",
    )
    gpu: bool = Field(True, description="Use a GPU, if there is one.")


class CellposeSamTraining(EngineSettings):
    """Settings of `cellpose.train.train_seg` of Cellpose 4; its own names and defaults."""

    n_epochs: int = Field(100, ge=1, description="Epochs.")
    learning_rate: float = Field(1e-5, gt=0, description="Learning rate.")
    weight_decay: float = Field(0.1, ge=0, description="Weight decay.")
    batch_size: int = Field(1, ge=1, description="Batch size in patches of 256 px.")
    nimg_per_epoch: int | None = Field(
        None, ge=1, description="Images of an epoch; None: each of them once."
    )
    min_train_masks: int = Field(5, ge=0, description="Images with fewer masks are left out.")
    gpu: bool = Field(True, description="Use a GPU, if there is one.")


class CellposeSam(Cellpose):
    """Cellpose 4; a model is a file of weights, or the name of one that Cellpose has here."""

    name = "cellpose-sam"
    label = "Cellpose-SAM"
    module = "cellpose"
    requirements = ("cellpose==4.2.1.1",)
    versions = ">=4,<5"
    gigabytes = 5.9
    settings_model: ClassVar[type[EngineSettings]] = CellposeSamSettings
    training_model: ClassVar[type[EngineSettings] | None] = CellposeSamTraining
