"""CochleaNet: neurons and hair cells of cochleae in light-sheet volumes (Pape lab, 2025)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from imagej_dl.engines.base import Engine, EngineSettings, Ran, file_or_name

_Shape = tuple[int, int, int]
_Threshold = float | Literal["None"] | None


class CochleaNetSettings(EngineSettings):
    """Settings of `run_unet_prediction`, under its own names.

    None: the default of `flamingo_tools.run_segmentation` for the model.
    """

    model_type: Literal["SGN", "SGN-lowres", "IHC", "IHC-lowres"] | None = Field(
        None,
        description="Whose defaults are taken; None: by the name of the model or its file, or "
        "those of run_unet_prediction.",
    )
    min_size: int = Field(250, ge=0, description="Smallest object in voxels.")
    scale: float | None = Field(
        None, gt=0, description="The volume is made smaller by this factor; None: it is not."
    )
    block_shape: _Shape | None = Field(
        None,
        description="Blocks along z, y and x in px; None: 128, 128, 128, or 64, 64, 64 without a "
        "GPU.",
    )
    halo: _Shape | None = Field(
        None, description="Halo of a block along z, y and x in px; None: 16, 32, 32."
    )
    use_mask: bool = Field(
        True, description="Leave out blocks that are dark (below 100 to 400, by seg_class)."
    )
    seg_class: Literal["sgn", "sgn_low", "ihc"] | None = Field(
        None, description="Which blocks are dark, with use_mask."
    )
    relative_threshold: float = Field(
        0.6, ge=0, description="Share of the brightest pixels that a block must reach, use_mask."
    )
    center_distance_threshold: _Threshold = Field(
        None,
        description='Distance to the centre below which a pixel is part of a seed; "None": it is '
        "not asked.",
    )
    boundary_distance_threshold: _Threshold = Field(
        None,
        description='Distance to the boundary below which a pixel is part of a seed; "None": it is '
        "not asked.",
    )
    fg_threshold: float = Field(0.5, description="Foreground above it belongs to objects.")
    distance_smoothing: float | None = Field(
        None, ge=0, description="Sigma in px of the smoothing of the distances."
    )
    batch_size: int = Field(1, ge=1, description="Blocks at once.")

    @model_validator(mode="after")
    def _what_is_made_smaller_has_a_mask(self) -> CochleaNetSettings:
        if self.scale is not None and not self.use_mask:
            raise ValueError("scale needs use_mask in this version of CochleaNet")
        return self


class CochleaNet(Engine):
    """CochleaNet; a model is a checkpoint of torch-em, or the name of a model that it has here."""

    name = "cochlea-net"
    label = "CochleaNet"
    module = "flamingo_tools"
    homepage = "https://github.com/computational-cell-analytics/cochlea-net"
    licence = "MIT"
    # It is not in the package index, and does not say what it needs.
    requirements = (
        f"cochlea_net @ git+{homepage}@94a4587833bffa860025d6c56f3768a3777415ba",
        "torch-em>=0.10",
        "python-elf>=0.9",
        "bioimage-cpp",
        "pandas",
        "pooch",
        "pybdv",
        "requests",
        "s3fs",
        "scikit-image",
        "tifffile",
        "trimesh",
        "z5py>=3",
        "zarr>=3",
    )
    versions = ">=0.1,<0.2"
    gigabytes: ClassVar[float | None] = 6.3
    ran: ClassVar[Ran] = "run"
    channels = 1
    volumes = True
    settings_model: ClassVar[type[EngineSettings]] = CochleaNetSettings

    def model(self, named: Path | None) -> str:
        return file_or_name(self, named, self.label, "SGN", inside="best.pt")
