"""Cellpose 3: flows towards the centres of cells (Stringer et al., Nature Methods 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, Ran, file_or_name
from imagej_dl.errors import UserError

Channel = Literal[0, 1, 2, 3]


class CellposeSettings(EngineSettings):
    """Settings of `CellposeModel.eval`."""

    diameter: float | None = Field(
        None,
        ge=0,
        description="Diameter of the cells in px; None or 0: that of the model's training images.",
    )
    channels: tuple[Channel, Channel] = Field(
        (0, 0),
        description="Channel to segment (0: all as grey, 1: first, 2: second, 3: third), and that "
        "of the nuclei (0: none).",
    )
    flow_threshold: float = Field(
        0.4, ge=0, description="Largest flow error of a mask; 0: none is left out."
    )
    cellprob_threshold: float = Field(0.0, description="Pixels above it belong to masks, logits.")
    min_size: int = Field(15, ge=-1, description="Smallest mask in px; -1: no limit.")
    niter: int | None = Field(
        None, ge=0, description="Iterations of the dynamics; None: by the diameter."
    )
    resample: bool = Field(True, description="Run the dynamics at the size of the image.")
    normalize: bool = Field(True, description="Make the 1st and 99th percentile 0 and 1.")
    invert: bool = Field(False, description="Invert the intensities first.")
    augment: bool = Field(False, description="Average flipped, overlapping tiles.")
    batch_size: int = Field(8, ge=1, description="Tiles at once.")
    tile_overlap: float = Field(0.1, ge=0, le=0.95, description="Overlap of tiles, share.")
    gpu: bool = Field(True, description="Use a GPU, if there is one.")


class CellposeTraining(EngineSettings):
    """Settings of `cellpose.train.train_seg`; its own names and defaults."""

    channels: tuple[Channel, Channel] = Field(
        (0, 0), description="As for the prediction with the model."
    )
    n_epochs: int = Field(2000, ge=1, description="Epochs.")
    learning_rate: float = Field(0.005, gt=0, description="Learning rate.")
    weight_decay: float = Field(1e-5, ge=0, description="Weight decay.")
    SGD: bool = Field(False, description="SGD in place of AdamW.")
    batch_size: int = Field(8, ge=1, description="Batch size in patches of 224 px.")
    nimg_per_epoch: int | None = Field(
        None, ge=1, description="Images of an epoch; None: each of them once."
    )
    min_train_masks: int = Field(5, ge=0, description="Images with fewer masks are left out.")
    diam_mean: float = Field(
        30.0, gt=0, description="Diameter that cells are resampled to, in px; of a new model."
    )
    gpu: bool = Field(True, description="Use a GPU, if there is one.")


class Cellpose(Engine):
    """Cellpose 3; a model is a file of weights, or the name of one that Cellpose has here."""

    name = "cellpose"
    label = "Cellpose"
    homepage = "https://github.com/MouseLand/cellpose"
    licence = "BSD-3-Clause"
    requirements: ClassVar[tuple[str, ...]] = ("cellpose==3.1.1.2", "numpy<2.2")
    versions = ">=3.0,<4"
    gigabytes: ClassVar[float | None] = 6.3
    ran: ClassVar[Ran] = "run"
    settings_model: ClassVar[type[EngineSettings]] = CellposeSettings
    training_model: ClassVar[type[EngineSettings] | None] = CellposeTraining
    retraining: ClassVar[Mapping[str, Any]] = {"n_epochs": 100}

    def model(self, named: Path | None) -> str:
        if named is not None and named.suffix.lower() == ".npy" and not named.is_dir():
            raise UserError(
                "is a _seg.npy of Cellpose, which holds pickled objects and is not opened",
                path=named,
                remedy="In Cellpose's window, File > Save masks as PNG/tif, or Save outlines for "
                "ImageJ, writes what imagej-dl reads.",
            )
        return file_or_name(self, named, "Cellpose", "cyto3")
