"""Samples of what an image may be, of models that draw them, in place of their mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models import ModelBundle, ModelConfig

# The last one of each model, as prediction compiles a network once.
_kept: WeakKeyDictionary[Any, tuple[Any, Any]] = WeakKeyDictionary()


def check(config: ModelConfig, ensemble: Sequence[Any], folder: Any) -> ImageMethod:
    """Return the method; raise UserError where a model draws no samples, or models are several."""
    method = config.method
    if not isinstance(method, ImageMethod) or not method.draws_samples:
        raise UserError(
            f"draws no samples (its kind is {config.kind})",
            path=folder,
            remedy="Leave samples out, or use a model that draws them.",
        )
    if ensemble:
        raise UserError(
            "samples of several models cannot be averaged",
            remedy="Leave samples or the ensemble out.",
        )
    return method


def drawing(bundle: ModelBundle, number: int, ensemble: Sequence[Any] = ()) -> ModelBundle:
    """Return the bundle with a network that gives so many samples, a channel each.

    Raises
    ------
    UserError : for a model that draws none, and with an ensemble.
    """
    method = check(bundle.config, ensemble, bundle.folder)
    kept = _kept.get(bundle.model)
    if kept is None or kept[0] != (method, number):
        kept = _kept[bundle.model] = ((method, number), method.sampling(bundle.model, number))
    return replace(bundle, model=kept[1])


def as_stack(samples: xr.DataArray) -> xr.DataArray:
    """Return samples along C as slices, where the image has none: ImageJ browses these."""
    if "Z" in samples.dims or "C" not in samples.dims:
        return samples
    return samples.rename(C="Z").transpose(..., "Z", "Y", "X")
