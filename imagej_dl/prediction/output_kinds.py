"""Comparison of what a model gives with what is wanted: objects, or an image."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.models.config import ModelConfig


def need_objects(config: ModelConfig, folder: Path | None = None) -> None:
    """Raise UserError for a model that gives an image."""
    if config.method.gives != "instances":
        raise UserError(
            f"outputs an image, not objects (its kind is {config.kind})",
            path=folder,
            remedy="Use a model that segments. `imagej-dl predict` writes the images of this one.",
        )


def need_image(config: ModelConfig, folder: Path | None = None) -> None:
    """Raise UserError for a model that gives objects."""
    if config.method.gives != "image":
        raise UserError(
            f"outputs objects, not an image (its kind is {config.kind})",
            path=folder,
            remedy="Use a model that denoises. `imagej-dl predict` writes the objects of this one.",
        )
