"""Files of further microscopes, read by bioio and its plugin for the format."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl import optional
from imagej_dl.errors import UserError, one_line, warn
from imagej_dl.images import scenes, units
from imagej_dl.images.checks import library_warnings
from imagej_dl.images.formats.base import Format, labelled

# This plugin logs each value that a file does not state, with the traceback.
_LOGGER = "bioio_lif"


class Bioio(Format):
    """Formats that bioio reads with a plugin for each."""

    name = "bioio"
    position = 6
    suffixes = (
        ".nd2",
        ".lif",
        ".dv",
        ".r3d",
        ".oib",
        ".oif",
        ".oir",
        ".ims",
        ".sld",
        ".sldy",
        ".vsi",
    )
    raw_only = True
    uploadable = False
    multi_scene = True
    library = "bioio"
    install = "pip install 'imagej-dl[bioio]' and bioio's plugin for the format (such as bioio-nd2)"

    def read(
        self, path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
    ) -> xr.DataArray:
        return _read(path, axes, scene)

    def scene_names(self, path: Path) -> list[str]:
        """Return the name of each scene: of a .lif with its folders, of a .nd2 the positions."""
        with _opened(path) as image:
            return [str(name or "") for name in image.scenes]


def _read(path: Path, axes: str | None = None, scene: int | None = None) -> xr.DataArray:
    """Read a scene by bioio; see :func:`imagej_dl.images.read`.

    Warns
    -----
    DataWarning : when there are several scenes and none is chosen, and for a mosaic, which the
        plugin stitches.
    """
    with _opened(path, scene) as image:
        stated = [str(name or "") for name in image.scenes]
        # By index: among scenes of the same name, the name would choose the first.
        image.set_scene(scenes.index(path, stated, scene))
        tiles = int(getattr(image.reader.dims, "M", 1))
        array, axes_read = np.asarray(image.data), str(image.dims.order)
        sizes, interval = image.physical_pixel_sizes, _interval(image)
        channels = [str(name) for name in getattr(image, "channel_names", None) or ()]
    if tiles > 1:
        _check_mosaic(path, tiles, "M" in axes_read)
    if "S" in axes_read:
        channel = axes_read.index("C") if "C" in axes_read else None
        if channel is not None and array.shape[channel] > 1:
            raise UserError("has colours in several channels", path=path)
        if channel is not None:
            array, axes_read = array.squeeze(channel), axes_read.replace("C", "")
        axes_read, channels = axes_read.replace("S", "C"), []
    attrs: dict[str, Any] = {"channels": channels} if channels else {}
    known: dict[str, Any] = {"unit": "µm"}
    for axis, key in (("X", "pixel_width"), ("Y", "pixel_height"), ("Z", "pixel_depth")):
        if math.isfinite(value := abs(float(getattr(sizes, axis, None) or 0))) and value:
            known[key] = value
    attrs |= units.completed(path.name, known)
    if math.isfinite(interval) and interval > 0:
        attrs["frame_interval"] = interval
    return labelled(path, array, axes.upper() if axes else axes_read, attrs)


@contextmanager
def _opened(path: Path, scene: int | None = None) -> Iterator[Any]:
    install = f"{Bioio.install}, or save it as TIFF in Fiji."
    words = f"is a {path.suffix} file, and bioio, which is needed to read it,"
    try:
        bioio = optional.need("bioio", words, install)
    except UserError as error:
        raise error.at(path) from error
    try:
        with library_warnings.collected(_LOGGER):
            yield bioio.BioImage(path)
    except UserError:
        raise
    except Exception as error:  # each plugin has its own
        words = one_line(error)[:300]
        raise UserError(
            f"{f'scene {scene} ' if scene else ''}cannot be read by bioio ({words})",
            path=path,
            remedy="Save it as TIFF in Fiji, or install bioio's plugin for the format if it is "
            "not there.",
        ) from error


def _interval(image: Any) -> float:
    """Return the frame interval in seconds, for a .lif the mean of its time stamps; 0: unknown."""
    interval = getattr(image, "time_interval", None)
    if interval is None and int(getattr(image.reader.dims, "T", 1)) > 1:
        interval = getattr(image.reader, "timelapse_interval", None)
    seconds = getattr(interval, "total_seconds", None)
    return float(seconds() if seconds else interval or 0)


def _check_mosaic(path: Path, tiles: int, apart: bool) -> None:
    if apart:
        raise UserError(
            f"is a mosaic of {tiles} tiles, which bioio's plugin does not join",
            path=path,
            remedy="Merge them in the microscope's software, or stitch them in Fiji.",
        )
    warn(
        f"is a mosaic of {tiles} tiles, joined by bioio's plugin without "
        "blending; the microscope's software can merge them",
        path=path,
    )
