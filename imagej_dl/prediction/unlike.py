"""Distance of an image from those that a model was trained on, and the words for it."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import warn
from imagej_dl.images import grey_rgb
from imagej_dl.images.intensities import likeness
from imagej_dl.images.intensities.likeness import Far, central, measured
from imagej_dl.models import ModelBundle
from imagej_dl.prediction.rescaling import Scale
from imagej_dl.training.object_sizes import diameters

_PLANES = 4
"""Planes of an image that are measured, evenly over all."""
_FEWEST = 5
"""Objects from which on their median size is taken for that of all."""


def compared(bundle: ModelBundle, image: xr.DataArray, labels: NDArray, scale: Scale) -> list[Far]:
    """Return in what an image is far from the training images of a model.

    Parameters
    ----------
    labels : label map of the image, (…, Y, X), T before Z.
    scale : at which the model saw it.
    """
    like = likeness.read(bundle.folder)
    if like is None or len(like.channels) != bundle.config.channels:
        return []
    pixels = scale.pixels(bundle, grey_rgb.with_channels(image, bundle.config.channels))
    count = pixels.frames * pixels.depth
    chosen = np.unique(np.linspace(0, count - 1, min(_PLANES, count)).astype(int))
    flat = labels.reshape(count, *labels.shape[-2:])
    factor = float(np.prod(scale.factors)) ** 0.5
    planes, sizes = [], []
    for number in chosen:
        t, z = divmod(int(number), pixels.depth)
        planes.append(measured(pixels.part(t, z, central(pixels.shape)), like.scale))
        found = diameters(np.asarray(flat[number][central(flat.shape[-2:])]), uncut=True)
        sizes.append(found * factor)
        pixels.forget()
    found = np.concatenate(sizes)
    return like.far(planes, float(np.median(found)) if len(found) >= _FEWEST else None)


def tell(far: list[Far], title: str, said: Set[str] = frozenset()) -> list[str]:
    """Warn of what an image is far in, in one sentence; return it in words, for the record.

    Parameters
    ----------
    said : kinds of :class:`imagej_dl.images.Far` that were told already, which noise may be among.
    """
    words = [one.words for one in far]
    due = [one.words for one in far if not (one.name == "noise" and "noise" in said)]
    if due:
        warn(
            f"unlike the images that the model was trained on: {'; '.join(due)}. Objects may be "
            "missed or cut",
            path=title,
            remedy="Check the result; training on some images like this one helps.",
        )
    return words
