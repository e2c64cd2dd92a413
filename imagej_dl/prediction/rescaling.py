"""The scale at which a model sees an image: objects as large as those that it was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.images import array_storage, memory_maps, units
from imagej_dl.models import ModelBundle, ModelConfig
from imagej_dl.prediction import resampling
from imagej_dl.prediction.diameters import Diameter
from imagej_dl.prediction.pixels import Pixels, Resampled

LOW, HIGH = 0.75, 4 / 3
"""Ratios of two lengths between which they count as alike: an image is not resampled because of its
pixel size alone."""
_SAME = 1.1
"""By less than this an image is not resampled for a diameter: it would cost more than it gives."""
_ASSUMED = 8.0
"""By more than this no pixel size has an image resampled: such sizes are those of a printer."""
_MOST = 32.0


@dataclass(frozen=True)
class Scale:
    """Scale of a prediction.

    factors : pixels of the model for each of the image, along Y and X.
    diameter : of the image's objects, in its px, where one was given or estimated.
    """

    factors: tuple[float, float] = (1.0, 1.0)
    diameter: float | None = None

    @property
    def resamples(self) -> bool:
        """True if the image is resampled at all."""
        return self.factors != (1.0, 1.0)

    def shape(self, plane: tuple[int, int]) -> tuple[int, int]:
        """Return the shape (Y, X) in the model's px of a plane of the image."""
        height, width = (
            max(1, round(size * factor)) for size, factor in zip(plane, self.factors, strict=True)
        )
        return height, width

    def pixels(self, bundle: ModelBundle, image: xr.DataArray) -> Pixels:
        """Return the image's pixels as the model is to see them."""
        if not self.resamples:
            return Pixels(image)
        # Percentiles need no type; what else there is divides by the largest value of it.
        whole = bundle.config.normalisation.method != "percentile"
        shape = self.shape((image.sizes["Y"], image.sizes["X"]))
        return Resampled(image, shape, whole=whole)

    def limited(self, bundle: ModelBundle) -> ModelBundle:
        """Return the model with limits to the noise of planes that hold for enlarged ones.

        Noise that is enlarged f times stands out f times as much over areas of the same number of
        pixels, and looks like objects where the training knew only that of single pixels.
        """
        larger, seen = math.sqrt(math.prod(self.factors)), bundle.config.seen
        if larger <= 1 or seen is None:
            return bundle
        channels = tuple(
            one.model_copy(update={"noise": one.noise / larger}) for one in seen.channels
        )
        stricter = seen.model_copy(update={"channels": channels})
        return replace(bundle, config=bundle.config.model_copy(update={"seen": stricter}))

    def __str__(self) -> str:
        down, across = self.factors
        same = math.isclose(down, across, rel_tol=0.005)
        return f"× {across:.3g}" if same else f"× {across:.3g} along X and × {down:.3g} along Y"


AS_IT_IS = Scale()
"""The scale of an image that is not resampled."""


def of_pixel_sizes(config: ModelConfig, image: xr.DataArray) -> Scale:
    """Return the scale at which the image's pixels are as large as those of the training images.

    It is 1 where a size is not known, and where they are alike, to within 0.75 and 4/3.

    Warns
    -----
    DataWarning : where the image is resampled, and where the sizes are so different that it is not.
    """
    cal = images.calibration(image)
    if not (units.is_calibrated(config.unit) and units.is_calibrated(cal.unit)):
        return AS_IT_IS
    scale = units.factor(cal.unit, config.unit)
    factors = (
        (0.0, 0.0)
        if scale is None
        else (
            cal.pixel_height * scale / config.pixel_height,
            cal.pixel_width * scale / config.pixel_width,
        )
    )
    title = image.attrs.get("title") or "the image"
    if (volume := config.volume) is not None and scale is not None:
        apart = cal.pixel_depth * scale / volume.pixel_depth
        if not LOW <= apart <= HIGH:
            warn(
                f"its slices are {cal.pixel_depth:g} {cal.unit} apart, those of the training "
                f"images {volume.pixel_depth:g} {config.unit}: the result may be poor",
                path=title,
            )
    if all(LOW <= factor <= HIGH for factor in factors):
        return AS_IT_IS
    theirs = f"those of the training images {_size(config, config.unit)}"
    sizes = f"its pixels are {_size(cal, cal.unit)}, {theirs}"
    if config.method.gives == "image":
        warn(f"{sizes}: the result may be poor", path=title)
        return AS_IT_IS
    if not all(1 / _ASSUMED <= factor <= _ASSUMED for factor in factors):
        warn(f"{sizes}: objects may be missed", path=title)
        return AS_IT_IS
    found = Scale(factors)
    warn(
        f"{sizes}: it is resampled to these ({found}) for the prediction",
        path=title,
        remedy="To predict its own pixels, pass --diameter model.",
    )
    return found


def of_diameter(
    bundle: ModelBundle, image: xr.DataArray, diameter: Diameter | float, *, estimated: bool = False
) -> Scale:
    """Return the scale at which objects of a diameter are as large as the training objects.

    Pixels that are not square become as those of the training images are. Below a tenth the
    image is left as it is.

    Parameters
    ----------
    diameter : as given, or in px of the image: of the disc of an object's area.
    estimated : whether it is only estimated; then an image of about the right scale, to within
        0.75 and 4/3, is left as it is.

    Raises
    ------
    UserError : where the model does not know its objects' diameter, or the image would be
        resampled by more than a factor of 32; see :meth:`Diameter.in_pixels`.
    """
    known = diameter_of(bundle.config, bundle.folder)
    pixels = diameter.in_pixels(image) if isinstance(diameter, Diameter) else diameter
    found = factors(bundle.config, image, known / pixels)
    low, high = (LOW, HIGH) if estimated else (1 / _SAME, _SAME)
    if all(low <= factor <= high for factor in found):
        return Scale(diameter=pixels)
    if not all(1 / _MOST <= factor <= _MOST for factor in found):
        raise UserError(
            f"objects of {pixels:.3g} px, where the training objects have {known:.3g} px, would "
            f"need the image to be resampled by more than a factor of {_MOST:g}",
            path=image.attrs.get("title") or None,
            remedy="Check --diameter and its unit.",
        )
    return Scale(found, pixels)


def factors(config: ModelConfig, image: xr.DataArray, scale: float) -> tuple[float, float]:
    """Return the factors along Y and X of a scale: pixels become as those of the training are."""
    cal = images.calibration(image)
    slimmer = (cal.pixel_height / cal.pixel_width) / (config.pixel_height / config.pixel_width)
    return scale * math.sqrt(slimmer), scale / math.sqrt(slimmer)


def diameter_of(config: ModelConfig, folder: Path | None = None) -> float:
    """Return the diameter in px of the objects that a model was trained on.

    Raises
    ------
    UserError : where it does not know, or gives an image and no objects.
    """
    if config.method.gives == "image":
        raise UserError(
            f"gives an image, not objects (its kind is {config.kind}), so it knows no diameter",
            path=folder,
            remedy="Leave --diameter out.",
        )
    if config.object_diameter is not None:
        return config.object_diameter
    remedy = "Leave --diameter out."
    if folder is not None and folder.is_dir():
        remedy += (
            " Or write the median diameter of its training objects into its config.json, in px, "
            'such as "object_diameter": 20.'
        )
    raise UserError(
        "does not know the diameter of the objects that it was trained on",
        path=folder,
        remedy=remedy,
    )


def at_size(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resample a network's output (Y, X, channels) to another number of pixels of the same field.

    Above 2^25 px the result lies in a temporary file.
    """
    if values.shape[:2] == shape:
        return values
    down, across = (
        resampling.weights(before, after, resampling.LINEAR)
        for before, after in zip(values.shape, shape, strict=False)
    )
    make = array_storage.in_file if shape[0] * shape[1] > array_storage.LARGE else np.empty
    found: NDArray[np.float32] = make((*shape, values.shape[2]), np.float32)
    step = max(2**22 // shape[1], 1)
    for low in range(0, shape[0], step):
        high = min(low + step, shape[0])
        begin, end, rows = down.part(low, high)
        found[low:high] = resampling.resampled(values[begin:end], rows, across)
        memory_maps.forget(values)
        memory_maps.forget(found)
    return found


def _size(of: images.Calibration | ModelConfig, unit: str) -> str:
    width, height = of.pixel_width, of.pixel_height
    same = math.isclose(width, height, rel_tol=1e-3)
    return f"{width:g} {unit} wide" if same else f"{width:g} × {height:g} {unit}"
