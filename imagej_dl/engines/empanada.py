"""Empanada and its MitoNet: panoptic segmentation in electron microscopy (Conrad et al., 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, Ran
from imagej_dl.errors import UserError

_CONFIGS = (".yaml", ".yml")
_WEIGHTS = (".pth", ".pt")


class EmpanadaSettings(EngineSettings):
    """Settings of empanada-napari's *2D Inference*, under its names, with its defaults."""

    downsampling: Literal[1, 2, 4, 8, 16, 32, 64] = Field(
        1, description="Factor by which the image is made smaller before the prediction."
    )
    confidence_thr: float = Field(
        0.5, ge=0, le=1, description="Least probability of a pixel; of models with one class."
    )
    center_confidence_thr: float = Field(
        0.1, ge=0, le=1, description="Least confidence of the centre of an object."
    )
    min_distance_object_centers: int = Field(
        3, ge=1, le=35, description="Least distance of centres, in px of the centre map."
    )
    fine_boundaries: bool = Field(
        False, description="Group pixels at full resolution, in place of a quarter of it."
    )
    semantic_only: bool = Field(False, description="Classes alone, no objects.")
    maximum_objects_per_class: int = Field(
        10000, ge=1, description="The ids of class c are above c times this number."
    )
    tile_size: int = Field(0, ge=0, description="Side of tiles in px; 0: the image as a whole.")
    use_gpu: bool = Field(True, description="Use a GPU, if there is one.")
    use_quantized: bool = Field(
        False, description="Take the quantised weights of the model, if it has some; on a CPU."
    )


class Empanada(Engine):
    """MitoNet and other models of empanada; a model is a YAML beside its TorchScript weights."""

    name = "empanada"
    label = "empanada"
    homepage = "https://github.com/volume-em/empanada-napari"
    licence = "BSD-3-Clause"
    requirements = ("empanada-napari==1.2.4",)
    versions = ">=1.2,<1.3"
    gigabytes: ClassVar[float | None] = 7.2
    ran: ClassVar[Ran] = "run"
    channels = 1
    settings_model: ClassVar[type[EngineSettings]] = EmpanadaSettings

    def model(self, named: Path | None) -> str:
        if named is not None and _is_name(named):
            return named.name  # of a model that empanada has; its runner looks for it
        path = Path(super().model(named))
        if path.is_dir():
            found = [one for one in sorted(path.iterdir()) if one.suffix.lower() in _CONFIGS]
            if len(found) != 1:
                raise UserError(
                    f"is no model of empanada: it holds {len(found)} .yaml files",
                    path=named,
                    remedy="Name the .yaml of the model, which lies beside its weights.",
                )
            path = found[0]
        if path.suffix.lower() == ".empanada":
            raise UserError(
                "is an exported model of empanada, which is a ZIP",
                path=named,
                remedy="Unpack it, and name the .yaml in it.",
            )
        if path.suffix.lower() not in _CONFIGS:
            raise UserError(
                "is no configuration of a model of empanada",
                path=named,
                remedy="Name the .yaml of the model, which lies beside its weights.",
            )
        return str(path)

    def files(self, model: str) -> list[Path]:
        path = Path(model)
        if not path.is_file():
            return []
        beside = [one for one in path.parent.iterdir() if one.suffix.lower() in _WEIGHTS]
        return [path, *sorted(beside)]


def _is_name(named: Path) -> bool:
    """Return whether it may be the name of a model, not a file."""
    file = named.suffix.lower() in (*_CONFIGS, *_WEIGHTS) or named.parent != Path()
    return not file and not named.exists()
