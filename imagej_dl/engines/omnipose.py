"""Omnipose: elongated cells by distance fields (Cutler et al., Nature Methods 2022)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from imagej_dl.engines.base import EngineSettings
from imagej_dl.engines.cellpose import Cellpose, Channel


class OmniposeSettings(EngineSettings):
    """Settings of `cellpose_omni.models.CellposeModel`, and of its `eval` with omni=True."""

    nchan: int | None = Field(
        None,
        ge=1,
        le=2,
        description="Channels that the network was trained with; None: as its file says.",
    )
    nclasses: int | None = Field(
        None,
        ge=2,
        le=4,
        description="Classes that the network was trained with; None: as its file says.",
    )
    channels: tuple[Channel, Channel] = Field(
        (0, 0), description="Channel to segment, and that of the nuclei, where nchan is 2."
    )
    mask_threshold: float = Field(0.0, description="Pixels above it belong to masks.")
    flow_threshold: float = Field(
        0.0, ge=0, description="Largest flow error of a mask; 0: none is left out."
    )
    min_size: int = Field(15, ge=-1, description="Smallest mask in px; -1: no limit.")
    affinity_seg: bool = Field(False, description="Masks by the affinity graph.")
    tile: bool = Field(False, description="Predict tile by tile.")
    gpu: bool = Field(True, description="Use a GPU, if there is one.")


class Omnipose(Cellpose):
    """Omnipose; a model is a file of weights, or the name of one that it has here."""

    name = "omnipose"
    label = "Omnipose"
    module = "cellpose_omni"
    homepage = "https://github.com/kevinjohncutler/omnipose"
    licence = "its own, for research that is not commercial"
    # It takes from ncolor what version 2 of that no longer has.
    requirements = ("omnipose==1.1.4", "ncolor<2")
    versions = ">=1.1,<1.2"
    gigabytes = 6.7
    settings_model: ClassVar[type[EngineSettings]] = OmniposeSettings
    training_model: ClassVar[type[EngineSettings] | None] = None
