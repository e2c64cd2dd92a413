"""Run by the Python that has nnU-Net v2; see serve.py for how it is asked."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import checkpoints
import components
import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from serve import Arrays, Refused, Teller, Values, main

_PREDICTOR = ("tile_step_size", "use_gaussian", "use_mirroring", "perform_everything_on_device")
_NO_SLICES = 999.0
"""The distance of slices that nnU-Net's own reader gives an image without any."""

_predictors: dict[Any, Any] = {}


def load(folder: str, settings: Values) -> Any:
    """Open a model's folder, once for each set of settings."""
    folds = folds_of(folder, settings)
    how = {name: settings[name] for name in _PREDICTOR}
    use = settings["gpu"] and torch.cuda.is_available()
    key = folder, tuple(folds), settings["checkpoint_name"], tuple(how.values()), use
    if key not in _predictors:
        predictor = nnUNetPredictor(
            device=torch.device("cuda" if use else "cpu"), allow_tqdm=False, **how
        )
        with checkpoints.safely():
            predictor.initialize_from_trained_model_folder(
                folder, folds, settings["checkpoint_name"]
            )
        check(predictor)
        _predictors[key] = predictor
    return _predictors[key]


def folds_of(folder: str, settings: Values) -> list[Any]:
    """Return the folds that are asked for; of none, those that there are, or that of all images."""
    name = settings["checkpoint_name"]
    there = [one[len("fold_") :] for one in sorted(os.listdir(folder)) if one.startswith("fold_")]
    there = [one for one in there if os.path.isfile(os.path.join(folder, f"fold_{one}", name))]
    asked = settings["use_folds"]
    if absent := [fold for fold in asked or [] if str(fold) not in there]:
        raise Refused(
            f"{folder} has no fold_{absent[0]}/{name}", f"There are: {', '.join(there) or 'none'}."
        )
    if not there:
        raise Refused(f"no fold of {folder} has {name}", 'Set "checkpoint_name".')
    return list(asked or [int(one) for one in there if one.isdigit()] or ["all"])


def check(predictor: Any) -> None:
    """Refuse a model that does not take planes as they are."""
    configuration = predictor.configuration_manager
    if len(configuration.patch_size) != 2:
        raise Refused(
            "the model is for volumes, and planes are predicted here", "Train the 2d configuration."
        )
    if configuration.previous_stage_name is not None:
        raise Refused("the model is a stage of a cascade, which is not predicted here")
    if list(predictor.plans_manager.transpose_forward) != [0, 1, 2]:
        raise Refused("the model is for slices across the axes, and planes are predicted here")


def channels_of(predictor: Any) -> int:
    described = predictor.dataset_json
    return len(described.get("channel_names", described.get("modality", ())))


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    predictor, label = load(values["model"], values["settings"]), values["settings"]["label"]
    known = [int(one) for one in predictor.label_manager.all_labels]
    if label is not None and label not in known:
        raise Refused(f"the model has no class {label}", f"It has {known}, of which 0 is nothing.")
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    settings, image = values["settings"], arrays["image"]
    predictor = load(values["model"], settings)
    planes = image[None] if image.ndim == 2 else np.moveaxis(image, 2, 0)
    if len(planes) != channels_of(predictor):
        raise Refused(
            f"the model takes {channels_of(predictor)} channel(s), the image has {len(planes)}"
        )
    properties = {"spacing": [_NO_SLICES, *settings["spacing"]]}
    classes = predictor.predict_single_npy_array(
        planes[:, None].astype(np.float32), properties, None, None, False
    )
    classes = np.asarray(classes).reshape(image.shape[:2]).astype(np.int64)
    if settings["result"] == "classes":
        return {"labels": classes}
    label = settings["label"]
    wanted = range(1, classes.max(initial=0) + 1) if label is None else [label]
    return {"labels": components.objects(classes, wanted, settings["min_size"])}


if __name__ == "__main__":
    main(lambda: version("nnunetv2"), load=opened, segment=segment)
