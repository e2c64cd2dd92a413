"""SynapseNet: vesicles and other structures of synapses in electron tomograms (Pape lab, 2024)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, Ran, file_or_name

_Shape = tuple[int, int, int]


class SynapseNetSettings(EngineSettings):
    """Settings of `synapse_net.inference.run_segmentation` and of the functions that it calls.

    Names and defaults are theirs.
    """

    model_type: (
        Literal[
            "vesicles_2d",
            "vesicles_2d_maus",
            "vesicles_3d",
            "vesicles_cryo",
            "vesicles_3d_endbulb",
            "vesicles_3d_innerear",
            "mitochondria",
            "mitochondria2",
            "active_zone",
            "compartments",
            "cristae",
            "cristae2",
            "cristae3",
            "cristae4",
        ]
        | None
    ) = Field(
        None, description="How outputs become objects; None: by the name of the model or its file."
    )
    tile_shape: _Shape | None = Field(
        None,
        description="Tiles along z, y and x in px, with their halo; of planes the last two count. "
        "None: as the memory of the GPU allows; 16, 96, 96 without one; 768, 768 of planes.",
    )
    halo: _Shape | None = Field(
        None, description="Halo of a tile along z, y and x in px; None: with tile_shape."
    )
    scale: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        None,
        min_length=1,
        max_length=3,
        description="Factor that the image is resampled by, for all axes or for each (z, y, x): "
        "its voxel size divided by that of the training; None: it is not resampled.",
    )
    min_size: int | None = Field(
        None,
        ge=0,
        description="Smallest object in voxels; None: SynapseNet's default, 500 for vesicles and "
        "active zones, 50000 for mitochondria, 2000 for cristae.",
    )
    distance_based_segmentation: bool = Field(
        True, description="vesicles: seeds from distances to boundaries; touching ones are split."
    )
    exclude_boundary: bool = Field(
        False, description="vesicles: leave out those at the first and last slice."
    )
    exclude_boundary_vesicles: bool = Field(
        False, description="vesicles: leave out those that the first or last slice cuts in half."
    )
    seed_distance: int = Field(
        6, ge=0, description="mitochondria: distance to the boundary of a seed in px."
    )
    area_threshold: int = Field(
        5000, ge=0, description="mitochondria: holes up to this many voxels are filled."
    )
    boundary_threshold: float | None = Field(
        None,
        description="mitochondria, compartments: boundary above it; None: SynapseNet's default, "
        "0.25 and 0.4.",
    )
    n_slices_exclude: int = Field(
        0, ge=0, description="compartments: slices at either end that are left out."
    )


class SynapseNet(Engine):
    """SynapseNet; a model is a checkpoint of torch-em, or the name of a model that it has here.

    It takes volumes and, for models of planes, planes.
    """

    name = "synapse-net"
    label = "SynapseNet"
    module = "synapse_net"
    homepage = "https://github.com/computational-cell-analytics/synapse-net"
    licence = "MIT"
    # It is not in the package index.
    requirements = (f"synapse_net @ git+{homepage}@0.5.0",)
    versions = ">=0.5,<0.6"
    gigabytes: ClassVar[float | None] = 6.3
    ran: ClassVar[Ran] = "run"
    channels = 2
    volumes = True
    planes = True
    settings_model: ClassVar[type[EngineSettings]] = SynapseNetSettings

    def model(self, named: Path | None) -> str:
        return file_or_name(self, named, self.label, "vesicles_3d", inside="best.pt")
