"""A label movie and its movie, in the axes that tracking works on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl import images
from imagej_dl.errors import UserError

if TYPE_CHECKING:
    import xarray as xr

_LOOKED_AT = 3  # frames


@dataclass(frozen=True)
class LabelMovie:
    """A label image that was checked once: whole numbers, with the axes T, Y, X.

    Parameters
    ----------
    data : uint16 or uint32, with its calibration; made by :meth:`of`.
    """

    data: xr.DataArray

    @classmethod
    def of(cls, labels: Any, path: Any = None) -> LabelMovie:
        """Check a label image; return a label movie as it is. See :func:`as_movie`."""
        return labels if isinstance(labels, cls) else cls(_checked(labels, path))

    @property
    def frames(self) -> np.ndarray:
        """(T, Y, X) label of each pixel, 0 for background."""
        return np.asarray(self.data)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows, columns."""
        return self.data.sizes["T"], self.data.sizes["Y"], self.data.sizes["X"]

    @property
    def calibration(self) -> images.Calibration:
        """Pixel size, unit and frame interval."""
        return images.calibration(self.data)

    def with_labels(self, frames: np.ndarray) -> LabelMovie:
        """Return a movie of the same calibration with other labels, (T, Y, X) whole numbers."""
        return LabelMovie(images.with_data(self.data, images.as_labels(frames)))


def as_movie(labels: Any, path: Any = None) -> xr.DataArray:
    """Return a label image as uint16 or uint32 with the axes T, Y, X.

    `labels` may be an array (Y, X) or (T, Y, X), or the path of a file, too.

    Raises
    ------
    UserError : for 3-D labels, for time stored in Z, for several channels, for numbers that are
        no labels, and for a picture; names `path`, or the image's title.
    """
    return LabelMovie.of(labels, path).data


def _checked(labels: Any, path: Any = None) -> xr.DataArray:
    if isinstance(labels, str | os.PathLike):
        path = path or labels
    labels = images.labels_of(labels)
    path = path or labels.attrs.get("title") or None
    sizes = {str(axis): size for axis, size in labels.sizes.items()}
    if sizes.get("C", 1) > 1:
        raise UserError(
            f"is not a label map: it has {sizes['C']} channels",
            path=path,
            remedy="Use one channel of whole numbers, one id for each object; if the "
            "channels are frames, pass --axes TYX.",
        )
    if sizes.get("Z", 1) > 1:
        if sizes.get("T", 1) > 1:
            raise UserError(
                f"is a 3-D movie ({sizes['Z']} slices); tracking works on 2-D movies",
                path=path,
                remedy="Project or choose a slice first.",
            )
        raise UserError(
            f"has {sizes['Z']} slices and one frame: time is probably stored in Z",
            path=path,
            remedy="Pass --axes TYX, or set the frames in ImageJ's Image > Properties.",
        )
    flat = labels.isel({axis: 0 for axis in ("Z", "C") if axis in sizes})
    if "T" not in sizes:
        flat = flat.expand_dims("T")
    try:
        movie = images.as_labels(flat.transpose("T", "Y", "X"))
    except UserError as error:
        raise error.at(path) from error
    if _is_picture(movie.values):
        raise UserError(
            "is not a label movie: most neighbouring pixels differ, as in an intensity image",
            path=path,
            remedy="Segment it first (`imagej-dl predict`), and track the label map.",
        )
    return movie


def _is_picture(movie: np.ndarray) -> bool:
    """Return True if most neighbouring pixels above 0 have different numbers.

    The noise of a picture would be a million objects, which takes minutes and helps nobody.
    """
    for frame in movie[:_LOOKED_AT]:
        inside = (frame[:, 1:] > 0) & (frame[:, :-1] > 0)
        pairs = np.count_nonzero(inside)
        if pairs > frame.size / 8:
            differ = (frame[:, 1:] != frame[:, :-1]) & inside
            return bool(np.count_nonzero(differ) > pairs / 2)
    return False


def pair(
    labels: xr.DataArray, image: xr.DataArray | None, path: Any = None, image_path: Any = None
) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Return the label movie (T, Y, X) and its movie, with the same frames.

    If one of them has its time in Z, and the other in T, both get it in T, with a DataWarning.

    Raises
    ------
    UserError : as :func:`as_movie`, and when the two have different frames or sizes.
    """
    labels = images.labels_of(labels)
    if image is None:
        return as_movie(labels, path), None
    image = images.image_of(image)
    if image.sizes.get("T", 1) > 1:
        labels = images.stacked_like(labels, image)
    movie = as_movie(labels, path)
    image = images.stacked_like(image, movie)
    check(image, movie, image_path)
    return movie, image


def check(image: xr.DataArray, movie: xr.DataArray, path: Any = None) -> None:
    """Raise UserError unless the image has the frames, height and width of the label movie."""
    if image.sizes.get("Z", 1) == 1 and all(
        image.sizes.get(axis, 1) == movie.sizes[axis] for axis in "TYX"
    ):
        return
    labels = movie.attrs.get("title") or "the labels"
    raise UserError(
        f"has {_size(image)}, but {labels} {_size(movie)}: they do not fit together",
        path=path or image.attrs.get("title") or None,
        remedy="Name the movie that was segmented; if its axes are wrong, set them with "
        "--image-axes, such as TCYX.",
    )


def _size(image: xr.DataArray) -> str:
    frames, slices = image.sizes.get("T", 1), image.sizes.get("Z", 1)
    words = f"{frames} frame{'s' if frames != 1 else ''}"
    words += f" of {slices} slices," if slices > 1 else " of"
    return f"{words} {image.sizes['X']} × {image.sizes['Y']} px"
