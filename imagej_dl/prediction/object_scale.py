"""The scale for a prediction: as asked for, by the pixel sizes, or estimated from the image."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import xarray as xr

from imagej_dl.errors import UserError, warn
from imagej_dl.models import ModelBundle, ModelConfig
from imagej_dl.prediction import rescaling
from imagej_dl.prediction.diameter_estimate import estimated
from imagej_dl.prediction.diameters import AUTO, MODEL, Diameter, parsed
from imagej_dl.prediction.rescaling import AS_IT_IS, Scale
from imagej_dl.progress import Progress, silent


def scalable(config: ModelConfig, given: str | float, folder: Path | None = None) -> None:
    """Raise UserError for what is no diameter, or where the model does not know its own."""
    if _asked(given) != MODEL:
        rescaling.diameter_of(config, folder)


def scale_for(
    bundle: ModelBundle,
    image: xr.DataArray,
    given: str | float | None,
    progress: Progress = silent,
) -> Scale:
    """Return the scale at which a model is to see an image.

    Parameters
    ----------
    given : the diameter of the image's objects as :func:`.diameters.parsed` reads it; None to go
        by the pixel sizes.
    progress : stage "diameter", in passes, where it is estimated.

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
    asked = _asked(given)
    if asked == MODEL:
        return AS_IT_IS
    known = rescaling.diameter_of(bundle.config, bundle.folder)
    if asked != AUTO:
        return rescaling.of_diameter(bundle, image, asked)
    title = image.attrs.get("title") or "the image"
    found = estimated(bundle, image, progress)
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


def _asked(given: str | float) -> Diameter | Literal["auto", "model"]:
    try:
        return parsed(given)
    except ValueError as error:
        raise UserError(str(error)) from error
