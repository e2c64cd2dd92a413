"""Run by the Python that has empanada-napari; see serve.py for how it is asked.

It does what the `Engine2d` of empanada-napari does, with its package `empanada`: the module of
Engine2d itself needs Qt.
"""

from __future__ import annotations

from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
import yaml
from empanada.consensus import merge_objects_from_tiles, merge_semantic_from_tiles
from empanada.data.utils import resize_by_factor
from empanada.inference import rle
from empanada.inference.engines import PanopticDeepLabRenderEngine
from empanada.inference.tile import Tiler
from serve import Arrays, Refused, Teller, Values, main

_PACKAGE = "empanada-napari"
_HOME = Path.home() / ".empanada"
_KEYS = ("model", "norms", "labels", "thing_list", "padding_factor")
_models: dict[Any, Any] = {}


def config_of(name: str) -> tuple[Values, Path]:
    """Return the configuration of a model and its file: a path, or the name of one that empanada
    has."""
    path = Path(name)
    if not path.is_file():
        own = Path(str(distribution(_PACKAGE).locate_file("empanada_napari")))
        places = [_HOME / "configs", own / "configs"]
        found = [p for place in places if (p := place / f"{name}.yaml").is_file()]
        if not found:
            raise Refused(f"there is no model {name} in {places[0]}", "Name its .yaml.")
        path = found[0]
    try:
        config = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is no YAML ({str(error).splitlines()[0]})") from None
    missing = [key for key in _KEYS if not isinstance(config, dict) or key not in config]
    if missing:
        raise Refused(f"{path} is no configuration of empanada: {', '.join(missing)} is missing")
    return config, path


def weights_of(config: Values, path: Path, quantized: bool) -> Path:
    """Return the file of the weights: as it is named, or beside the configuration, or where
    empanada keeps what it has downloaded. Nothing is loaded from the network."""
    named = str((quantized and config.get("model_quantized")) or config["model"])
    file = Path(urlparse(named).path) if "://" in named else Path(named)
    places = [path.parent / file.name, _HOME / file.name, _HOME / "models" / file.name]
    if "://" not in named:
        places.insert(0, path.parent / file)  # an absolute path stays as it is
    for place in places:
        if place.is_file():
            return place
    raise Refused(
        f"the weights of {path.stem} are absent: neither {path.parent} nor {_HOME} has {file.name}",
        f"Put the file there ({named}), or run the model once in empanada-napari.",
    )


def load(name: str, settings: Values) -> tuple[Values, Any]:
    """Return a model's configuration and its network, a TorchScript file, opened once."""
    config, path = config_of(name)
    device = torch.device("cuda:0" if settings["use_gpu"] and torch.cuda.is_available() else "cpu")
    quantized = settings["use_quantized"] and device.type == "cpu"
    if quantized and torch.backends.quantized.engine in (None, "none"):
        torch.backends.quantized.engine = "qnnpack"
    file = weights_of(config, path, quantized)
    if (file, device) not in _models:
        try:
            _models[file, device] = torch.jit.load(str(file), map_location=device)
        except RuntimeError as error:
            words = (str(error).splitlines() or [""])[0][:150]
            raise Refused(f"{file} is no TorchScript file ({words})") from None
    return config, _models[file, device]


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values["model"], values["settings"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    """Segment a plane: ids are `class * maximum_objects_per_class + number`."""
    settings, image = values["settings"], arrays["image"]
    config, network = load(values["model"], settings)
    divisor, scale = settings["maximum_objects_per_class"], settings["downsampling"]
    engine = PanopticDeepLabRenderEngine(
        network,
        thing_list=[] if settings["semantic_only"] else config["thing_list"],
        label_divisor=divisor,
        nms_threshold=settings["center_confidence_thr"],
        nms_kernel=settings["min_distance_object_centers"],
        confidence_thr=settings["confidence_thr"],
        padding_factor=config["padding_factor"],
        coarse_boundaries=not settings["fine_boundaries"],
    )

    def panoptic(plane: np.ndarray) -> np.ndarray:
        small = normalised(resize_by_factor(plane, scale), **config["norms"])
        found = engine(torch.from_numpy(small[None, None]), plane.shape, upsampling=scale)
        found = found.cpu().numpy().reshape(plane.shape).astype(np.int32)
        if found.max(initial=0) >= (max(config["labels"]) + 1) * divisor:
            raise Refused(
                f"there are {divisor} objects of a class, or more",
                "Set a larger maximum_objects_per_class, or a larger center_confidence_thr.",
            )
        return found

    side = settings["tile_size"]
    if side and max(image.shape) > side:
        return {"labels": tiled(panoptic, image, side, config["labels"], engine, tell)}
    return {"labels": connected(panoptic(image), engine)}


def normalised(image: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Normalise a plane as the `Preprocessor` of empanada-napari does."""
    largest = 255.0
    if not np.issubdtype(image.dtype, np.floating):
        largest = np.iinfo(image.dtype).max
    elif image.max() <= 1:
        image = image * largest
    middle = np.array(mean, np.float32) * np.float32(largest)
    factor = np.reciprocal(np.array(std, np.float32) * np.float32(largest), dtype=np.float32)
    return (image.astype(np.float32) - middle) * factor


def connected(found: np.ndarray, engine: Any) -> np.ndarray:
    """Divide objects into their connected pixels, as Engine2d does."""
    for label in engine.thing_list:
        least = label * engine.label_divisor
        inside = (found >= least) & (found < least + engine.label_divisor)
        parts = rle.connected_components(np.where(inside, found, 0)).astype(np.int32)
        found[parts > 0] = parts[parts > 0] + least
    return found


def tiled(
    panoptic: Any, image: np.ndarray, side: int, labels: list[int], engine: Any, tell: Teller
) -> np.ndarray:
    """Segment tile by tile; objects are joined by their consensus, as Engine2d does."""
    tiler = Tiler(image.shape, tile_size=side, overlap_width=min(128, int(side * 0.1)))
    runs = []
    for number in range(len(tiler)):
        tell.progress("predict", number, len(tiler))
        found = panoptic(tiler(image, number))
        each = rle.pan_seg_to_rle_seg(found, labels, engine.label_divisor, engine.thing_list)
        runs.append(tiler.translate_rle_seg(each, number))
    whole = {}
    for label in labels:
        parts = [each[label] for each in runs]
        if label in engine.thing_list:
            whole[label] = merge_objects_from_tiles(parts, tiler.overlap_rle)
        else:
            whole[label] = merge_semantic_from_tiles(parts)
    return rle.rle_seg_to_pan_seg(whole, image.shape)


if __name__ == "__main__":
    main(lambda: version(_PACKAGE), load=opened, segment=segment)
