"""The engine BiaPy: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.commands import load
from imagej_dl.engines import registry
from imagej_dl.errors import UserError
from imagej_dl.foreign.session import Session
from imagej_dl.images import make
from imagej_dl.progress import silent

SETTINGS = {"seed_channels_thresh": [0.5, 0.5], "growth_mask_channels_thresh": [0.5, 0.5]}

# A network of random weights, as BiaPy itself writes it.
_WEIGHTS = """
import sys
from functools import partial
import torch
from biapy import BiaPy, build_config, __version__
from biapy.utils.misc import save_model

torch.manual_seed(0)
channels = {"INSTANCE_SEG": {"DATA_CHANNELS": ["F", "C"]}}
config = build_config(
    "INSTANCE_SEG", "2D", phase="test", patch_size=(32, 32, 1),
    model={"architecture": "unet", "feature_maps": [4, 8], "dropout_values": [0.0, 0.0]},
    extra_config={"PROBLEM": channels},
)
engine = BiaPy(config)
engine.workflow.prepare_model()
network = engine.workflow.model_without_ddp
with torch.no_grad():
    for part in network.parameters():
        part.normal_(0, 0.7)
save_model(".", engine.cfg, __version__, "model", "best", network, [], {})
state = torch.load("model-checkpoint-best.pth", weights_only=True)
state["cfg"]["MODEL"]["ARCHITECTURE"] = "vit"
torch.save(state, "vit.pth")
state["cfg"]["PROBLEM"]["TYPE"] = "DENOISING"
torch.save(state, "denoising.pth")
torch.save({"cfg": print}, "pickled.pth")
"""

_OWN = """
import numpy as np
from biapy import BiaPy
engine = BiaPy("model-checkpoint-best.pth")
place = "PROBLEM.INSTANCE_SEG.WATERSHED."
thresholds = {"SEED_CHANNELS_THRESH": [0.5, 0.5], "GROWTH_MASK_CHANNELS_THRESH": [0.5, 0.5]}
engine.update_config({place + name: value for name, value in thresholds.items()})
np.save("labels.npy", np.squeeze(engine.predict(np.load("image.npy"))))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkpoints; the test skips where there is no BiaPy."""
    found, words = registry.of("biapy").diagnose()
    if not found:
        pytest.skip(f"needs BiaPy: {words}")
    folder = tmp_path_factory.mktemp("biapy")
    command = [registry.of("biapy").program.find(), "-c", _WEIGHTS]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def test_label_maps_are_those_of_biapy(folder: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.uint8)
    np.save(folder / "image.npy", image)
    images.write(make(image, "YX"), folder / "image.tif")
    command = [registry.of("biapy").program.find(), "-c", _OWN]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    wanted = np.load(folder / "labels.npy")
    assert wanted.max() > 1
    given = {"model": folder / "model-checkpoint-best.pth", "images": [folder / "image.tif"]}
    given |= {"engine": "biapy", "engine_settings": SETTINGS, "out": folder / "out"}
    load("predict").declare(given).run(silent)
    assert np.array_equal(images.read_labels(folder / "out" / "image.tif"), wanted)


def test_checkpoints_that_are_not_opened(folder: Path) -> None:
    values = {"settings": registry.of("biapy").settings({}).model_dump()}
    with Session(registry.of("biapy").program) as session:
        for name, words in {
            "pickled": "is no file of weights alone",
            "denoising": "only INSTANCE_SEG gives label maps",
            "vit": "models of the network vit are not opened here",
        }.items():
            with pytest.raises(UserError, match=words):
                session.ask("load", {}, values | {"model": str(folder / f"{name}.pth")})


def test_what_is_no_model_of_biapy(tmp_path: Path) -> None:
    engine = registry.of("biapy")
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "model.pth").write_bytes(b"")
    for path in (tmp_path, tmp_path / "model.safetensors"):
        with pytest.raises(UserError, match="is no checkpoint of BiaPy"):
            engine.model(path)
    assert engine.model(tmp_path / "model.pth") == str(tmp_path / "model.pth")
    with pytest.raises(UserError, match="settings of BiaPy: overlap"):
        engine.settings({"overlap": [0.5]})
