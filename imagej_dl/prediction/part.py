"""A part of a plane, as a model that gives an image makes it of the whole plane.

A part that is cut out first would be normalised by its own intensities, and the network would not
see what is around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models import ModelBundle, frame_windows
from imagej_dl.prediction import tiles
from imagej_dl.prediction.output_kinds import need_image
from imagej_dl.prediction.pixels import Pixels


def predict_part(
    bundle: ModelBundle, plane: xr.DataArray, place: Mapping[str, Any]
) -> xr.DataArray:
    """Return what a model that gives an image makes of a part of a plane.

    Parameters
    ----------
    plane : (Y, X), with C where the model has several channels, and T where it sees several
        frames.
    place : slices along Y and X, without steps; the index along T, of frames.

    Returns
    -------
    the part, float32, as :func:`.predict_image` gives it within the whole plane where each plane is
    normalised by itself; C where the model gives several channels.
    """
    need_image(bundle.config, bundle.folder)
    method, config = bundle.config.method, bundle.config
    assert isinstance(method, ImageMethod), "it gives an image"
    pixels = Pixels(plane)
    shown = frame_windows.window(
        place.get("T", 0), config.frames, pixels.frames, method.frames_seen
    )
    frames = [bundle.prepared(pixels.part(t, 0)) for t in shown]
    ready, levels = np.concatenate([frame for frame, _ in frames], axis=-1), frames[-1][1]
    rows, columns = (
        tiles.around(place[axis], plane.sizes[axis], config.halo, config.multiple_of)
        for axis in "YX"
    )
    seen = bundle.network_output(tiles.window(ready, rows, columns))
    output: NDArray[np.float32] = method.image(seen[rows.inner, columns.inner])
    made = levels.undone(output, method.intensities_of(output.shape[-1], config.channels))
    cut = plane.isel(place)
    if made.shape[-1] == 1:
        return images.with_data(cut, made[..., 0], ["Y", "X"])
    return images.with_data(cut, np.moveaxis(made, -1, 0), ["C", "Y", "X"])
