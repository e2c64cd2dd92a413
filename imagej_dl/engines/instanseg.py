"""InstanSeg: nuclei and cells by clustered embeddings (Goldsborough et al., 2024)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, model_file


class InstanSegSettings(EngineSettings):
    """Settings of `InstanSeg.eval_small_image` and `eval_medium_image`."""

    pixel_size: float | None = Field(
        None,
        gt=0,
        description="Pixel size in µm: the image is resampled to that of the model; None: it is "
        "not resampled.",
    )
    target: Literal["nuclei", "cells"] = Field(
        "cells", description="Which objects, of a model that finds both."
    )
    normalise: bool = Field(True, description="Normalise the intensities by percentiles.")
    tile_size: int = Field(
        512,
        ge=64,
        description="Side in px of tiles, for images of 6.75 million values or more, which is "
        "1500 × 1500 px of 3 channels.",
    )


class InstanSeg(Engine):
    """InstanSeg; a model is a TorchScript file, or the folder that holds instanseg.pt."""

    name = "instanseg"
    label = "InstanSeg"
    homepage = "https://github.com/instanseg/instanseg"
    licence = "Apache-2.0"
    requirements = ("instanseg-torch==0.1.2",)
    versions = ">=0.1,<0.2"
    gigabytes: ClassVar[float | None] = 5.7
    ran = "run"
    settings_model: ClassVar[type[EngineSettings]] = InstanSegSettings

    def model(self, named: Path | None) -> str:
        remedy = "Name the TorchScript file of a release of InstanSeg, unpacked."
        return model_file(self, named, remedy, inside="instanseg.pt")
