"""Contours and weights of label maps as files, as the suite's scripts make them beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl import images
from imagej_dl.methods.shared.neighbours import outlines
from imagej_dl.methods.shared.pixel_weights import unet_map


def write_maps(labels: xr.DataArray, folder: Path, name: str) -> None:
    """Write `contours/NAME.tif` and `weights/NAME_weight.tif` of a label map or movie.

    Contours are 255 on the pixels of objects that have another label beside them, 0 elsewhere
    (uint8). Weights are those of the U-Net paper with w0 = 10 and sigma = 5 px (float32).
    """
    planes = [np.asarray(plane) for plane in labels.data.reshape(-1, *labels.shape[-2:])]
    lines = np.stack([outlines(plane) for plane in planes]) * np.uint8(255)
    weights = np.stack([unet_map(plane) for plane in planes])
    for array, path in (
        (lines, folder / "contours" / f"{name}.tif"),
        (weights, folder / "weights" / f"{name}_weight.tif"),
    ):
        images.write(images.with_data(labels, array.reshape(labels.shape)), path)
