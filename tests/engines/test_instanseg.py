"""The engine InstanSeg: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from real_engines import needed
from scipy import ndimage

from imagej_dl import images
from imagej_dl.commands import load
from imagej_dl.engines import registry
from imagej_dl.errors import UserError
from imagej_dl.images import make
from imagej_dl.progress import silent

# A network whose seeds are where the image is bright, and a classifier of pixels by which an object
# is a diamond around one, the larger the brighter. All that follows is InstanSeg's own.
_OWN = """
import sys
from unittest.mock import MagicMock
import numpy as np, torch
from instanseg import InstanSeg
# What a training imports beside, and `engines add` does not install.
sys.modules.update({name: MagicMock() for name in ("pandas", "seaborn")})
from instanseg.utils.loss.instanseg_loss import InstanSeg as Loss, InstanSeg_Torchscript

class Network(torch.nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs
        self.grey = torch.nn.Conv2d(1, 1, 1, bias=False)
        torch.nn.init.ones_(self.grey.weight)

    def forward(self, x):
        grey = self.grey(x)
        one = torch.cat([grey * 0, grey * 0, grey, grey, 15 * (grey - 0.5)], 1)
        return torch.cat([one] * self.outputs, 1)

image = np.load("image.npy")
for outputs in (1, 2):
    loss = Loss(n_sigma=2, device="cpu", cells_and_nuclei=outputs == 2)
    network = loss.initialize_pixel_classifier(Network(outputs), MLP_width=5)
    classifier = network.pixel_classifier
    with torch.no_grad():
        for weights in classifier.parameters():
            weights.zero_()
        sides = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
        classifier.fc1.weight[:4, :2] = sides
        classifier.fc1.weight[4, 2] = 1
        classifier.fc2.weight.copy_(torch.eye(5))
        classifier.fc3.weight.copy_(torch.tensor([[-1.0, -1, -1, -1, 3]]))
    script = InstanSeg_Torchscript(network, cells_and_nuclei=outputs == 2, pixel_size=0.5,
                                   n_sigma=2, backbone_dim_in=1)
    torch.jit.script(script).save(f"instanseg_{outputs}.pt")
    engine = InstanSeg(torch.jit.load(f"instanseg_{outputs}.pt"), verbosity=0)
    for name, target, size in (("nuclei", "nuclei", None), ("cells", "cells", 0.8)):
        found = engine.eval_small_image(image, pixel_size=size, target=target,
                                        return_image_tensor=False)
        np.save(f"{name}_{outputs}.npy", found.numpy()[0, 0])
torch.jit.script(torch.nn.Conv2d(1, 1, 1)).save("other.pt")
"""


def test_what_is_no_model_of_instanseg(tmp_path: Path) -> None:
    engine = registry.of("instanseg")
    with pytest.raises(UserError, match=r"there is no instanseg\.pt"):
        engine.model(tmp_path)
    (tmp_path / "instanseg.pt").write_bytes(b"")
    assert engine.model(tmp_path) == str(tmp_path / "instanseg.pt")
    with pytest.raises(UserError, match="settings of InstanSeg: target"):
        engine.settings({"target": "membranes"})


def test_labels_are_those_of_instanseg(tmp_path: Path) -> None:
    engine = needed("instanseg")
    noise = np.random.default_rng(0).normal(size=(80, 96))
    smooth = ndimage.gaussian_filter(noise, 4)
    image = (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)
    np.save(tmp_path / "image.npy", image)
    images.write(make(image, "YX"), tmp_path / "image.tif")
    command = [engine.program.find(), "-c", _OWN]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    given = {"images": [tmp_path / "image.tif"], "engine": "instanseg", "out": tmp_path / "out"}
    for outputs in (1, 2):
        given |= {"model": tmp_path / f"instanseg_{outputs}.pt", "overwrite": True}
        for name, size in (("nuclei", None), ("cells", 0.8)):
            wanted = np.load(tmp_path / f"{name}_{outputs}.npy")
            assert wanted.max() > 1
            settings = {"target": name, "pixel_size": size}
            load("predict").declare(given | {"engine_settings": settings}).run(silent)
            labels = images.read_labels(next((tmp_path / "out").glob("*.tif")))
            assert np.array_equal(labels, wanted)
    colour = np.repeat(image[..., None], 3, 2)
    images.write(make(colour, "YXC"), tmp_path / "colour.tif")
    wrong = {"images": [tmp_path / "colour.tif"], "out": tmp_path / "colour"}
    with pytest.raises(UserError, match="the model takes 1 channels, and the image has 3"):
        load("predict").declare(given | wrong).run(silent)
    (tmp_path / "text.pt").write_text("no network")
    for file, words in (("text.pt", "is no TorchScript file"), ("other.pt", "is no model of Ins")):
        with pytest.raises(UserError, match=words):
            load("predict").declare(given | {"model": tmp_path / file}).run(silent)
