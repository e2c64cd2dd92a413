"""The engine empanada: what it refuses; where it is installed, the results are its own."""

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

CONFIG = """
class_names: {1: mito}
labels: [1]
thing_list: [1]
model: https://example.org/files/weights.pth?download=1
padding_factor: 16
norms: {mean: 0.5, std: 0.2}
"""
SETTINGS = {"confidence_thr": 0.5, "center_confidence_thr": 0.0, "use_gpu": False}

_WEIGHTS = """
import torch

class Network(torch.nn.Module):
    '''Bright pixels are class 1, and each centre is a pixel brighter than those around it.'''

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, render_steps: int, interpolate_ins: bool):
        small = torch.nn.functional.avg_pool2d(x, 1 if interpolate_ins else 4)
        centres = torch.clamp(small, 0.0, 9.0)
        offsets = torch.cat([small * 0, small * 0], 1)
        return {"sem_logits": 8 * x * self.weight, "ctr_hmp": centres, "offsets": offsets}

torch.jit.script(Network()).save("weights.pth")
"""

# Engine2d itself, whose module imports the threads of napari's window alone.
_OWN = f"""
import importlib.util, sys, types
import numpy as np, yaml
from importlib.metadata import distribution
for name in ("napari", "napari.qt", "napari.qt.threading", "empanada_napari"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["napari.qt.threading"].thread_worker = lambda function: function
own = str(distribution("empanada-napari").locate_file("empanada_napari"))
sys.modules["empanada_napari"].__path__ = [own]
from empanada_napari.inference import Engine2d
config = yaml.safe_load(open("model.yaml")) | {{"model": "weights.pth"}}
engine = Engine2d(
    config, label_divisor=10000, nms_threshold={SETTINGS["center_confidence_thr"]}, nms_kernel=3,
    confidence_thr={SETTINGS["confidence_thr"]}, use_gpu=False, tile_size=int(sys.argv[1]),
)
np.save("labels.npy", engine.infer(np.load("image.npy")))
"""


@pytest.fixture(scope="module")
def python() -> str:
    """The Python that has empanada; the test skips where there is none."""
    found, words = registry.of("empanada").diagnose()
    if not found:
        pytest.skip(f"needs empanada-napari: {words}")
    return registry.of("empanada").program.find()


@pytest.fixture
def folder(python: str, tmp_path: Path) -> Path:
    """A folder with a model, model.yaml and weights.pth."""
    (tmp_path / "model.yaml").write_text(CONFIG)
    (tmp_path / "network.py").write_text(_WEIGHTS)  # TorchScript reads the source
    subprocess.run([python, "network.py"], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_label_maps_are_those_of_empanada(python: str, folder: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (50, 70)).astype(np.uint8)
    np.save(folder / "image.npy", image)
    images.write(make(image, "YX"), folder / "image.tif")
    for side in (0, 32):
        own = [python, "-c", _OWN, str(side)]
        subprocess.run(own, cwd=folder, check=True, capture_output=True)
        wanted = np.load(folder / "labels.npy")
        assert len(np.unique(wanted)) > 3
        given = {"model": folder, "images": [folder / "image.tif"], "engine": "empanada"}
        given |= {"engine_settings": SETTINGS | {"tile_size": side}, "overwrite": True}
        load("predict").declare(given | {"out": folder / "out"}).run(silent)
        assert np.array_equal(images.read_labels(folder / "out" / "image.tif"), wanted)


def test_weights_that_are_absent_or_no_torchscript(folder: Path) -> None:
    values = {"settings": registry.of("empanada").settings(SETTINGS).model_dump()}
    (folder / "weights.pth").write_bytes(b"nothing")
    with Session(registry.of("empanada").program) as session:
        with pytest.raises(UserError, match="is no TorchScript file"):
            session.ask("load", {}, values | {"model": str(folder / "model.yaml")})
        (folder / "weights.pth").unlink()
        with pytest.raises(UserError, match="the weights of model are absent"):
            session.ask("load", {}, values | {"model": str(folder / "model.yaml")})


def test_what_is_no_model_of_empanada(tmp_path: Path) -> None:
    engine = registry.of("empanada")
    assert engine.model(Path("MitoNet_v1")) == "MitoNet_v1"
    assert engine.files("MitoNet_v1") == []
    with pytest.raises(UserError, match=r"it holds 0 \.yaml files"):
        engine.model(tmp_path)
    for name in ("model.yaml", "model.pth", "model.empanada"):
        (tmp_path / name).write_text("")
    assert engine.model(tmp_path) == str(tmp_path / "model.yaml")
    assert engine.files(engine.model(tmp_path)) == [tmp_path / "model.yaml", tmp_path / "model.pth"]
    with pytest.raises(UserError, match="is an exported model of empanada, which is a ZIP"):
        engine.model(tmp_path / "model.empanada")
    with pytest.raises(UserError, match="is no configuration of a model of empanada"):
        engine.model(tmp_path / "model.pth")
    with pytest.raises(UserError, match="there is no such model"):
        engine.model(tmp_path / "none")
