"""Run by the Python that has SynapseNet; see serve.py for how it is asked."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch_em_networks as networks
import weights
from serve import Arrays, Refused, Teller, Values, main
from synapse_net.file_utils import get_cache_dir
from synapse_net.inference.inference import get_available_models, run_segmentation
from synapse_net.inference.util import parse_tiling

_SETTINGS = {
    "vesicles": (
        "min_size",
        "distance_based_segmentation",
        "exclude_boundary",
        "exclude_boundary_vesicles",
    ),
    "mitochondria": ("min_size", "seed_distance", "area_threshold", "boundary_threshold"),
    "active_zone": ("min_size",),
    "compartments": ("n_slices_exclude", "boundary_threshold"),
    "cristae": ("min_size",),
}


def load(values: Values) -> Any:
    """Open the model of a request, once."""
    path = weights.path_of(values["model"], Path(get_cache_dir()) / "models", "SynapseNet")
    return networks.load(path, networks.device_of(gpu=True), *networks.PLANES, *networks.VOLUMES)


def type_of(values: Values) -> str:
    """Return the type of a model: the one that was given, or its name."""
    given = values["settings"]["model_type"] or os.path.basename(values["model"])
    known = [name for name in get_available_models() if name.startswith(tuple(_SETTINGS))]
    if given not in known:
        raise Refused(
            f"SynapseNet does not say what {given} segments", f"Set model_type: {', '.join(known)}."
        )
    return str(given)


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    type_of(values)
    load(values)
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    settings, image = values["settings"], arrays["image"]
    model, kind = load(values), type_of(values)
    wanted = next(names for start, names in _SETTINGS.items() if kind.startswith(start))
    given = {name: settings[name] for name in wanted if settings[name] is not None}
    if kind.startswith("cristae"):
        image, given["extra_segmentation"] = with_mitochondria(image)
    axes = 2 if isinstance(model, networks.PLANES) else 3
    if image.ndim != axes:
        raise Refused(
            f"the model takes {'a plane' if axes == 2 else 'a volume'} of one channel, the image "
            f"has the shape {image.shape}",
            "`--axes` says what the axes are: TYX of planes, ZYX of a volume.",
        )
    labels = run_segmentation(
        image,
        model,
        kind,
        tiling=tiling_of(model, settings, axes),
        scale=scale_of(settings, axes),
        verbose=False,
        **given,
    )
    return {"labels": np.asarray(labels).astype(np.int64)}


def with_mitochondria(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a volume and its label map of mitochondria, which are its two channels."""
    if image.ndim != 4 or image.shape[3] != 2:
        raise Refused("models of cristae take two channels, the second one labels of mitochondria")
    return np.ascontiguousarray(image[..., 0]), image[..., 1].astype(np.int32)


def tiling_of(model: Any, settings: Values, axes: int) -> Values:
    """Return the tiles as SynapseNet takes them; refuse those that the network does not take."""
    shapes = settings["tile_shape"], settings["halo"]
    if None in shapes:
        tiling = parse_tiling(*shapes, is_2d=axes == 2)
    else:  # it would look for a GPU of enough memory all the same
        tile, halo = (dict(zip("zyx", shape, strict=True)) for shape in shapes)
        tiling = {"tile": tile, "halo": halo}
    for axis, step in zip("zyx"[-axes:], networks.steps(model), strict=True):
        tile, halo = tiling["tile"][axis], tiling["halo"][axis]
        if tile % step or tile <= 2 * halo:
            raise Refused(
                f"tiles of {tile} px along {axis} with a halo of {halo} px do not fit the network",
                f"Set tile_shape to a multiple of {step} there, above 2 × halo.",
            )
    return tiling


def scale_of(settings: Values, axes: int) -> list[float] | None:
    """Return a factor for each axis."""
    scale = settings["scale"]
    if scale is None:
        return None
    if len(scale) not in (1, axes):
        raise Refused(f"scale has {len(scale)} numbers, and the image {axes} axes")
    return list(scale) * (axes if len(scale) == 1 else 1)


if __name__ == "__main__":
    main(lambda: version("synapse_net"), load=opened, segment=segment)
