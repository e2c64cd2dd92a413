"""All planes of an image through one network: what it is given, and how that is cut."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import xarray as xr

from imagej_dl import preferences
from imagej_dl.models import ModelBundle, backend
from imagej_dl.models.foreign import ForeignNetwork
from imagej_dl.prediction import memory, tiles, volumes
from imagej_dl.prediction.frames import Beyond, Used, ready
from imagej_dl.prediction.intensity_range import words
from imagej_dl.prediction.network import looks_at_each, network
from imagej_dl.prediction.pixels import Pixels
from imagej_dl.prediction.views import View, seen

_BATCH_PIXELS = 1024 * 1024
_VOXELS = 4 * 1024 * 1024
"""Of a tile of a volume, where the memory is not known."""
_TILE = 1024
"""Side of a tile, px, where the memory for a larger one is not there, or not known."""


class Pass:
    """All planes through one network, in each of the views: what is fed, and how it is cut."""

    def __init__(
        self,
        bundle: ModelBundle,
        pixels: Pixels,
        seen_as: tuple[View, ...],
        planes: int,
        *,
        tile: int | None,
        halo: int | None,
        batch: int | None,
        slabs: Sequence[tiles.Span] = (),
    ) -> None:
        """`slabs` are those of a volume along Z, of one size, where the network is 3-D."""
        self.bundle, self.pixels, self.views = bundle, pixels, seen_as
        self.slabs = slabs
        depth = slabs[0].size if slabs else None
        self.beyond: list[Beyond] = []
        self.used: Used = {}
        config = bundle.config
        needed = config.halo
        halo = needed if halo is None else halo
        least = 2 * (-(-halo // config.multiple_of) + 1) * config.multiple_of
        if tile is None:
            tile = tile_side(bundle.model, pixels.shape, halo, least, depth)
        cuts = {}
        shapes = [view.shape(pixels.shape) for view in seen_as]
        largest = (max(shape[0] for shape in shapes), max(shape[1] for shape in shapes))
        exact = config.window(largest, tile)
        sides = exact or (tile, tile)
        for view, shape in zip(seen_as, shapes, strict=True):
            down, across = (
                tiles.spans(size, side, halo, config.multiple_of, exact=exact is not None)
                for size, side in zip(shape, sides, strict=True)
            )
            cuts[view] = (down, across)
        tiles.warn_of_edges(halo, needed, *chain.from_iterable(cuts.values()))
        # Windows that follow each other share their frames, where each is looked at once.
        shared = looks_at_each(bundle.model) and len(seen_as) == 1
        frames = depth or (1 if shared else config.frames)
        areas = [down[0].size * across[0].size * frames for down, across in cuts.values()]
        if batch is None:
            batch = max(1, _BATCH_PIXELS // max(areas))
        self.options: dict[str, Any] = {"tile": sides, "halo": halo, "batch": batch}
        self.options["exact"] = exact is not None
        self.strips_per_plane = sum(len(down) for down, _ in cuts.values())
        windows = [len(down) * len(across) for down, across in cuts.values()]
        self.work = planes * sum(n * area for n, area in zip(windows, areas, strict=True))

    def strips(self) -> Iterator[tuple[View, tiles.Strip]]:
        """Yield the outputs of each plane, view by view."""
        method = self.bundle.config.method
        used = self.used if method.gives == "image" or method.intensities else None
        if self.slabs:
            planes: Iterator[Any] = volumes.ready(
                self.bundle, self.pixels, self.slabs, self.beyond, self.used
            )
        else:
            planes = ready(self.bundle, self.pixels, self.beyond, used)
        given = (seen(plane, view) for plane in planes for view in self.views)
        for strip in tiles.strips(
            given,
            network(self.bundle, self.work),
            multiple_of=self.bundle.config.multiple_of,
            **self.options,
        ):
            yield self.views[strip.plane % len(self.views)], strip

    def words(self, image: xr.DataArray) -> list[str]:
        """Return a sentence for each way in which planes are beyond what the training saw."""
        steps = [
            image.sizes[axis] / size for axis, size in zip("YX", self.pixels.shape, strict=True)
        ]
        # A pixel is named by its place in the image, not in the resampled one.
        beyond = [
            replace(one, far=replace(one.far, at=_scaled(one.far.at, steps))) for one in self.beyond
        ]
        segmented = self.bundle.config.method.gives == "instances"
        return words(beyond, image, segmented=segmented)


def _scaled(at: tuple[int, int], steps: list[float]) -> tuple[int, int]:
    y, x = (int((place + 0.5) * step) for place, step in zip(at, steps, strict=True))
    return y, x


def tile_side(
    model: Any, shape: tuple[int, int], halo: int, least: int, slices: int | None = None
) -> int:
    """Return the largest side of tiles of planes of a shape, halo included, at least `least`.

    `slices` are those of a tile, where it is one of a volume.
    """
    preferred = preferences.read().tile
    if slices is not None:
        known = None if backend.gpus() else memory.affordable_pixels(model)
        return preferred or max(math.isqrt((known or _VOXELS) // slices), 2 * least)
    if not preferred:
        preferred = _affordable(model, min(shape))
    # Of a tile that is hardly larger than its halos nearly all is thrown away.
    if preferred >= 4 * halo:
        return preferred
    return max(_TILE, 2 * least)


def _affordable(model: Any, short: int) -> int:
    """Return the largest side of tiles that the memory has room for: the whole plane, at best."""
    if isinstance(model, ForeignNetwork):  # what it takes is not known
        return _TILE
    if backend.gpus():  # what is free on a GPU is not known
        return _TILE
    pixels = memory.affordable_pixels(model)
    if pixels is None:
        return _TILE
    # Of a plane narrower than the tile, tiles are as wide as the plane.
    return max(_TILE, pixels // short if short**2 < pixels else math.isqrt(pixels))
