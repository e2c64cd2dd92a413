"""From image and label files to the planes that training reads."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import Calibration, Normalisation
from imagej_dl.models import ModelConfig
from imagej_dl.progress import Progress, silent
from imagej_dl.training import targets
from imagej_dl.training.dataset import Example
from imagej_dl.training.weights import WeightMap, contour_map, unet_map

Pair = tuple[str | Path | xr.DataArray, str | Path | xr.DataArray]
"""An image and its label map (or RoiSet.zip), as files or in memory."""


@dataclass(frozen=True)
class Given:
    """Pairs whose part in the training is decided; `maps` go with all of them, in this order."""

    train: Sequence[Pair]
    validation: Sequence[Pair] = ()
    test: Sequence[Pair] = ()
    maps: Sequence[Maps] | None = None

    @property
    def pairs(self) -> list[Pair]:
        """All of them."""
        return [*self.train, *self.validation, *self.test]


@dataclass(frozen=True)
class Maps:
    """What may be given beside the label map, of the same axes: the contour class, the weights."""

    contours: str | Path | xr.DataArray | None = None
    weights: str | Path | xr.DataArray | None = None


_MAPS: dict[str, Callable[[NDArray], NDArray[np.float32]]] = {
    "unet": unet_map,
    "contour": contour_map,
}

MEMORY_LIMIT = 2 * 2**30
"""Bytes of examples that are kept in memory; what is above is memory-mapped from disk."""

_MODEL = "the model to start from"


class Examples:
    """The planes of all pairs, normalised, and what they have in common.

    Parameters
    ----------
    pairs, normalisation : what is read, and how intensities become the network's input.
    frames : that a recurrent network sees; each example brings those before it, the first frame
        standing for what is before the first.
    weight_map : "unet" or "contour": of which weights are made, where none are given.
    maps : for each pair, what is given beside its label map.
    like : a model that a training starts from.
    memory_limit : bytes; what is above is memory-mapped from disk.

    Attributes
    ----------
    sources : the planes of each pair, in order.
    channels : of the images.
    calibration : of the first image, or of the model `like` that a training starts from; others
        that differ by more than 10 % are warned of.
    diameter : median diameter of all objects in px.
    smallest : area in px that 99 % of all objects exceed.
    raw : the first plane that has an object, as it is in its file: the model's test image. For a
        recurrent network the window (T, Y, X) or (T, Y, X, C) that ends with it.
    """

    def __init__(
        self,
        pairs: Iterable[Pair],
        normalisation: Normalisation,
        *,
        frames: int = 1,
        weight_map: WeightMap = "none",
        maps: Sequence[Maps] | None = None,
        like: ModelConfig | None = None,
        memory_limit: int = MEMORY_LIMIT,
        progress: Progress = silent,
    ) -> None:
        pairs = list(pairs)
        if not pairs:
            raise UserError("there is no image with labels to train on")
        self.sources: list[list[Example]] = []
        self.channels = 0
        self.calibration = Calibration()
        self.raw: NDArray = np.zeros((0, 0), np.uint8)
        self._normalisation = normalisation
        self._frames = frames
        self._weights = _MAPS.get(weight_map)
        self._store = _Store(memory_limit)
        self._digest = hashlib.sha256()
        self._first = self._calibrated = ""
        if like is not None:
            self.channels, self._first = like.channels, _MODEL
            if like.unit != "pixel":
                self._calibrated = _MODEL
                self.calibration = Calibration(like.pixel_width, like.pixel_height, unit=like.unit)
        diameters: list[NDArray[np.float64]] = []
        names = _short_names([image for image, _ in pairs])
        for done, (source, truth) in enumerate(pairs):
            progress("reading", done, len(pairs))
            image = source if isinstance(source, xr.DataArray) else images.read(source)
            labels = _labels(truth, image)
            place = names[done] if isinstance(truth, xr.DataArray) else str(truth)
            image, labels = _checked(names[done], image, labels, place)
            self._compare(names[done], image)
            given = (maps[done] if maps else None) or Maps()
            extra = {
                name: _map(source, image)
                for name, source in (("contours", given.contours), ("weights", given.weights))
                if source is not None
            }
            planes = self._planes(names[done], image, labels, extra)
            self.sources.append(planes)
            diameters += [targets.diameters(example.labels) for example in planes]
        progress("reading", len(pairs), len(pairs))
        sizes = np.concatenate(diameters)
        if not sizes.size:
            raise UserError(
                "none of the label maps holds an object",
                remedy="Draw ROIs, or check that the label maps are those of the images.",
            )
        self.diameter = float(np.median(sizes))
        self.smallest = int(np.pi / 4 * np.percentile(sizes, 1) ** 2)

    @property
    def fingerprint(self) -> str:
        """A digest of all pixels, by which a resumed training knows its data."""
        return self._digest.hexdigest()

    def _compare(self, name: str, image: xr.DataArray) -> None:
        channels, cal = image.sizes.get("C", 1), images.calibration(image)
        if not self.channels:
            self.channels, self._first = channels, name
        if channels != self.channels:
            raise UserError(
                f"has {channels} channel(s), {self._first} has {self.channels}",
                path=name,
                remedy="Train on images that have the same channels.",
            )
        if not self._calibrated:
            self.calibration, self._calibrated = cal, name
        first = self.calibration
        if first.unit != cal.unit or abs(cal.pixel_width / first.pixel_width - 1) > 0.1:
            warnings.warn(
                f"{name}: pixels of {cal.pixel_width:g} {cal.unit}, those of {self._calibrated} "
                f"are {first.pixel_width:g} {first.unit}; the model records the latter",
                DataWarning,
                stacklevel=4,
            )

    def _planes(
        self, name: str, image: xr.DataArray, labels: xr.DataArray, extra: dict[str, xr.DataArray]
    ) -> list[Example]:
        stack = [axis for axis in ("T", "Z") if axis in image.dims]
        places = [
            dict(zip(stack, index, strict=True))
            for index in np.ndindex(*(image.sizes[a] for a in stack))
        ]
        filled = [place for place in places if labels.isel(place).data.any()]
        if filled and len(filled) < len(places):
            # In a stack, planes without any ROI are most often planes nobody has looked at.
            warnings.warn(
                f"{name}: {len(places) - len(filled)} of {len(places)} planes have no label and "
                "are left out",
                DataWarning,
                stacklevel=4,
            )
        else:
            filled = places
        levels = {
            z: self._normalisation.levels(
                _raw(name, image, place) for place in places if place.get("Z", 0) == z
            )
            for z in range(image.sizes.get("Z", 1))
        }
        examples = []
        before: dict[int, deque[tuple[NDArray, NDArray]]] = {}
        # A recurrent network sees the frames without labels too, before those with.
        for place in places if self._frames > 1 else filled:
            raw = _raw(name, image, place)
            z = place.get("Z", 0)
            ready = self._normalisation(raw, levels[z])
            ready = ready[..., None] if ready.ndim == 2 else ready
            self._digest.update(ready.tobytes())
            seen = before.setdefault(z, deque(maxlen=self._frames))
            kept = self._store.keep(ready)
            seen.extend([(raw, kept)] * (1 if seen else self._frames))
            if place not in filled:
                continue
            flat = np.ascontiguousarray(labels.isel(place).data)
            if not self.raw.size and flat.any():
                self.raw = raw if self._frames == 1 else np.stack([one for one, _ in seen])
            self._digest.update(flat.tobytes())
            examples.append(
                Example(
                    name + "".join(f" {axis}={index + 1}" for axis, index in place.items()),
                    kept,
                    self._store.keep(flat),
                    digest=_digest(raw),
                    before=tuple(one for _, one in seen)[:-1],
                    **self._extra(flat, place, extra),
                )
            )
        return examples

    def _extra(
        self, labels: NDArray, place: dict[str, int], extra: dict[str, xr.DataArray]
    ) -> dict[str, NDArray]:
        found = {name: np.asarray(one.isel(place).data) for name, one in extra.items()}
        if "weights" in found:
            found["weights"] = found["weights"].astype(np.float32)
        elif self._weights is not None:
            found["weights"] = self._weights(labels)
        for array in found.values():
            self._digest.update(array.tobytes())
        return {name: self._store.keep(array) for name, array in found.items()}


class _Store:
    """Keeps arrays in memory up to a limit, then in memory-mapped files that vanish with it."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._folder: Any = None
        self._count = 0

    def keep(self, array: NDArray) -> NDArray:
        self._free -= array.nbytes
        if self._free >= 0:
            return array
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="imagej-dl-")
        path = Path(self._folder.name) / f"{self._count}.npy"
        self._count += 1
        np.save(path, array)
        return np.load(path, mmap_mode="r")


def _checked(
    name: str, image: xr.DataArray, labels: xr.DataArray, labels_name: str
) -> tuple[xr.DataArray, xr.DataArray]:
    """Check that the labels are labels and those of the image; give them its axes."""
    if "C" in labels.dims:
        raise UserError(
            "is a colour or multi-channel image, not a label map",
            path=labels_name,
            remedy="Label maps have one channel, whose values are the objects' ids.",
        )
    try:
        labels = images.as_labels(labels)
    except UserError as error:
        raise UserError(error.problem, path=labels_name, remedy=error.remedy) from error
    labels = images.stacked_like(labels, image)
    wanted = [axis for axis in image.dims if axis != "C"]
    sizes = tuple(image.sizes[axis] for axis in wanted)
    if labels.shape != sizes:
        raise UserError(
            f"has the shape {labels.shape} ({_axes(labels)}), its image {name} has {sizes} "
            f"({''.join(map(str, wanted))})",
            path=labels_name,
            remedy="Make the label map again from the image that the ROIs were drawn on.",
        )
    return image, images.with_data(labels, labels.data, [str(axis) for axis in wanted])


def _raw(name: str, image: xr.DataArray, place: dict[str, int]) -> NDArray:
    plane = image.isel(place).transpose(..., "Y", "X")
    raw = plane.transpose("Y", "X", "C").data if "C" in plane.dims else plane.data
    if not np.isfinite(raw).all():
        raise UserError(
            "holds pixels that are no number or infinite",
            path=name,
            remedy="Replace them, in ImageJ with Process > Math > NaN Background.",
        )
    return raw


def _map(source: str | Path | xr.DataArray, image: xr.DataArray) -> xr.DataArray:
    """Read a map that belongs to an image, and check that it has its size."""
    found = source if isinstance(source, xr.DataArray) else images.read(source)
    found = images.stacked_like(found, image)
    wanted = {axis: size for axis, size in image.sizes.items() if axis != "C"}
    if dict(found.sizes) != wanted:
        raise UserError(
            f"has the axes {dict(found.sizes)}, its image has {wanted}",
            path=str(source) if not isinstance(source, xr.DataArray) else None,
            remedy="Make it again from the labels of that image.",
        )
    return found.transpose(*wanted)


def _digest(raw: NDArray) -> str:
    """Name a plane by its pixels, whatever its file is called."""
    head = f"{raw.shape}{raw.dtype.kind}{raw.dtype.itemsize}".encode()
    little = raw.astype(raw.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(head + little.tobytes()).hexdigest()[:16]


def _axes(image: xr.DataArray) -> str:
    return "".join(map(str, image.dims))


def _short_names(sources: Sequence[str | Path | xr.DataArray]) -> list[str]:
    """Name images by their path below what all have in common: split.json goes to others."""
    paths = [Path(s).absolute() for s in sources if not isinstance(s, xr.DataArray)]
    root = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    return [
        str(source.attrs.get("title") or f"image {number}")
        if isinstance(source, xr.DataArray)
        else Path(source).absolute().relative_to(root).as_posix()
        for number, source in enumerate(sources, 1)
    ]


def _labels(source: str | Path | xr.DataArray, image: xr.DataArray) -> xr.DataArray:
    if isinstance(source, xr.DataArray):
        return source
    if Path(source).suffix.lower() not in (".zip", ".roi") and not Path(source).is_dir():
        return images.read(source)
    from imagej_dl import rois

    try:
        return rois.label_map(rois.read(source), image)[0]
    except UserError as error:
        raise UserError(error.problem, path=error.path or source, remedy=error.remedy) from error
