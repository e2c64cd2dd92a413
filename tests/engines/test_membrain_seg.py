"""The engine MemBrain-seg: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from real_engines import needed

from imagej_dl import images
from imagej_dl.commands import load
from imagej_dl.engines import registry
from imagej_dl.errors import UserError
from imagej_dl.images import make
from imagej_dl.progress import silent

SETTINGS = {"sw_roi_size": 64, "test_time_augmentation": False, "segmentation_threshold": 0.0}

_OWN = f"""
import mrcfile, numpy as np, torch
import pytorch_lightning as pl
from membrain_seg.segmentation.networks.unet import SemanticSegmentationUnet
from membrain_seg.segmentation.segment import segment
torch.manual_seed(0)
trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
trainer.strategy.connect(SemanticSegmentationUnet())
trainer.save_checkpoint("model.ckpt")
torch.save(dict(state_dict=dict(), epoch=1), "empty.ckpt")
with mrcfile.new("tomogram.mrc") as file:
    file.set_data(np.load("volume.npy"))
settings = dict(store_connected_components=True, **{SETTINGS})
written = segment("tomogram.mrc", "model.ckpt", "own", **settings)
np.save("labels.npy", mrcfile.read(written))
"""


def test_settings_and_models_of_membrain_seg(tmp_path: Path) -> None:
    engine = registry.of("membrain-seg")
    with pytest.raises(UserError, match="rescale_patches needs in_pixel_size"):
        engine.settings({"rescale_patches": True})
    with pytest.raises(UserError, match="sw_roi_size"):
        engine.settings({"sw_roi_size": 100})
    with pytest.raises(UserError, match="is no model of MemBrain-seg"):
        engine.model(tmp_path)


def test_labels_are_those_of_membrain_seg(tmp_path: Path) -> None:
    engine = needed("membrain-seg")
    volume = np.random.default_rng(0).normal(size=(24, 32, 40)).astype(np.float32)
    np.save(tmp_path / "volume.npy", volume)
    images.write(make(volume, "ZYX"), tmp_path / "tomogram.tif")
    python = engine.program.find()
    subprocess.run([python, "-c", _OWN], cwd=tmp_path, check=True, capture_output=True)
    wanted = np.load(tmp_path / "labels.npy")
    assert wanted.max() > 0
    given = {"images": [tmp_path / "tomogram.tif"], "engine": "membrain-seg", "rois": False}
    given |= {"engine_settings": SETTINGS, "out": tmp_path / "out"}
    load("predict").declare(given | {"model": tmp_path / "model.ckpt"}).run(silent)
    labels = images.read_labels(next((tmp_path / "out").glob("*.tif")))
    assert labels.dims == ("Z", "Y", "X")
    assert np.array_equal(labels, wanted)
    with pytest.raises(UserError, match=r"empty\.ckpt is no checkpoint of MemBrain-seg: it has no"):
        load("predict").declare(given | {"model": tmp_path / "empty.ckpt", "overwrite": True}).run(
            silent
        )
