"""Run by the Python that has torch-em; see serve.py for how it is asked."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import components
import numpy as np
import torch_em_networks as networks
import torch_em_training
from serve import Arrays, Refused, Teller, Values, main
from torch_em.model import UNet2d
from torch_em.transform import raw
from torch_em.util import segmentation as segmenting
from torch_em.util.prediction import predict_with_halo, predict_with_padding

_OUTPUTS = {
    "foreground": 1,
    "watershed_from_components": 2,
    "connected_components_with_boundaries": 2,
    "watershed_from_center_and_boundary_distances": 3,
}


def load(values: Values) -> Any:
    """Open the model of a request, once."""
    device = networks.device_of(values["settings"]["gpu"])
    return networks.load(values["model"], device, *networks.PLANES)


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    model = load(values)
    how_of(model, values["settings"])
    return {}


def how_of(model: Any, settings: Values) -> str:
    """Return how the outputs of a network become objects."""
    how = settings["segmentation"]
    if how is None:
        how = next((name for name, count in _OUTPUTS.items() if count == model.out_channels), "")
    if _OUTPUTS.get(how) != model.out_channels:
        wanted = f"{how} needs {_OUTPUTS[how]}" if how else "1, 2 or 3 can become objects"
        raise Refused(f"the network has {model.out_channels} outputs, and {wanted}")
    return how


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    settings, image = values["settings"], arrays["image"]
    model = load(values)
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels != model.in_channels:
        raise Refused(f"the model takes {model.in_channels} channel(s), the image has {channels}")
    several = image.ndim == 3
    planes = np.moveaxis(image, 2, 0) if several else image
    outputs = predicted(model, planes.astype(np.float32), several, settings)
    labels = objects(outputs, how_of(model, settings), settings)
    return {"labels": np.asarray(labels).astype(np.int64)}


def predicted(model: Any, planes: np.ndarray, several: bool, settings: Values) -> np.ndarray:
    """Return the outputs of the network, (C, Y, X)."""
    preprocess = getattr(raw, settings["preprocess"])
    device = str(next(model.parameters()).device)
    step = 2**model.depth
    if settings["block_shape"] is None:
        outputs = predict_with_padding(
            model, preprocess(planes), (step, step), device=device, with_channels=several
        )[0]
    else:
        block, halo = settings["block_shape"], settings["halo"]
        if any((side + 2 * more) % step for side, more in zip(block, halo, strict=True)):
            raise Refused(f"block_shape + 2 × halo must be multiples of {step} px for this network")
        outputs = predict_with_halo(
            planes,
            model,
            gpu_ids=[device],
            block_shape=tuple(block),
            halo=tuple(halo),
            preprocess=preprocess,
            with_channels=several,
            disable_tqdm=True,
        )
    if len(outputs) != model.out_channels:  # padding of several channels cuts outputs off
        raise Refused(
            f"torch-em gave {len(outputs)} of {model.out_channels} outputs", "Set block_shape."
        )
    return outputs


def objects(outputs: np.ndarray, how: str, settings: Values) -> np.ndarray:
    """Return the label map by one of torch-em's functions."""
    size = settings["min_size"]
    least = {} if size is None else {"min_size": size}
    if how == "foreground":
        above = (outputs[0] > settings["foreground_threshold"]).astype(np.uint8)
        return components.objects(above, [1], size or 1)
    if how == "watershed_from_components":
        thresholds = {name: settings[name] for name in ("threshold1", "threshold2")}
        return segmenting.watershed_from_components(outputs[1], outputs[0], **thresholds, **least)
    if how == "connected_components_with_boundaries":
        labels = segmenting.connected_components_with_boundaries(
            outputs[0], outputs[1], settings["threshold1"]
        )
        return segmenting.size_filter(labels, size) if size else labels
    names = ("center", "boundary")
    thresholds = {
        f"{name}_distance_threshold": settings[f"{name}_distance_threshold"] for name in names
    }
    return segmenting.watershed_from_center_and_boundary_distances(
        outputs[1],
        outputs[2],
        outputs[0],
        foreground_threshold=settings["foreground_threshold"],
        distance_smoothing=settings["distance_smoothing"],
        **thresholds,
        **least,
    )


def fit(arrays: Arrays, values: Values, tell: Teller) -> tuple[Arrays, Values]:
    settings = values["settings"]
    torch_em_training.seeded(settings["seed"])
    if values["start"]:
        model = load(values | {"model": values["start"]})
        networks.forget()
    else:
        model = UNet2d(
            1 if arrays["image_0"].ndim == 2 else arrays["image_0"].shape[2],
            torch_em_training.OUTPUTS,
            depth=settings["depth"],
            initial_features=settings["initial_features"],
            final_activation="Sigmoid",
        ).to(networks.device_of(settings["gpu"]))
    if any(side % 2**model.depth for side in settings["patch_shape"]):
        raise Refused(f"patch_shape must be multiples of {2**model.depth} px for this network")
    return torch_em_training.fit(model, arrays, values, tell)


if __name__ == "__main__":
    main(lambda: version("torch-em"), load=opened, segment=segment, train=fit)
