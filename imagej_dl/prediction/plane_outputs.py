"""The network's output for whole images, plane by plane, and the objects in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images, preferences
from imagej_dl.errors import UserError, warn
from imagej_dl.images import array_storage, grey_rgb, memory_maps, units
from imagej_dl.methods.shared.instance_method import Accumulator, InstanceMethod
from imagej_dl.models import ModelBundle, backend
from imagej_dl.prediction import memory, openvino_backend, tiles
from imagej_dl.prediction.frames import Beyond, ready
from imagej_dl.prediction.intensity_range import words
from imagej_dl.prediction.network import looks_at_each, network
from imagej_dl.progress import Progress, silent

_BATCH_PIXELS = 1024 * 1024
_TILE = 1024
"""Side of a tile, px, where the memory for a larger one is not there, or not known."""


@dataclass(frozen=True)
class Plane:
    """A finished plane: `index` over T and Z, label map (Y, X), network output (Y, X, channels).

    Those of a large plane lie in temporary files; its output may be left out, and is empty then.
    So is the label map of a model that gives an image. `left_out` counts objects below the
    `minimum_area` of the model's post-processing.
    """

    index: tuple[int, ...]
    labels: NDArray
    probabilities: NDArray[np.float32]
    left_out: int = 0


def planes(
    bundle: ModelBundle,
    image: xr.DataArray,
    *,
    tile: int | None = None,
    halo: int | None = None,
    batch: int | None = None,
    progress: Progress = silent,
    probabilities: bool = True,
) -> Iterator[Plane]:
    """Segment an image and give its planes one by one, so that none need be kept.

    Parameters, axes and errors are those of :func:`predict`; what is wrong with the image as a
    whole is raised at the first plane. Without `probabilities`, large planes have none.
    """
    config = bundle.config
    image = grey_rgb.with_channels(image, config.channels)
    _check(bundle, image)
    needed = config.halo
    halo = needed if halo is None else halo
    least = 2 * (-(-halo // config.multiple_of) + 1) * config.multiple_of
    sizes = [image.sizes[d] for d in "YX"]
    tile = tile if tile is not None else _tile(bundle.model, (sizes[0], sizes[1]), halo, least)
    cut = [tiles.spans(size, tile, halo, config.multiple_of) for size in sizes]
    if halo < needed and max(map(len, cut)) > 1:
        warn(
            f"tiles overlap by {halo} px, but the receptive field reaches {needed} px: tile edges "
            "may show"
        )
    # Windows that follow each other share their frames, where each is looked at once.
    frames = 1 if looks_at_each(bundle.model) else config.frames
    window = cut[0][0].size * cut[1][0].size * frames
    if batch is None:
        batch = max(1, _BATCH_PIXELS // window)
    stack = [d for d in map(str, image.dims) if d in "TZ"]
    indices = list(product(*(range(image.sizes[d]) for d in stack)))
    canvas: _Canvas | None = None
    done, total = 0, len(indices) * len(cut[0])
    progress("predict", done, total)
    beyond: list[Beyond] = []
    for strip in tiles.strips(
        ready(bundle, image, beyond),
        network(bundle, len(indices) * len(cut[0]) * len(cut[1]) * window),
        tile=tile,
        halo=halo,
        multiple_of=config.multiple_of,
        batch=batch,
    ):
        if canvas is None:
            canvas = _Canvas(bundle, (sizes[0], sizes[1]), probabilities)
        canvas.add(strip)
        if strip.last:
            if canvas.objects is not None:
                openvino_backend.rest(bundle.model)
            yield canvas.finish(indices[strip.plane], progress)
            canvas = None
        done += 1
        progress("predict", done, total)
    for text in words(beyond, image):
        warn(text)


class _Canvas:
    """A plane in work: the network's output, or of a large one what its objects are made of."""

    def __init__(self, bundle: ModelBundle, shape: tuple[int, int], probabilities: bool) -> None:
        self.method, self.settings = bundle.config.method, bundle.config.instances
        is_large = shape[0] * shape[1] > array_storage.LARGE
        self.objects: Accumulator | None = None
        if is_large and isinstance(self.method, InstanceMethod):
            self.objects = self.method.accumulator(shape, self.settings)
        kept = shape if probabilities or self.objects is None else (0, 0)
        make = array_storage.in_file if is_large and kept == shape else np.empty
        self.whole: NDArray[np.float32] = make((*kept, len(bundle.config.classes)), np.float32)

    def add(self, strip: tiles.Strip) -> None:
        if self.whole.size:
            self.whole[strip.low : strip.high] = strip.values
            memory_maps.forget(self.whole)
        if self.objects is not None:
            self.objects.add(strip.low, strip.values)

    def finish(self, index: tuple[int, ...], progress: Progress) -> Plane:
        if self.objects is not None:
            labels = self.objects.finish(progress)
            return Plane(index, labels, self.whole, self.objects.left_out)
        if not isinstance(self.method, InstanceMethod):
            return Plane(index, np.zeros((0, 0), np.uint16), self.whole)
        labels, left_out = self.method.instances(self.whole, self.settings)
        return Plane(index, labels, self.whole, left_out)


def _tile(model: Any, shape: tuple[int, int], halo: int, least: int) -> int:
    preferred = preferences.read().tile
    if not preferred:
        preferred = _affordable(model, min(shape))
    # Of a tile that is hardly larger than its halos nearly all is thrown away.
    if preferred >= 4 * halo:
        return preferred
    return max(_TILE, 2 * least)


def _affordable(model: Any, short: int) -> int:
    """Return the largest side of tiles that the memory has room for: the whole plane, at best."""
    if backend.gpus():  # what is free on a GPU is not known
        return _TILE
    pixels = memory.affordable_pixels(model)
    if pixels is None:
        return _TILE
    # Of a plane narrower than the tile, tiles are as wide as the plane.
    return max(_TILE, pixels // short if short**2 < pixels else math.isqrt(pixels))


def _check(bundle: ModelBundle, image: xr.DataArray) -> None:
    title, config = image.attrs.get("title") or None, bundle.config
    if not image.size:
        raise UserError("the image has no pixels", path=title)
    channels = image.sizes.get("C", 1)
    if channels != config.channels:
        remedy = "In ImageJ, Image > Color > Split Channels or Merge Channels... makes one."
        if channels == 1 and config.channels == 3:
            remedy += (
                " Where the model was trained on colour pictures, Image > Type > RGB Color does."
            )
        elif channels == 3 and config.channels == 1:
            remedy += " For colour images, Image > Type > 8-bit makes grey values."
        raise UserError(
            f"the image has {channels} channel(s), the model was trained on {config.channels}",
            path=title,
            remedy=remedy,
        )
    if image.sizes.get("Z", 1) > 1:
        frames = config.frames > 1 and image.sizes.get("T", 1) == 1
        warn(
            f"{title or 'the image'}: each of the {image.sizes['Z']} slices is segmented on its "
            "own; ids are not linked between slices"
            + (". If they are frames, pass --axes TYX" if frames else "")
        )
    if config.frames > 1 and image.sizes.get("T", 1) == 1:
        warn(
            f"{title or 'the image'}: the model sees {config.frames} frames, but the image has "
            "only one, which is repeated"
        )
    cal = images.calibration(image)
    if units.is_calibrated(config.unit) and units.is_calibrated(cal.unit):
        scale = units.factor(cal.unit, config.unit)
        ratio = 0.0 if scale is None else cal.pixel_width * scale / config.pixel_width
        if not 0.75 <= ratio <= 4 / 3:
            warn(
                f"{title or 'the image'}: its pixels are {cal.pixel_width:g} {cal.unit} wide, "
                f"those of the training images {config.pixel_width:g} {config.unit}: objects may "
                "be missed"
            )
