"""The image of a prediction in blocks, as a plan names it: read where a block needs it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl import images
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.images import grey_rgb, memory_maps
from imagej_dl.images.formats import registry
from imagej_dl.images.lazy_arrays import LazyArray

_SMALL = 256 * 2**20
"""Bytes of pixels that each worker may read for itself."""
_COPY = "image.npy"


@dataclass(frozen=True)
class Input:
    """An image by its file.

    path, axes, scene : as :func:`imagej_dl.images.read` takes them.
    channels : that the model has; grey images become colour images for a model of these.
    copy : a copy of the pixels, where the file cannot be read part by part.
    dims, attrs : of the copy.
    """

    path: str
    axes: str | None
    scene: int | None
    channels: int
    copy: str | None = None
    dims: tuple[str, ...] = ()
    attrs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        image: xr.DataArray,
        path: Path,
        axes: str | None,
        scene: int | None,
        channels: int,
        folder: Path,
        in_memory: bool,
    ) -> Input:
        """Name an image for the workers, with a copy in the working folder where it takes one.

        `in_memory` says that it is in no file, or is one of several.
        """
        where = (str(path.resolve()), axes, scene, channels)
        if not in_memory and (image.nbytes <= _SMALL or _read_in_parts(image, path)):
            return cls(*where)
        copy = folder / _COPY
        if not copy.exists():
            _write(image, copy)
        cal = asdict(images.calibration(image))
        return cls(
            *where,
            str(copy),
            tuple(map(str, image.dims)),
            {**cal, "title": str(image.attrs.get("title", ""))},
        )

    def declared(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def read(path: Path, axes: str | None, scene: int | None) -> xr.DataArray:
    """Read an image of which no more is held than what is asked for, where its format allows it.

    The parameters, and errors, are those of :func:`imagej_dl.images.read`.
    """
    if registry.of_file(path) in registry.folder_formats():
        from imagej_dl.images.formats.ome_zarr import open_lazily

        return open_lazily(path, scene=scene, axes=axes).image()
    return images.read(path, axes, mapped=True, scene=scene)


def opened(declared: dict[str, Any]) -> xr.DataArray:
    """Return the image; its pixels are read when they are asked for."""
    if declared["copy"] is None:
        image = read(Path(declared["path"]), declared["axes"], declared["scene"])
    else:
        pixels = np.load(declared["copy"], mmap_mode="r")
        image = images.make(pixels, declared["dims"], **declared["attrs"])
    return grey_rgb.with_channels(image, declared["channels"])


def _read_in_parts(image: xr.DataArray, path: Path) -> bool:
    """Return whether the pixels lie in the file itself, and not in a copy of it."""
    if isinstance(image.data, LazyArray):
        return True
    base: Any = image.data
    while base is not None and not (isinstance(base, np.memmap) and base.filename):
        base = getattr(base, "base", None)
    return base is not None and Path(str(base.filename)) == path.resolve()


def _write(image: xr.DataArray, copy: Path) -> None:
    with atomic(copy) as temporary:
        dtype = image.dtype.newbyteorder("=")
        made = np.lib.format.open_memmap(temporary, "w+", dtype, image.shape)
        for place, part in memory_maps.pieces(image.data):
            made[place] = part
            memory_maps.forget(made)
        made.flush()
