"""The sequences NN of the Cell Tracking Challenge: which videos they have, and which frames."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError

_NAME = re.compile(r"(\d{2,})_(\d+)-(\d+)")


def sequences(videos: Mapping[str, xr.DataArray]) -> dict[str, list[tuple[str, range]]]:
    """Return the videos of each sequence NN, in their order, and which frames of it they are.

    Names NN_FIRST-LAST say it, but frames without a gap are numbered from 0, wherever they begin.

    Raises
    ------
    UserError : when videos of one sequence have frames of unequal size.
    """
    said = {name: _NAME.fullmatch(name) for name in videos}
    found: dict[str, list[tuple[str, range]]] = {}
    for count, (name, video) in enumerate(videos.items(), 1):
        match, length = said[name], video.sizes.get("T", 1)
        if match is None or not all(said.values()):
            found[f"{count:02}"] = [(name, range(length))]
        else:
            first = int(match[2])
            found.setdefault(match[1], []).append((name, range(first, first + length)))
    for number, parts in found.items():
        sizes = {name: tuple(videos[name].sizes[axis] for axis in "YX") for name, _ in parts}
        if len(set(sizes.values())) > 1:
            words = ", ".join(f"{name} {size}" for name, size in sizes.items())
            raise UserError(
                f"the parts of the sequence {number} have frames of unequal size ({words})",
                remedy="Videos of other sequences have another number NN before NN_FIRST-LAST.",
            )
        parts.sort(key=lambda part: part[1].start)
        first = parts[0][1].start
        if parts[-1][1].stop - first == sum(len(numbers) for _, numbers in parts):
            parts[:] = [(one, range(n.start - first, n.stop - first)) for one, n in parts]
    return found


def masks_of(
    parts: list[tuple[str, range]], labels: Mapping[str, xr.DataArray]
) -> dict[int, NDArray]:
    """Return the labels (Y, X) of a sequence by its frames, as far as there are some.

    `parts` are those of :func:`sequences`; labels of some frames of a video only have the
    coordinate T, which says them.
    """
    found: dict[int, NDArray] = {}
    for video, numbers in parts:
        if (known := labels.get(video)) is not None:
            places = known["T"].values.tolist() if "T" in known.coords else range(len(numbers))
            found |= {numbers[t]: mask for t, mask in zip(places, stack(known), strict=True)}
    return found


def planes(video: xr.DataArray) -> list[xr.DataArray]:
    """Return the frames of a video."""
    if "T" not in video.dims:
        return [video]
    return [video.isel(T=t) for t in range(video.sizes["T"])]


def stack(labels: xr.DataArray) -> NDArray:
    """Return a label movie as one array (T, Y, X)."""
    return np.stack([np.asarray(plane.data) for plane in planes(labels)])
