"""Cutting of images into blocks; and which images cannot be cut."""

from __future__ import annotations

import warnings

import xarray as xr

from imagej_dl import preferences
from imagej_dl.errors import warn
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models import ModelBundle, ModelConfig
from imagej_dl.prediction import rescaling, tiles
from imagej_dl.prediction.diameters import AUTO, MODEL, parsed

TILE = 1024
_HALOS = 8
"""Sides of a window, in px and in halos: of a smaller one too much is thrown away."""


def obstacle(
    config: ModelConfig, image: xr.DataArray, diameter: str | float | None, bundle: ModelBundle
) -> str | None:
    """Return why a model predicts an image as a whole alone; None where it can be cut into blocks.

    Warns
    -----
    DataWarning : where pixel sizes are unlike those of the training, and nothing is done about it.
    """
    method = config.method
    if config.volume is not None:
        return "the model's network is 3-D"
    if config.normalisation.whole_plane:
        return "its normalisation corrects uneven illumination, which looks over the whole plane"
    if isinstance(method, ImageMethod) and type(method).of_plane is not ImageMethod.of_plane:
        return "what the model gives depends on all of the plane"
    if config.window((image.sizes["Y"], image.sizes["X"]), TILE) is not None:
        return "the model's network takes tiles of one size"
    if method.gives == "image":
        return None
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        resamples = _resamples(bundle, image, diameter)
    if resamples:
        return resamples
    for one in heard:
        warn(str(one.message))
    return None


def _resamples(
    bundle: ModelBundle, image: xr.DataArray, diameter: str | float | None
) -> str | None:
    wanted = None if diameter is None else parsed(diameter)
    if wanted == MODEL:
        return None
    if wanted == AUTO:
        return "the diameter of its objects is to be estimated"
    if wanted is None:
        scale = rescaling.of_pixel_sizes(bundle.config, image)
    else:
        assert not isinstance(wanted, str)
        scale = rescaling.of_diameter(bundle, image, wanted)
    if not scale.resamples:
        return None
    return f"it is to be resampled ({scale}) to the size of the training's objects or pixels"


def spans(
    config: ModelConfig, shape: tuple[int, int], tile: int | None, halo: int | None
) -> tuple[tuple[tiles.Span, ...], tuple[tiles.Span, ...]]:
    """Return the windows along Y and X, whose kept parts are the blocks.

    The same on all machines: what was begun on one is finished on another.

    Warns
    -----
    DataWarning : where the halo is smaller than the receptive field.
    """
    needed = config.halo
    halo = needed if halo is None else halo
    side = tile or preferences.read().tile or max(TILE, _HALOS * halo)
    rows, columns = (tuple(tiles.spans(size, side, halo, config.multiple_of)) for size in shape)
    tiles.warn_of_edges(halo, needed, rows, columns)
    return rows, columns
