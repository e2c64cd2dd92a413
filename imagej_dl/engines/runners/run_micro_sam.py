"""Run by the Python that has µSAM; see serve.py for how it is asked."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import torch
import weights
from micro_sam import util
from micro_sam.automatic_segmentation import (
    automatic_instance_segmentation,
    get_predictor_and_segmenter,
)
from serve import Arrays, Refused, Teller, Values, main

_AIS = (
    "center_distance_threshold",
    "boundary_distance_threshold",
    "foreground_threshold",
    "foreground_smoothing",
    "distance_smoothing",
    "min_size",
)
_AMG = ("pred_iou_thresh", "stability_score_thresh", "box_nms_thresh", "min_mask_region_area")

_models: dict[Any, Any] = {}


def load(name: str, gpu: bool) -> tuple[Any, Values]:
    """Open a model, once; return its predictor and its state, which may have a decoder.

    µSAM would unpickle the file, and change `pickle` for the whole process.
    """
    path = weights.path_of(name, Path(util.get_cache_directory()) / "models", "µSAM")
    device = "cuda" if gpu and torch.cuda.is_available() else "cpu"
    if (path, device) not in _models:
        check(path)
        file = Path(path)
        decoder = file.with_name(f"{file.stem}_decoder{file.suffix}")
        with checkpoints.safely(inert=True):
            _models[path, device] = util.get_sam_model(
                model_type="vit_b",  # the file says which it is
                device=device,
                checkpoint_path=path,
                return_state=True,
                decoder_path=decoder if decoder.is_file() else None,
            )
    return _models[path, device]


def check(path: str) -> None:
    """Refuse a file that is no Segment Anything model of a kind that the library has."""
    state = checkpoints.opened(path, inert=True)
    state = state.get("model_state", state) if isinstance(state, dict) else {}
    names = {str(name).removeprefix("sam.") for name in state}
    if "image_encoder.patch_embed.proj.weight" not in names:
        raise Refused(
            f"{path} is no model of µSAM with an encoder vit_b, vit_l or vit_h",
            "Models with vit_t are not predicted here.",
        )


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    mode_of(load(values["model"], values["settings"]["gpu"])[1], values["settings"])
    return {}


def mode_of(state: Values, settings: Values) -> str:
    """Return how the model segments: by its decoder, or by a grid of points."""
    mode = settings["segmentation_mode"]
    decoder = "decoder_state" in state
    if mode == "ais" and not decoder:
        raise Refused("the model has no decoder", 'Set "segmentation_mode": "amg".')
    return ("ais" if decoder else "amg") if mode == "auto" else str(mode)


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    settings, image = values["settings"], arrays["image"]
    predictor, state = load(values["model"], settings["gpu"])
    mode = mode_of(state, settings)
    tile_shape, halo = (
        None if one is None else tuple(one) for one in (settings["tile_shape"], settings["halo"])
    )
    _, segmenter = get_predictor_and_segmenter(
        model_type=predictor.model_type,
        device=str(predictor.device),
        segmentation_mode=mode,
        is_tiled=tile_shape is not None,
        predictor=predictor,
        state=state,
    )
    labels = automatic_instance_segmentation(
        predictor,
        segmenter,
        image,
        ndim=2,
        tile_shape=tile_shape,
        halo=halo,
        verbose=False,
        batch_size=settings["batch_size"],
        **{name: settings[name] for name in (_AIS if mode == "ais" else _AMG)},
    )
    return {"labels": np.asarray(labels).astype(np.int64)}


if __name__ == "__main__":
    main(lambda: version("micro-sam"), load=opened, segment=segment)
