"""Z-stacks that are learnt as volumes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.training.example_files import places_of


def check(name: str, image: xr.DataArray, slices: int) -> None:
    """Raise UserError for an image with fewer slices than the patches have."""
    depth = image.sizes.get("Z", 1)
    if depth == 1:
        frames = image.sizes.get("T", 1)
        raise UserError(
            "has one slice: there is no volume to learn from",
            path=name,
            remedy="Leave --patch-slices out"
            + (
                f". If its {frames} frames are slices, say so in ImageJ (Image > Properties...) "
                "and save it again."
                if frames > 1
                else "."
            ),
        )
    if depth < slices:
        raise UserError(
            f"has {depth} slices, fewer than the patches ({slices})",
            path=name,
            remedy=f"Choose --patch-slices {depth} or fewer, or leave it out.",
        )


def frames(image: xr.DataArray) -> list[list[dict[str, int]]]:
    """Return the places of the slices of each frame."""
    found: dict[int, list[dict[str, int]]] = {}
    for place in places_of(image):
        found.setdefault(place.get("T", 0), []).append(place)
    return list(found.values())


def together(of_slices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what an example has of the target of a volume, of what it has of its slices.

    These are normalised alike, so that one scale holds for all.
    """
    return {
        "target": np.stack([one["target"] for one in of_slices]),
        "scale": of_slices[0]["scale"],
        "moments": reduce(add, (one["moments"] for one in of_slices)),
    }
