"""Run by the Python that has MemBrain-seg; see serve.py for how it is asked."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from typing import Any

import checkpoints
import mrcfile
import numpy as np
import torch
from membrain_seg.segmentation import segment as membrain
from membrain_seg.segmentation.networks.inference_unet import PreprocessedSemanticSegmentationUnet
from serve import Arrays, Refused, Teller, Values, main

_checked: set[str] = set()


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    path = values["model"]
    if path not in _checked:
        found = checkpoints.opened(path, inert=True)
        state = found.get("state_dict") if isinstance(found, dict) else None
        if not isinstance(state, dict):
            raise Refused(f"{path} is no checkpoint of MemBrain-seg")
        # MemBrain-seg itself leaves out what does not fit, and would go on with random weights.
        wanted = PreprocessedSemanticSegmentationUnet().state_dict()
        if absent := [name for name in wanted if name.startswith("_model.") and name not in state]:
            raise Refused(f"{path} is no checkpoint of MemBrain-seg: it has no {absent[0]}")
        _checked.add(path)
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    opened(arrays, values, tell)
    settings: dict[str, Any] = values["settings"]
    # It reads and writes files; their axes are z, y, x.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tomogram.mrc")
        with mrcfile.new(path) as file:
            file.set_data(arrays["image"].astype(np.float32))
        with checkpoints.safely(inert=True), torch.inference_mode():
            written = membrain.segment(path, values["model"], folder, **settings)
        with mrcfile.open(written, permissive=True) as file:
            labels = np.array(file.data)
    return {"labels": labels.astype(np.int64)}


if __name__ == "__main__":
    main(lambda: version("membrain-seg"), load=opened, segment=segment)
