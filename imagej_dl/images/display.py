"""Display of an image as in ImageJ: optional attrs, and their place in the metadata of TIFFs.

None changes a pixel:

- `luts`: for each channel the colours of its grey values, (256, 3) uint8.
- `display_ranges`: for each channel (lowest, highest), the values of the LUT's ends.
- `display_mode`: "composite", "color" or "grayscale" for channels; "rgb" for a colour image,
  which is uint8 and has three channels.
- `channels`: the name of each channel, which ImageJ shows above its planes (slice labels).
- `slice_labels`: where they are not alike for all planes of a channel, the label of each plane, in
  the order T, Z, C.
- `selection`: the image's own selection: the bytes of a ROI in ImageJ's format, which
  `imagej_dl.rois.decode` reads and `imagej_dl.rois.encode` makes.
- `overlay`: list of such bytes, the ROIs that lie over the image.

Images hold ROIs as bytes only, so that `rois` depends on `images` and not both on each other, and
fields that another version of ImageJ writes into a ROI are kept.

:func:`imagej_dl.images.with_data` leaves them out, as they belong to the former pixels.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.images import memory_maps
from imagej_dl.images.labels.label_lut import golden_angle_lut

_KEPT = ("luts", "display_ranges", "display_mode", "channels", "slice_labels")
_RAMP = np.arange(256, dtype=np.uint8)
_PRIMARY = [np.stack([_RAMP * (i == k) for i in range(3)], axis=1) for k in range(3)]
MODES = ("composite", "color", "grayscale")
_NO_ROI = b"Iout".ljust(64, b"\0")
"""The smallest ROI: its header of 64 bytes."""


def coloured(labels: xr.DataArray) -> xr.DataArray:
    """Return a label map with the label colours as its LUT and all its ids in the range.

    ImageJ spreads 256 colours over the range: from id 256 on, several ids in a row look alike.
    """
    top = memory_maps.largest(labels.data)
    attrs = {"luts": [golden_angle_lut()], "display_ranges": [(0.0, float(max(255, top)))]}
    return labels.assign_attrs(attrs)


def luts(image: xr.DataArray) -> list[NDArray[np.uint8]] | None:
    """Return the LUT of each channel; None where there are none or they do not fit the channels."""
    channel_luts = _for_channels(image, "luts")
    if channel_luts is None:
        return None
    arrays = [np.asarray(lut) for lut in channel_luts]
    for lut in arrays:
        if lut.shape != (256, 3) or lut.dtype != np.uint8:
            raise UserError(
                f"has a LUT of shape {lut.shape} and type {lut.dtype}",
                path=image.attrs.get("title") or None,
                remedy="A LUT is a (256, 3) array of uint8.",
            )
    return arrays


def ranges(image: xr.DataArray) -> list[tuple[float, float]] | None:
    """Return the display range of each channel; None as in :func:`luts`."""
    limits = _for_channels(image, "display_ranges")
    return None if limits is None else [(float(low), float(high)) for low, high in limits]


def mode(image: xr.DataArray) -> str | None:
    """Return the display mode of the channels; None for one channel, or where it is not set."""
    chosen, channels = image.attrs.get("display_mode"), image.sizes.get("C", 1)
    if chosen is None or (chosen in MODES and channels < 2):
        return None
    fits = chosen in MODES or (chosen == "rgb" and channels == 3 and image.dtype == np.uint8)
    if not fits:
        what = f"{channels} channels of {image.dtype}"
        _left_out(image, f"the display mode {chosen!r} is not for {what}")
    return str(chosen) if fits else None


def usual_mode(channels: int) -> str:
    """Return the default display mode: composite for up to 7 channels, as in ImageJ."""
    return "composite" if channels <= 7 else "grayscale"


def slice_labels(image: xr.DataArray) -> list[str] | None:
    """Return the label of each plane, in the order T, Z, C; None where they are not of its planes.

    They are left out in silence: of a part of an image they are those of the whole.
    """
    labels = [str(label) for label in image.attrs.get("slice_labels") or ()]
    planes = math.prod(image.sizes.get(axis, 1) for axis in "TZC")
    return labels if any(labels) and len(labels) == planes else None


def like(result: xr.DataArray, image: xr.DataArray) -> xr.DataArray:
    """Return what was made of an image, shown as the image is: colours, ranges, mode and labels.

    Of a colour image the channels are shown in red, green and blue. What does not fit the result,
    which may have fewer channels, is left out; selection and overlay are, too.
    """
    shown = {key: image.attrs[key] for key in _KEPT if key in image.attrs}
    channels = result.sizes.get("C", 1)
    if shown.get("display_mode") == "rgb":
        shown |= {"display_mode": "composite", "luts": list(_PRIMARY)}
        shown["display_ranges"] = [(0.0, 255.0)] * 3
    if channels < 2:
        shown.pop("display_mode", None)
    for key in ("luts", "display_ranges", "channels"):
        if len(shown.get(key) or ()) != channels:
            shown.pop(key, None)
    if image.dtype == np.uint8 and "display_ranges" not in shown:
        # So ImageJ shows 8 bits of which nobody says anything.
        shown["display_ranges"] = [(0.0, 255.0)] * channels
    made = result.assign_attrs(shown)
    if slice_labels(made) is None:
        made.attrs.pop("slice_labels", None)
    return made


def to_metadata(image: xr.DataArray) -> tuple[dict[str, Any], NDArray[np.uint16] | None]:
    """Return ImageJ's metadata for tifffile, and the colour map of a single channel."""
    metadata: dict[str, Any] = {}
    colours, limits, colour_map = luts(image), ranges(image), None
    if image.sizes.get("C", 1) > 1:
        if colours is not None:
            metadata["LUTs"] = [np.ascontiguousarray(lut.T) for lut in colours]
        if limits is not None:
            metadata["Ranges"] = tuple(value for pair in limits for value in pair)
        chosen = mode(image)
        metadata["mode"] = chosen if chosen in MODES else usual_mode(image.sizes["C"])
    else:
        # Of a single channel ImageJ reads the range in the description and TIFF's colour map.
        if colours is not None:
            colour_map = colours[0].T.astype(np.uint16) * 257
        if limits is not None:
            metadata["min"], metadata["max"] = limits[0]
    if (names := _for_channels(image, "channels")) is not None:
        frames, slices = image.sizes.get("T", 1), image.sizes.get("Z", 1)
        metadata["Labels"] = [str(name) for name in names] * (frames * slices)
    if labels := slice_labels(image):
        metadata["Labels"] = labels
    if (selection := image.attrs.get("selection")) is not None:
        metadata["ROI"] = selection
    if overlay := image.attrs.get("overlay"):
        metadata["Overlays"] = list(overlay)
    if not all(map(is_roi, (metadata.get("ROI", _NO_ROI), *metadata.get("Overlays", ())))):
        raise UserError(
            "has a selection or overlay that is not a ROI",
            path=image.attrs.get("title") or None,
            remedy="It is bytes in ImageJ's format, as imagej_dl.rois.encode makes them.",
        )
    return metadata, colour_map


def from_metadata(path: Path, metadata: dict[str, Any], channels: int, colour_map: Any) -> dict:
    """Return the display attrs in ImageJ's metadata of a TIFF; damaged entries are left out.

    Parameters
    ----------
    metadata : as tifffile reads it.
    channels : how many the image has.
    colour_map : (3, 256) uint16 of the first page, or None.

    Warns
    -----
    DataWarning : for ROIs that cannot be read.
    """
    attrs: dict[str, Any] = {}
    if channels > 1:
        colours = _listed(metadata.get("LUTs"))
        limits = np.ravel(metadata.get("Ranges", ()))
        if metadata.get("mode") in MODES:
            attrs["display_mode"] = metadata["mode"]
    else:
        colours = [] if colour_map is None else [np.asarray(colour_map) >> 8]
        limits = np.ravel([metadata.get("min", np.nan), metadata.get("max", np.nan)])
    if names := _names(metadata.get("Labels"), channels):
        attrs["channels"] = names
    elif any(texts := [str(label) for label in _listed(metadata.get("Labels"))]):
        attrs["slice_labels"] = texts
    if len(colours) == channels and all(lut.shape == (3, 256) for lut in colours):
        attrs["luts"] = [lut.T.astype(np.uint8) for lut in colours]
    if len(limits) == 2 * channels and limits.dtype.kind in "if" and np.isfinite(limits).all():
        attrs["display_ranges"] = [(float(a), float(b)) for a, b in limits.reshape(-1, 2)]
    selection, overlay = _listed(metadata.get("ROI")), _listed(metadata.get("Overlays"))
    if all(map(is_roi, (*selection, *overlay))):
        attrs |= {"selection": selection[0]} if selection else {}
        attrs |= {"overlay": overlay} if overlay else {}
    else:
        words = f"{path.name}: the image's own ROIs are left out: they are damaged"
        warn(words)
    return attrs


def is_roi(data: Any) -> bool:
    """Return True for bytes that begin as a ROI of ImageJ's does."""
    return isinstance(data, bytes) and data[:4] == b"Iout" and len(data) >= len(_NO_ROI)


def _names(labels: Any, channels: int) -> list[str]:
    """Return the channel names, if each channel has one slice label for all its planes."""
    texts = [str(label) for label in _listed(labels)]
    names = texts[:channels]
    fits = len(texts) > 1 and all(names) and texts == names * (len(texts) // channels)
    return names if fits else []


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _for_channels(image: xr.DataArray, key: str) -> list[Any] | None:
    values, channels = image.attrs.get(key), image.sizes.get("C", 1)
    if values is not None and len(values) != channels:
        _left_out(image, f"{key} for {len(values)} channels do not fit {channels}")
        return None
    return values


def _left_out(image: xr.DataArray, what: str) -> None:
    title = image.attrs.get("title") or "the image"
    warn(f"{title}: {what}: left out")
