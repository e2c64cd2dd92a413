"""Copies of a denoising's model, in a folder that the user chose."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic_folder
from imagej_dl.models.config import UNFINISHED
from imagej_dl.worker import requests

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle


def export(folder: str, name: str, model: str | None = None) -> dict[str, Any]:
    """Write a model into a folder of the user's, under a name that nothing has there.

    Parameters
    ----------
    folder, name : the model becomes the folder `name` in `folder`, or `name`-2 and so on.
    model : the folder of a finished model; None for the network that is being trained, which is
        written when its present epoch ends.

    Returns
    -------
    {"folder": the new folder}, or {"error": words}.
    """
    target = _free(Path(folder), name)
    if model is None:
        requests.exports.append(target)
        return {"folder": str(target)}
    try:
        with atomic_folder(target) as new:
            shutil.copytree(
                model, new, ignore=shutil.ignore_patterns(UNFINISHED), dirs_exist_ok=True
            )
    except UserError as error:
        return {"error": str(error)}
    return {"folder": str(target)}


def write_due(bundle: ModelBundle, plane: xr.DataArray | None) -> list[str]:
    """Write the network in training into the folders that were asked for; say what came of it.

    `plane` becomes its test image.
    """
    from imagej_dl import models

    said = []
    while requests.exports:
        target = requests.exports.pop(0)
        try:
            models.save(bundle.model, bundle.config, target, test_image=_test_image(bundle, plane))
            said.append(f"the model is exported to {target}")
        except UserError as error:
            said.append(f"the model is not exported: {error}")
    return said


def _test_image(bundle: ModelBundle, plane: xr.DataArray | None) -> Any:
    channels, volumetric = bundle.config.channels, bundle.config.volume is not None
    if plane is None or plane.sizes.get("C", 1) != channels:
        found = np.zeros((64, 64) if channels == 1 else (64, 64, channels), np.uint8)
    else:
        plane = plane.isel(C=0) if "C" in plane.dims and channels == 1 else plane
        found = np.asarray(plane.transpose("Y", "X", ...).data)
    return np.stack([found, found]) if volumetric else found


def _free(folder: Path, name: str) -> Path:
    target, number = folder / name, 2
    while target.exists() or target in requests.exports:
        target, number = folder / f"{name}-{number}", number + 1
    return target
