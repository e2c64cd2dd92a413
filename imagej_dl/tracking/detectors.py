"""TrackMate's detectors that take a segmentation: label image, mask, threshold.

Each makes of a movie the label movie whose objects are the spots; what follows (contours,
features) is the same for all three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.tracking.trackers.base import SettingsMap

if TYPE_CHECKING:
    import xarray as xr


class _Detector(SettingsMap):
    target_channel: int = Field(default=1, ge=1)
    simplify_contours: bool = True


class LabelImage(_Detector):
    """Objects are the pixels of one number, one for each connected piece."""

    detector_name: Literal["LABEL_IMAGE_DETECTOR"] = "LABEL_IMAGE_DETECTOR"


class Mask(_Detector):
    """Objects are connected pixels above 0."""

    detector_name: Literal["MASK_DETECTOR"] = "MASK_DETECTOR"


class Threshold(_Detector):
    """Objects are connected pixels above a value, such as 0.5 of probabilities."""

    detector_name: Literal["THRESHOLD_DETECTOR"] = "THRESHOLD_DETECTOR"
    intensity_threshold: float = 0.0


Detector = Annotated[LabelImage | Mask | Threshold, Field(discriminator="detector_name")]
NAMES = ("LABEL_IMAGE_DETECTOR", "MASK_DETECTOR", "THRESHOLD_DETECTOR")


def labelled(movie: xr.DataArray, detector: LabelImage | Mask | Threshold) -> xr.DataArray:
    """Return the label movie of a detector's input.

    Parameters
    ----------
    movie : labels, mask, or intensities or probabilities; T, Y, X and channels, of which the
        detector's is used. May be an array or the path of a file.

    Returns
    -------
    labels : the movie itself if it is labels; else 4-connected components, numbered frame by
        frame from 1, uint16 (uint32 above 65535 in a frame).

    Raises
    ------
    UserError : when there is no such channel.
    """
    of = images.labels_of if isinstance(detector, LabelImage) else images.image_of
    movie = of(movie)
    channels = movie.sizes.get("C", 1)
    if detector.target_channel > channels:
        raise UserError(
            f"has no channel {detector.target_channel}, it has {channels}",
            path=movie.attrs.get("title") or None,
            remedy="Name one of them as TARGET_CHANNEL of the detector.",
        )
    # Labels of several channels are left to be refused, unless one of them is asked for.
    labels = isinstance(detector, LabelImage)
    if "C" in movie.dims and (not labels or channels == 1 or detector.target_channel > 1):
        movie = movie.isel(C=detector.target_channel - 1)
    if labels:
        return movie
    threshold = detector.intensity_threshold if isinstance(detector, Threshold) else 0.0
    return _components(movie, threshold)


def _components(movie: xr.DataArray, threshold: float) -> xr.DataArray:
    from skimage.measure import label

    planes = np.asarray(movie).reshape(-1, *movie.shape[-2:])
    components = np.zeros(planes.shape, np.uint32)
    for number, plane in enumerate(planes):
        components[number] = label(plane > threshold, connectivity=1)
    result = images.with_data(movie, components.reshape(movie.shape), [str(d) for d in movie.dims])
    return images.as_labels(result)
