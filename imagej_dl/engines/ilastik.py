"""ilastik: pixel and object classification of a project (Berg et al., Nature Methods 2019)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings
from imagej_dl.errors import UserError


class IlastikSettings(EngineSettings):
    """Settings of `ilastik --headless`."""

    export_source: Literal["Simple Segmentation", "Object Identities"] = Field(
        "Simple Segmentation",
        description="Simple Segmentation: of a project of pixel classification, the connected "
        "pixels of a class are objects; Object Identities: of one of object classification, its "
        "own objects.",
    )
    label: int = Field(
        1, ge=1, description="For Simple Segmentation: number of the class that is the objects."
    )
    min_size: int = Field(1, ge=1, description="For Simple Segmentation: smallest object in px.")


class Ilastik(Engine):
    """ilastik without its window; a model is a project (.ilp)."""

    name = "ilastik"
    label = "ilastik"
    homepage = "https://www.ilastik.org"
    licence = "GPL-2.0-or-later"
    requirements = ()
    versions = ">=1.4.1,<1.5"
    ran = "run"
    settings_model: ClassVar[type[EngineSettings]] = IlastikSettings

    def model(self, named: Path | None) -> str:
        model = super().model(named)
        if Path(model).suffix.lower() != ".ilp":
            raise UserError(
                "is no project of ilastik",
                path=named,
                remedy="Name the .ilp file that ilastik has saved.",
            )
        return model
