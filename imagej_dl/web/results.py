"""Results of one uploaded image: label map, ROIs, table, and their preview."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl import images, rois
from imagej_dl.errors import warn
from imagej_dl.models import ModelBundle
from imagej_dl.progress import Progress
from imagej_dl.report.pictures import outlined, png

LABELS, ROIS, TABLE, IMAGE = "labels.tif", "RoiSet.zip", "objects.csv", "image.tif"
COLUMNS = ("label", "t", "z", "area_px", "area", "x", "y", "mean")
_SHOWN = 1400


def segment(
    bundle: ModelBundle,
    image: xr.DataArray,
    folder: Path,
    progress: Progress,
    *,
    diameter: str | None = None,
) -> dict:
    """Predict an image and write its results into a folder.

    `diameter` is that of its objects, as :func:`imagej_dl.prediction.predict` takes it.

    Returns
    -------
    objects, planes, width, height, largest id, unit.
    """
    from imagej_dl.prediction import predict

    result = predict(bundle, image, progress=progress, diameter=diameter)
    labels = result.labels
    if result.left_out:
        warn(
            f"{result.left_out} objects smaller than minimum_area ({result.minimum_area} px) left "
            "out"
        )
    images.write(images.coloured(labels), folder / LABELS)
    traced = rois.trace(labels, hyperstack=True if "C" in image.dims else None)
    if traced:
        rois.write(traced, folder / ROIS)
    table = measure(labels, image)
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(table)
    planes = labels.sizes.get("T", 1) * labels.sizes.get("Z", 1)
    return {
        "objects": len(table),
        "planes": planes,
        "width": labels.sizes["X"],
        "height": labels.sizes["Y"],
        "largest": int(labels.max()),
    }


def measure(labels: xr.DataArray, image: xr.DataArray) -> list[dict[str, Any]]:
    """Measure each object: t and z from 1, area in px and in unit², centre in px, mean grey value
    of the first channel.
    """
    cal = images.calibration(image)
    grey = image.isel(C=0) if "C" in image.dims else image
    rows = []
    for t, z, plane, values in _planes(labels, grey):
        flat = plane.ravel().astype(np.int64)
        ids = np.unique(flat)
        ids = ids[ids > 0]
        if not ids.size:
            continue
        index = np.searchsorted(ids, flat)
        index[flat == 0] = ids.size
        y, x = (grid.ravel() for grid in np.indices(plane.shape))
        area = np.bincount(index, minlength=ids.size + 1)[: ids.size]

        def mean(of: np.ndarray, index: Any = index, area: Any = area) -> Any:
            return (np.bincount(index, of.ravel().astype(float))[: len(area)] / area).tolist()

        columns = (ids.tolist(), area.tolist(), mean(x), mean(y), mean(values))
        for label, pixels, cx, cy, level in zip(*columns, strict=True):
            size = pixels * cal.pixel_width * cal.pixel_height
            row = (label, t, z, pixels, f"{size:.6g}", f"{cx:.2f}", f"{cy:.2f}", f"{level:.4g}")
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def overlay(image: xr.DataArray, labels: xr.DataArray, number: int) -> bytes:
    """Return plane `number` (from 0) with its objects' outlines as PNG, 1400 px at most."""
    grey = image.isel(C=0) if "C" in image.dims else image
    *_, plane, values = list(_planes(labels, grey))[number]
    step = -(-max(plane.shape) // _SHOWN)
    picture = outlined(np.asarray(values)[::step, ::step], np.asarray(plane)[::step, ::step])
    return png(picture, max(1, -(-400 // max(picture.shape[:2]))))


def _planes(labels: xr.DataArray, grey: xr.DataArray) -> Any:
    for t in range(labels.sizes.get("T", 1)):
        for z in range(labels.sizes.get("Z", 1)):
            place = {a: i for a, i in (("T", t), ("Z", z)) if a in labels.dims}
            yield t + 1, z + 1, labels.isel(place).values, grey.isel(place).values
