"""What a training can be told, with the defaults of the measured recipe."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.models.config import Kind
from imagej_dl.training.augment import Augmentation


class Settings(BaseModel):
    """All settings of a training; bench/recipe.py measures the defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(
        default="border",
        description="border: background, object and border, which keeps touching objects apart; "
        "binary: object or not.",
    )
    epochs: int = Field(default=60, ge=1, description="Epochs of 50 batches, at most.")
    steps: int = Field(default=50, ge=1, description="Batches of an epoch.")
    minutes: float | None = Field(
        default=None,
        gt=0,
        description="Time limit in minutes, to which the learning rate is fitted; choosing the "
        "instance settings comes after it.",
    )
    patience: int = Field(
        default=20, ge=1, description="Epochs with a worse validation than before until it stops."
    )
    patch: int = Field(default=128, ge=16, le=4096, description="Side of the patches in px.")
    batch: int = Field(default=8, ge=1, le=1024, description="Patches of a batch.")
    learning_rate: float = Field(default=3e-3, gt=0, lt=1, description="Highest learning rate.")
    depth: int = Field(
        default=3, ge=1, le=7, description="Levels of the U-Net; each sees twice as far."
    )
    width: int = Field(default=16, ge=1, le=256, description="Filters of the U-Net's first level.")
    last_width: int = Field(default=16, ge=1, le=256, description="Filters before the output.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Dropout of the first level.")
    border_size: int = Field(default=2, ge=1, le=10, description="Half the border's width, px.")
    validation: float = Field(
        default=0.2, gt=0, lt=1, description="Share of the images for validation."
    )
    test: float = Field(default=0.1, ge=0, lt=1, description="Share of the images kept for a test.")
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="Seed of the split and all that is random."
    )
    foreground: float = Field(
        default=0.7, ge=0, le=1, description="Share of the patches that are cut at an object."
    )
    contact_weight: float = Field(
        default=5.0, ge=0, description="Weight of pixels between touching objects, beside 1."
    )
    dice: float = Field(
        default=0.0, ge=0, description="Weight of the Dice loss beside the cross-entropy."
    )
    augmentation: Augmentation = Field(default_factory=lambda: Augmentation.model_validate({}))
    normalisation: Normalisation = Field(default_factory=lambda: Normalisation.model_validate({}))

    @property
    def total_steps(self) -> int:
        """Batches of all epochs."""
        return self.epochs * self.steps

    @classmethod
    def of(cls, values: dict[str, Any]) -> Settings:
        """Build settings from keywords; a wrong one is a UserError that names it."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            words = [
                f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()
            ]
            raise UserError("; ".join(words)) from error

    @model_validator(mode="after")
    def _fits(self) -> Settings:
        period = 2**self.depth
        if self.patch % period:
            raise ValueError(f"a patch of {self.patch} px is no multiple of 2^depth = {period}")
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to train on")
        return self
