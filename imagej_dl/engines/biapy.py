"""BiaPy: its workflow of instance segmentation (Franco-Barranco et al., Nature Methods 2025)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, Ran, model_file

Threshold = float | Literal["auto"]


class BiapySettings(EngineSettings):
    """Settings of BiaPy's configuration, named as there in lower case; None: as the model has it.

    Descriptions give the place in the configuration.
    """

    augmentation: bool | None = Field(
        None, description="Average over turns and flips; TEST.AUGMENTATION."
    )
    full_img: bool | None = Field(
        None, description="Predict the image as a whole, not patch by patch; TEST.FULL_IMG."
    )
    overlap: tuple[float, float] | None = Field(
        None, description="Overlap of patches along y and x, share below 1; DATA.TEST.OVERLAP."
    )
    padding: tuple[int, int] | None = Field(
        None, description="Border of patches along y and x that is left out, px; DATA.TEST.PADDING."
    )
    seed_channels_thresh: tuple[Threshold, ...] | None = Field(
        None,
        description="Thresholds of the channels that seeds are made of, 0 to 1, or auto (Otsu); "
        "PROBLEM.INSTANCE_SEG.WATERSHED.SEED_CHANNELS_THRESH.",
    )
    growth_mask_channels_thresh: tuple[Threshold, ...] | None = Field(
        None,
        description="Thresholds of the channels that seeds grow in, 0 to 1, or auto; "
        "PROBLEM.INSTANCE_SEG.WATERSHED.GROWTH_MASK_CHANNELS_THRESH.",
    )
    gpu: bool = Field(True, description="Use the first GPU, if there is one.")


class Biapy(Engine):
    """BiaPy in 2-D; a model is a checkpoint (.pth), which holds its configuration."""

    name = "biapy"
    label = "BiaPy"
    homepage = "https://github.com/BiaPyX/BiaPy"
    licence = "MIT"
    requirements = ("biapy==3.7.1",)
    versions = ">=3.7,<3.8"
    gigabytes: ClassVar[float | None] = 6.5
    ran: ClassVar[Ran] = "run"
    settings_model: ClassVar[type[EngineSettings]] = BiapySettings

    def model(self, named: Path | None) -> str:
        remedy = (
            "Name the .pth file in its folder `checkpoints`; .safetensors hold no configuration."
        )
        return model_file(self, named, remedy, ending=".pth")
