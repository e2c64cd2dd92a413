"""Run by the Python that has CochleaNet; see serve.py for how it is asked."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch_em_networks as networks
import weights
from elf.io import open_file
from flamingo_tools.file_utils import get_cache_dir
from flamingo_tools.model_utils import get_default_segmentation_settings
from flamingo_tools.segmentation.unet_prediction import run_unet_prediction
from serve import Arrays, Refused, Teller, Values, main

_TYPES = ("SGN", "SGN-lowres", "IHC", "IHC-lowres")
_OUTPUTS = 3


def load(values: Values) -> Any:
    """Open the model of a request, once; it must predict foreground and two distances."""
    path = weights.path_of(values["model"], Path(get_cache_dir()) / "models", "CochleaNet")
    model = networks.load(path, networks.device_of(gpu=True), *networks.VOLUMES)
    if model.out_channels != _OUTPUTS:
        raise Refused(
            f"{path} has {model.out_channels} outputs, and {_OUTPUTS} are segmented",
            "Models that detect synapses are used in CochleaNet itself.",
        )
    return model


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values)
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    model, settings = load(values), settings_of(values)
    # It reads and writes files.
    with tempfile.TemporaryDirectory() as folder:
        path, out = os.path.join(folder, "image.tif"), os.path.join(folder, "out")
        tifffile.imwrite(path, arrays["image"])
        with networks.handed(model):
            run_unet_prediction(path, None, out, values["model"], **settings)
        with open_file(os.path.join(out, "segmentation.zarr"), "r") as file:
            labels = np.asarray(file["segmentation"][:])
    return {"labels": labels.astype(np.int64)}


def settings_of(values: Values) -> Values:
    """Return the arguments of `run_unet_prediction`: those given, else those of the model."""
    given = dict(values["settings"])
    kind = given.pop("model_type") or os.path.basename(values["model"])
    settings = get_default_segmentation_settings(kind) if kind in _TYPES else {}
    settings |= {name: value for name, value in given.items() if value is not None}
    return {name: None if value == "None" else value for name, value in settings.items()}


if __name__ == "__main__":
    main(lambda: version("cochlea_net"), load=opened, segment=segment)
