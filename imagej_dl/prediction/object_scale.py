"""The scale for a prediction: as asked for, by the pixel sizes, or estimated from the image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.methods.shared.instance_method import InstanceMethod
from imagej_dl.models import ModelBundle
from imagej_dl.prediction import rescaling
from imagej_dl.prediction.diameters import AUTO, MODEL, parsed
from imagej_dl.prediction.network import network
from imagej_dl.prediction.rescaling import AS_IT_IS, Scale

_STARTS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Scales that are tried, in px of the model for each of the image."""
_SIDE = 512
"""Side of the squares that are predicted for it, in the model's px."""
_PLANES = 3
"""Planes that are looked at, of a video or stack."""
_FEW = 3
"""Objects below which nothing is estimated."""


def scale_for(bundle: ModelBundle, image: xr.DataArray, given: str | float | None) -> Scale:
    """Return the scale at which a model is to see an image.

    Parameters
    ----------
    given : the diameter of the image's objects as :func:`.diameters.parsed` reads it; None to go
        by the pixel sizes.

    Raises
    ------
    UserError : for what is no diameter; see :func:`.rescaling.of_diameter`.

    Warns
    -----
    DataWarning : of what is assumed: the diameter that was estimated, or why there is none; see
        also :func:`.rescaling.of_pixel_sizes`.
    """
    if given is None:
        return rescaling.of_pixel_sizes(bundle.config, image)
    try:
        asked = parsed(given)
    except ValueError as error:
        raise UserError(str(error)) from error
    if asked == MODEL:
        return AS_IT_IS
    known = rescaling.diameter_of(bundle.config, bundle.folder)
    if asked != AUTO:
        return rescaling.of_diameter(bundle, image, asked)
    title = image.attrs.get("title") or "the image"
    found = estimated(bundle, image)
    if found is None:
        warn(
            "too few objects were found to estimate their diameter, so it is not resampled",
            path=title,
            remedy="Give the diameter with --diameter if you know it.",
        )
        return AS_IT_IS
    scale = rescaling.of_diameter(bundle, image, found.diameter, estimated=True)
    done = f"resampled ({scale})" if scale.resamples else "not resampled"
    warn(
        f"its objects have a diameter of {found.diameter:.3g} px, estimated from {found.objects} "
        f"of them; the training objects have {known:.3g} px: it is {done}",
        path=title,
    )
    return scale
