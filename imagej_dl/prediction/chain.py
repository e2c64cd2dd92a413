"""Denoise, then predict: a model that gives an image before another model."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models import ModelBundle, ModelConfig
from imagej_dl.prediction.output_kinds import need_image
from imagej_dl.prediction.pixel_types import PixelType
from imagej_dl.prediction.predict import predict_image
from imagej_dl.progress import Progress, silent


def check_chain(first: ModelConfig, folder: Path | None, second: ModelConfig) -> None:
    """Raise UserError where a model cannot denoise the images of another one.

    Parameters
    ----------
    first, folder : the model that is to denoise.
    second : the one that predicts what it gives.
    """
    need_image(first, folder)
    if second.method.gives == "image":
        raise UserError(
            f"denoises for models that segment, but the model (its kind is {second.kind}) gives an "
            "image itself",
            path=folder,
            remedy="Leave --denoise out.",
        )
    method = first.method
    keeps = not isinstance(method, ImageMethod) or method.keeps_intensities
    if not keeps and second.normalisation.method != "percentile":
        raise UserError(
            "gives an image in intensities of its own, but the model after it takes those of the "
            f"image as they are (its normalisation is {second.normalisation.method})",
            path=folder,
            remedy="Name a model of imagej-dl with --denoise.",
        )
    if first.channels != second.channels:
        raise UserError(
            f"denoises images of {first.channels} channel(s), but the model after it was trained "
            f"on {second.channels}",
            path=folder,
            remedy="Name a model that was trained on images of as many channels with --denoise.",
        )


def denoised(
    denoiser: ModelBundle,
    image: xr.DataArray,
    model: ModelBundle,
    *,
    tile: int | None = None,
    batch: int | None = None,
    progress: Progress = silent,
) -> xr.DataArray:
    """Return an image as a model denoises it, ready for another model.

    It is float32, or of the image's own type where the model's normalisation depends on it.

    Raises
    ------
    UserError : see :func:`check_chain` and :func:`.predict_image`.
    """
    check_chain(denoiser.config, denoiser.folder, model.config)
    dtype: PixelType = "float32" if model.config.normalisation.method == "percentile" else "input"

    def told(stage: str, done: int, total: int) -> None:
        progress("denoise", done, total)

    return predict_image(denoiser, image, tile=tile, batch=batch, progress=told, dtype=dtype)
