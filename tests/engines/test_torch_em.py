"""The engine torch-em: what it refuses; where it is installed, the results are its own."""

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

# Random weights, but with the trainer's own checkpoint: it holds a data set, which is an object.
_OWN = """
import os, numpy as np, torch, torch_em
from torch_em.data.tensor_dataset import TensorDataset
from torch_em.loss import DiceLoss
from torch_em.model import UNet2d
from torch_em.util.prediction import predict_with_padding
from torch_em.util.segmentation import watershed_from_components
from torch_em.transform.label import BoundaryTransform
from torch_em.transform.raw import standardize
torch.manual_seed(0)
image = np.load("image.npy")
model = UNet2d(1, 2, depth=2, initial_features=4, final_activation="Sigmoid")
pairs = TensorDataset([image.astype("float32")], [(image > 200).astype("uint8")], (32, 32),
    raw_transform=standardize, label_transform=BoundaryTransform(add_binary_target=True))
loader = torch_em.segmentation.get_data_loader(pairs, batch_size=1)
trainer = torch_em.default_segmentation_trainer(
    "model", model, loader, loader, loss=DiceLoss(), metric=DiceLoss(), device="cpu",
    mixed_precision=False, compile_model=False, save_root=os.getcwd(), logger=None)
trainer.fit(2)
model.eval()
outputs = predict_with_padding(model, standardize(image), (4, 4))[0]
np.save("labels.npy", watershed_from_components(outputs[1], outputs[0], min_size=3,
                                                threshold1=0.0, threshold2=0.4))
"""
SETTINGS = {"threshold1": 0.0, "threshold2": 0.4, "min_size": 3}


def test_what_is_no_model_of_torch_em(tmp_path: Path) -> None:
    engine = registry.of("torch-em")
    with pytest.raises(UserError, match=r"there is no best\.pt"):
        engine.model(tmp_path)
    (tmp_path / "best.pt").write_bytes(b"")
    assert engine.model(tmp_path) == str(tmp_path / "best.pt")
    with pytest.raises(UserError, match="settings of torch-em: segmentation"):
        engine.settings({"segmentation": "mutex_watershed"})


def test_labels_are_those_of_torch_em(tmp_path: Path) -> None:
    engine = needed("torch-em")
    image = np.random.default_rng(0).integers(0, 255, (40, 54)).astype(np.uint8)
    np.save(tmp_path / "image.npy", image)
    images.write(make(image, "YX"), tmp_path / "image.tif")
    python = engine.program.find()
    subprocess.run([python, "-c", _OWN], cwd=tmp_path, check=True, capture_output=True)
    wanted = np.load(tmp_path / "labels.npy")
    assert wanted.max() > 0
    given = {"images": [tmp_path / "image.tif"], "engine": "torch-em", "out": tmp_path / "out"}
    given |= {"model": tmp_path / "checkpoints" / "model" / "latest.pt"}
    load("predict").declare(given | {"engine_settings": SETTINGS}).run(silent)
    found_labels = images.read_labels(next((tmp_path / "out").glob("*.tif")))
    assert np.array_equal(found_labels, wanted)
    wrong = {"engine_settings": {"segmentation": "foreground"}, "overwrite": True}
    with pytest.raises(UserError, match="the network has 2 outputs, and foreground needs 1"):
        load("predict").declare(given | wrong).run(silent)
