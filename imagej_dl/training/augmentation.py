"""Random patches: where they are cut, how they are turned, zoomed and lit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from imagej_dl.training.resample import Grid, Place


class Augmentation(BaseModel):
    """How much patches vary. Intensities are normalised: most lie between 0 and 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turn: bool = Field(default=True, description="Flips and quarter turns, all eight alike.")
    rotation: float = Field(default=0.0, ge=0, le=180, description="Rotation, ± degrees.")
    shear: float = Field(default=0.0, ge=0, le=1, description="Shear, ± this.")
    zoom: float = Field(default=1.5, ge=1, le=4, description="Zoom from 1/zoom to zoom.")
    gamma: float = Field(default=1.5, ge=1, le=4, description="Gamma from 1/gamma to gamma.")
    contrast: float = Field(default=0.3, ge=0, lt=1, description="Factor 1 ± contrast.")
    brightness: float = Field(default=0.1, ge=0, le=1, description="Offset ± brightness.")
    noise: float = Field(default=0.05, ge=0, le=1, description="Largest sigma of added noise.")


NONE = Augmentation(turn=False, zoom=1, gamma=1, contrast=0, brightness=0, noise=0)
"""No variation."""


def cut(
    image: NDArray[np.float32],
    labels: NDArray,
    centre: NDArray[np.float64],
    side: int,
    margin: int,
    rng: np.random.Generator,
    settings: Augmentation,
) -> tuple[NDArray[np.float32], NDArray]:
    """Cut one patch, turned and zoomed; what lies beyond the image is mirrored.

    Parameters
    ----------
    image, labels : normalised image (Y, X, C), label map (Y, X).
    centre : of the patch, (y, x) in px; moved inwards where the patch would leave the image.
    side : of the patch in px; `margin` more px on each side of the labels are returned, which
        the border class needs.

    Returns
    -------
    float32 (side, side, C), and labels (side + 2·margin, side + 2·margin).
    """
    place = draw(labels.shape, centre, side, rng, settings)
    channels = [image[..., i] for i in range(image.shape[2])]
    return taken(channels, place, side), nearest(labels, place, side + 2 * margin)


def draw(
    shape: tuple[int, ...],
    centre: NDArray,
    side: int,
    rng: np.random.Generator,
    settings: Augmentation,
) -> Place:
    """Draw how a patch of an image of this shape (Y, X) is turned and zoomed; see :func:`cut`."""
    matrix = np.eye(2)
    if settings.turn:
        matrix = matrix[:, ::-1] if rng.random() < 0.5 else matrix
        matrix = matrix * (2 * rng.integers(0, 2, (2, 1)) - 1)
    if settings.shear or settings.rotation:
        angle = np.radians(settings.rotation) * rng.uniform(-1, 1)
        sine, cosine = np.sin(angle), np.cos(angle)
        sheared = np.array(((1.0, settings.shear * rng.uniform(-1, 1)), (0.0, 1.0)))
        matrix = matrix @ np.array(((cosine, -sine), (sine, cosine))) @ sheared
    if settings.zoom > 1 and rng.random() < 0.5:
        # Half of the patches keep their scale, so that pixels as they are prevail.
        matrix = matrix / settings.zoom ** rng.uniform(-1, 1)
    size = np.array(shape)
    reach = np.abs(matrix).sum(axis=1) * side / 2
    middle = (size - 1) / 2
    centre = np.where(
        size > 2 * reach,
        np.clip(centre, reach - 0.5, np.maximum(size - reach - 0.5, reach - 0.5)),
        middle,
    )
    # On the half of a pixel that lets unzoomed patches fall on pixels exactly.
    return matrix, np.floor(centre) + (0.5 if side % 2 == 0 else 0.0)


def taken(planes: Sequence[NDArray], place: Place, side: int) -> NDArray[np.float32]:
    """Return what planes (Y, X) show at a place, as float32 (side, side, number of planes)."""
    grid = Grid(place, side)
    patch = np.empty((side, side, len(planes)), np.float32)
    for index, plane in enumerate(planes):
        patch[..., index] = grid.linear(plane)
    return patch


def nearest(plane: NDArray, place: Place, side: int) -> NDArray:
    """Return what a plane (Y, X) of labels or the like shows at a place, (side, side)."""
    return Grid(place, side).nearest(plane)


def light(
    patch: NDArray[np.float32], rng: np.random.Generator, settings: Augmentation
) -> NDArray[np.float32]:
    """Vary gamma, contrast, brightness and noise of a normalised patch (Y, X, C)."""
    if settings.gamma > 1:
        exponent = np.float32(settings.gamma ** rng.uniform(-1, 1))
        # What is below 0 (darker than the lower percentile) stays as it is.
        below = np.minimum(patch, 0)
        patch = np.maximum(patch, 0) ** exponent
        patch += below
    factor = 1 + settings.contrast * rng.uniform(-1, 1)
    offset = settings.brightness * rng.uniform(-1, 1)
    patch = patch * np.float32(factor)
    patch += np.float32(offset)
    if settings.noise:
        sigma = np.float32(settings.noise * rng.uniform())
        noise = rng.standard_normal(patch.shape, dtype=np.float32)
        noise *= sigma
        patch += noise
    return patch
