"""µSAM: Segment Anything for microscopy (Archit et al., Nature Methods 2025)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from imagej_dl.engines.base import Engine, EngineSettings, Ran, file_or_name


class MicroSamSettings(EngineSettings):
    """Settings of `automatic_instance_segmentation`, and of the `generate` of its segmenters."""

    segmentation_mode: Literal["auto", "ais", "amg"] = Field(
        "auto",
        description="ais: by the decoder that µSAM has trained; amg: by a grid of points, as "
        "Segment Anything does; auto: ais if the model has a decoder.",
    )
    center_distance_threshold: float = Field(
        0.5, description="ais: distance to the centre below which a pixel is part of a seed."
    )
    boundary_distance_threshold: float = Field(
        0.5, description="ais: distance to the boundary below which a pixel is part of a seed."
    )
    foreground_threshold: float = Field(
        0.5, description="ais: foreground above it belongs to objects."
    )
    foreground_smoothing: float = Field(
        1.0, ge=0, description="ais: sigma in px of the smoothing of the foreground."
    )
    distance_smoothing: float = Field(
        1.6, ge=0, description="ais: sigma in px of the smoothing of the distances."
    )
    min_size: int = Field(0, ge=0, description="ais: smallest object in px.")
    pred_iou_thresh: float = Field(
        0.88, ge=0, le=1, description="amg: least quality of a mask, as the model predicts it."
    )
    stability_score_thresh: float = Field(
        0.95, ge=0, le=1, description="amg: least stability of a mask against its threshold."
    )
    box_nms_thresh: float = Field(
        0.7, ge=0, le=1, description="amg: overlap (IoU) above which two masks are one."
    )
    min_mask_region_area: int = Field(0, ge=0, description="amg: smallest mask in px.")
    tile_shape: tuple[int, int] | None = Field(
        None, description="Tiles along y and x in px, for large images; None: the whole image."
    )
    halo: tuple[int, int] | None = Field(
        None, description="Overlap of the tiles along y and x in px."
    )
    batch_size: int = Field(1, ge=1, description="Tiles at once.")
    gpu: bool = Field(True, description="Use a GPU, if there is one.")

    @model_validator(mode="after")
    def _tiles_have_a_halo(self) -> MicroSamSettings:
        if (self.tile_shape is None) != (self.halo is None):
            raise ValueError("tile_shape and halo go together")
        return self


class MicroSam(Engine):
    """µSAM in 2-D; a model is a file of weights, or the name of one that µSAM has here.

    The decoder of a model NAME is in the same file, or beside it in NAME_decoder.
    """

    name = "micro-sam"
    label = "µSAM"
    module = "micro_sam"
    homepage = "https://github.com/computational-cell-analytics/micro-sam"
    licence = "MIT"
    requirements = ("micro-sam==1.8.14",)
    versions = ">=1.8,<2"
    gigabytes: ClassVar[float | None] = 6.9
    ran: ClassVar[Ran] = "run"
    channels = 3
    settings_model: ClassVar[type[EngineSettings]] = MicroSamSettings

    def model(self, named: Path | None) -> str:
        return file_or_name(self, named, self.label, "vit_b_lm")

    def files(self, model: str) -> list[Path]:
        path = Path(model)
        beside = path.with_name(f"{path.stem}_decoder{path.suffix}")
        return [one for one in (path, beside) if one.is_file()]
