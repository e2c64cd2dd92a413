"""Words about predictions."""

from __future__ import annotations

import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.prediction import Prediction
from imagej_dl.prediction.inputs import Source
from imagej_dl.prediction.results import Results, objects


def outcome(
    results: Results, source: Source, result: Prediction | xr.DataArray, seconds: float
) -> str:
    """Return in words what was predicted, and into which file."""
    text = summary(str(results.files(source)[results.main]), result, seconds)
    empty = results.rois and isinstance(result, Prediction) and not objects(result)
    return text + ("; no RoiSet, since there are no objects" if empty else "")


def summary(name: str, result: Prediction | xr.DataArray, seconds: float) -> str:
    """Return in words what was predicted."""
    if isinstance(result, xr.DataArray):
        return f"{name}: {seconds:.1f} s"
    planes = result.labels.size // (result.labels.sizes["Y"] * result.labels.sizes["X"])
    where = f" on {planes} planes" if planes > 1 else ""
    text = f"{name}: {objects(result)} objects{where}, {seconds:.1f} s"
    if result.scale.resamples:
        text += f"; resampled {result.scale} for the prediction"
    if result.left_out:
        pixels = "px of the model" if result.scale.resamples else "px"
        least = f"{result.minimum_area} {pixels}"
        text += f"; {result.left_out} smaller than minimum_area ({least}) left out"
    return text


def error_of(source: Source, error: UserError) -> UserError:
    """Name the file in an error that knows only the image's title."""
    if error.path == str(source.path):
        return error
    scene = "" if source.scene is None else f"scene {source.scene}: "
    return UserError(scene + error.problem, path=source.path, remedy=error.remedy)
