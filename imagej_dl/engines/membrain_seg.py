"""MemBrain-seg: membranes in cryo-electron tomograms (Lamm et al., 2024)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from imagej_dl.engines.base import Engine, EngineSettings, model_file


class MembrainSegSettings(EngineSettings):
    """Settings of `membrain_seg.segmentation.segment.segment`, under its own names.

    They have its own defaults but for the connected components, which are the objects here.
    """

    rescale_patches: bool = Field(
        False, description="Resample from in_pixel_size to out_pixel_size for the network."
    )
    in_pixel_size: float | None = Field(
        None, gt=0, description="Pixel size of the tomogram in Å; needed to resample it."
    )
    out_pixel_size: float = Field(
        10.0, gt=0, description="Pixel size in Å that the network was trained for."
    )
    sw_roi_size: int = Field(
        160, ge=64, multiple_of=32, description="Side in px of the sliding window."
    )
    test_time_augmentation: bool = Field(True, description="Average the 8 mirrored views.")
    segmentation_threshold: float = Field(0.0, description="Voxels above it are membrane, logits.")
    store_connected_components: bool = Field(
        True,
        description="True: connected membranes are objects; False, MemBrain-seg's own default: all "
        "of them have the id 1.",
    )
    connected_component_thres: int | None = Field(
        None, ge=1, description="Smallest connected membrane in voxels; None: no limit."
    )

    @model_validator(mode="after")
    def _pixel_size_is_known(self) -> MembrainSegSettings:
        if self.rescale_patches and self.in_pixel_size is None:
            raise ValueError("rescale_patches needs in_pixel_size, in Å")
        return self


class MembrainSeg(Engine):
    """MemBrain-seg; a model is a checkpoint of its training (.ckpt). It takes volumes."""

    name = "membrain-seg"
    label = "MemBrain-seg"
    module = "membrain_seg"
    homepage = "https://github.com/teamtomo/membrain-seg"
    licence = "BSD-3-Clause"
    requirements = ("membrain-seg==0.0.10",)
    versions = ">=0.0.10,<0.1"
    gigabytes: ClassVar[float | None] = 6.1
    ran = "run"
    channels = 1
    volumes = True
    settings_model: ClassVar[type[EngineSettings]] = MembrainSegSettings

    def model(self, named: Path | None) -> str:
        return model_file(self, named, "Name the .ckpt file of its training.")
