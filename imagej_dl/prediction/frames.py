"""Planes made ready for the network: normalised, and for a recurrent one with those before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.images import Far, Levels, array_storage
from imagej_dl.models import ModelBundle
from imagej_dl.models.frame_windows import window
from imagej_dl.prediction.pixels import Pixels

_ROWS = 2**22  # pixels measured at a time


Used = dict[tuple[int, int], Levels]
"""The mapping of intensities of each plane (t, z)."""


def ready(
    bundle: ModelBundle,
    image: xr.DataArray | Pixels,
    beyond: list[Beyond] | None = None,
    used: Used | None = None,
) -> Iterator[Any]:
    """Give the planes of an image as the network wants them, one by one, in the order of T and Z.

    Parameters
    ----------
    image : any of T and Z, Y, X, and C; read plane by plane. Or its pixels, which may be resampled.
    beyond : takes which planes are beyond what the training saw.
    used : takes the mapping of each plane's intensities.

    Yields
    ------
    float32 (Y, X, C); for a model of several frames (Y, X, T·C), the plane itself last, of those
    that :func:`imagej_dl.models.frame_windows.window` names. Each frame is normalised once. Planes
    of more than 2^25 pixels come as :class:`Lazy`, which is cut as an array is.

    Raises
    ------
    UserError : for pixels that are NaN or infinite, or other channels than the model's; of a
        lazy plane when the part is read.
    """
    frames = bundle.config.frames
    pixels = image if isinstance(image, Pixels) else Pixels(image)
    beyond = [] if beyond is None else beyond
    levels = [_levels(bundle, pixels, z, beyond) for z in range(pixels.depth)]
    kept: list[dict[int, Any]] = [{} for _ in range(pixels.depth)]
    # What takes uneven light off looks over the whole plane.
    lazy = _is_large(pixels) and not bundle.config.normalisation.whole_plane

    def plane(t: int, z: int) -> Any:
        if lazy:
            return Lazy(bundle, pixels, t, z, levels[z], beyond, used)
        far: list[Far] = []
        found, mapping = bundle.prepared(pixels.part(t, z), levels[z], far)
        if used is not None:
            used[t, z] = mapping
        beyond.extend(Beyond(t, z, one) for one in far)
        return found

    for t, z in product(range(pixels.frames), range(pixels.depth)):
        if frames == 1:
            yield plane(t, z)
            continue
        shown = window(t, frames, pixels.frames, bundle.config.method.frames_seen)
        # Windows move on with the frames: what one has left none sees again.
        kept[z] = {i: one for i, one in kept[z].items() if i >= min(shown)}
        for i in sorted(set(shown) - set(kept[z])):
            kept[z][i] = plane(i, z)
        seen = [kept[z][i] for i in shown]
        yield Together(seen) if lazy else np.concatenate(seen, axis=-1)


@dataclass(frozen=True)
class Beyond:
    """A plane that is beyond what the training saw, and why; t is -1 of a whole video."""

    t: int
    z: int
    far: Far


class Lazy:
    """A plane (Y, X, C) of which only the parts that are asked for are read and normalised."""

    def __init__(
        self,
        bundle: ModelBundle,
        pixels: Pixels,
        t: int,
        z: int,
        levels: Levels | None,
        beyond: list[Beyond],
        used: Used | None = None,
    ) -> None:
        self.bundle, self.pixels, self.place = bundle, pixels, (t, z)
        self.shape = (*pixels.shape, bundle.config.channels)
        rule = bundle.config.normalisation
        # Measured as a video is: rows at a time; of 8 and 16 bits the percentiles are the same.
        far: list[Far] = []
        self.levels = levels or rule.levels_together(rows_of(pixels, t, z), bundle.config.seen, far)
        self.beyond, self.used = beyond, used
        beyond += [Beyond(t, z, one) for one in far]

    def __getitem__(self, where: tuple[slice, slice]) -> NDArray[np.float32]:
        far: list[Far] = []
        part, mapping = self.bundle.prepared(self.pixels.part(*self.place, where), self.levels, far)
        if self.used is not None:
            self.used[self.place] = mapping
        for one in far:
            at = ((where[0].start or 0) + one.at[0], (where[1].start or 0) + one.at[1])
            self.beyond.append(Beyond(*self.place, replace(one, at=at)))
        self.pixels.forget()
        return part


class Together:
    """Lazy frames as the channels of one."""

    def __init__(self, frames: list[Lazy]) -> None:
        self.frames = frames
        self.shape = (*frames[0].shape[:2], sum(frame.shape[2] for frame in frames))

    def __getitem__(self, where: tuple[slice, slice]) -> NDArray[np.float32]:
        return np.concatenate([frame[where] for frame in self.frames], axis=-1)


def _is_large(pixels: Pixels) -> bool:
    return pixels.shape[0] * pixels.shape[1] > array_storage.LARGE


def _levels(bundle: ModelBundle, pixels: Pixels, z: int, beyond: list[Beyond]) -> Levels | None:
    rule = bundle.config.normalisation
    read = rows_of if _is_large(pixels) and not rule.whole_plane else _plane
    parts = (part for t in range(pixels.frames) for part in read(pixels, t, z))
    far: list[Far] = []
    found = rule.levels(parts, bundle.config.seen, far)
    beyond += [Beyond(-1, z, one) for one in far]
    return found


def _plane(pixels: Pixels, t: int, z: int) -> Iterator[NDArray]:
    yield pixels.part(t, z)
    pixels.forget()


def rows_of(pixels: Pixels, t: int, z: int) -> Iterator[NDArray]:
    """Yield the rows of a plane, as many at a time as are measured at once."""
    height, width = pixels.shape
    step = max(_ROWS // width, 1)
    for low in range(0, height, step):
        yield pixels.part(t, z, (slice(low, min(low + step, height)), slice(None)))
        pixels.forget()
