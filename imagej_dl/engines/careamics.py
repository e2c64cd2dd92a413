"""CAREamics: denoising by Noise2Void, Noise2Noise and CARE (Jug lab, Human Technopole)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from imagej_dl.engines.base import Engine, EngineSettings, Gives, LearnsFrom, Ran, model_file
from imagej_dl.errors import UserError

Accelerator = Literal["auto", "cpu", "gpu", "mps"]


class CareamicsSettings(EngineSettings):
    """Settings of `CAREamist.predict`."""

    tile_size: tuple[int, int] | None = Field(
        None,
        description="Square tiles, y and x in px, multiples of 2 to the power of the network's "
        "depth; None: the image as a whole, or, where its sides are no such multiples, tiles of "
        "the largest size that fits.",
    )
    tile_overlap: tuple[int, int] = Field((48, 48), description="Overlap of tiles in px, even.")
    batch_size: int = Field(1, ge=1, description="Tiles at once.")
    accelerator: Accelerator = Field("auto", description="As in Lightning; auto: a GPU if any.")


class CareamicsTraining(EngineSettings):
    """Settings of `create_advanced_n2v_config`: Noise2Void, N2V2 and structN2V."""

    patch_size: tuple[int, int] = Field((64, 64), description="Square patches, y and x in px.")
    batch_size: int = Field(16, ge=1, description="Batch size in patches.")
    num_epochs: int = Field(30, ge=1, description="Epochs.")
    num_steps: int | None = Field(
        None, ge=1, description="Batches of an epoch; None: the images once."
    )
    augmentations: tuple[Literal["x_flip", "y_flip", "rotate_90"], ...] | None = Field(
        None, description="Flips and turns of patches; None: all, or with structN2V none."
    )
    use_n2v2: bool = Field(False, description="N2V2, which leaves no checkerboard.")
    roi_size: int = Field(11, ge=3, le=21, description="Side in px of where values come from, odd.")
    masked_pixel_percentage: float = Field(
        0.2, ge=0.05, le=10, description="Masked pixels of a patch, in %."
    )
    struct_n2v_axes: Literal["horizontal", "vertical", "cross", "square", "none"] = Field(
        "none", description="Direction in which the noise is correlated: structN2V."
    )
    struct_n2v_span: int = Field(5, ge=3, le=15, description="Length of its mask in px, odd.")
    depth: int = Field(2, ge=1, le=10, description="Levels of the U-Net.")
    num_channels_init: int = Field(
        32, ge=8, le=1024, description="Filters of its first level, even."
    )
    lr: float = Field(1e-3, gt=0, description="Learning rate of Adam.")
    seed: int = Field(42, ge=1, description="Seed of weights, patches and masks.")
    accelerator: Accelerator = Field("auto", description="As in Lightning; auto: a GPU if any.")


class Careamics(Engine):
    """CAREamics in 2-D; a model is a checkpoint (.ckpt). It gives images, and learns from them."""

    name = "careamics"
    label = "CAREamics"
    homepage = "https://github.com/CAREamics/careamics"
    licence = "BSD-3-Clause"
    requirements = ("careamics==0.3.5",)
    versions = ">=0.3,<0.4"
    gigabytes: ClassVar[float | None] = 5.2
    ran: ClassVar[Ran] = "run"
    gives: ClassVar[Gives] = "image"
    channels = 1
    settings_model: ClassVar[type[EngineSettings]] = CareamicsSettings
    training_model: ClassVar[type[EngineSettings] | None] = CareamicsTraining
    learns_from: ClassVar[LearnsFrom] = "itself"

    def model(self, named: Path | None) -> str:
        remedy = "Name the .ckpt file in its folder `checkpoints`."
        return model_file(self, named, remedy, ending=".ckpt")

    def training(self, given: dict[str, Any]) -> EngineSettings:
        settings = super().training(given)
        sides = settings.model_dump()["patch_size"]
        if sides[0] != sides[1]:
            raise UserError(f"settings of {self.label}: patch_size: must be square, not {sides}")
        return settings
