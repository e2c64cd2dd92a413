"""Z-stacks that are learnt as volumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.images.checks import saturation
from imagej_dl.training import target_images
from imagej_dl.training.example_files import name_of, normalised, places_of, plane_of
from imagej_dl.training.example_storage import Store
from imagej_dl.training.patches import Example


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


def examples(
    name: str,
    image: xr.DataArray,
    target: xr.DataArray,
    normalisation: Normalisation,
    store: Store,
) -> Iterator[tuple[Example, NDArray]]:
    """Yield the volume of each frame, and the same (Z, Y, X) or (Z, Y, X, C) as in the file.

    Volumes are normalised as a whole.

    Parameters
    ----------
    target : the image that is learnt, which may be `image` itself.
    store : keeps the pixels.
    """
    saturated = []
    frames = _frames(image)
    slices = (plane_of(name, image, place) for one in frames for place in one)
    video = normalisation.levels(slices)
    for places in frames:
        raws = [plane_of(name, image, place) for place in places]
        levels = video or normalisation.levels_together(raws)
        pairs = [
            normalised(name, raw, place, normalisation, levels)
            for raw, place in zip(raws, places, strict=True)
        ]
        ready = np.stack([one for one, _ in pairs])
        kept = store.record(ready)
        whole = np.stack(raws)
        found: dict[str, Any] = {"target": kept}
        if target is image:
            saturated += [saturation.share(raw) for raw in raws]
        else:
            of_slices = [
                target_images.plane(name, raw, target, place, used)
                for raw, place, (_, used) in zip(raws, places, pairs, strict=True)
            ]
            found = _together(of_slices)
            found["target"] = store.record(found["target"])
        frame = f" T={places[0]['T'] + 1}" if "T" in places[0] else ""
        everywhere = np.broadcast_to(np.uint8(1), ready.shape[1:3])  # without memory
        yield Example(name + frame, kept, everywhere, digest=name_of(whole), **found), whole
    saturation.tell(name, saturated)


def _frames(image: xr.DataArray) -> list[list[dict[str, int]]]:
    """Return the places of the slices of each frame."""
    found: dict[int, list[dict[str, int]]] = {}
    for place in places_of(image):
        found.setdefault(place.get("T", 0), []).append(place)
    return list(found.values())


def _together(of_slices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what an example has of the target of a volume, of what it has of its slices.

    These are normalised alike, so that one scale holds for all.
    """
    return {
        "target": np.stack([one["target"] for one in of_slices]),
        "scale": of_slices[0]["scale"],
        "moments": reduce(add, (one["moments"] for one in of_slices)),
    }
