"""The engine empanada: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from real_engines import needed

from imagej_dl.engines import registry
from imagej_dl.engines.segmenting import Job, segment
from imagej_dl.errors import UserError
from imagej_dl.foreign.session import Session
from imagej_dl.images import make
from imagej_dl.prediction import Prediction

CONFIG = """
class_names: {1: mito}
labels: [1]
thing_list: [1]
model: https://example.org/files/weights.pth?download=1
padding_factor: 16
norms: {mean: 0.5, std: 0.2}
"""
SETTINGS = {"confidence_thr": 0.5, "center_confidence_thr": 0.0, "use_gpu": False}

# Writes the weights, and segments with Engine2d itself, whose module imports of napari's window
# the threads alone. TorchScript reads the source, so that it is a file.
_OWN = f"""
import sys, types
import numpy as np, torch, yaml
from importlib.metadata import distribution

class Network(torch.nn.Module):
    '''Bright pixels are class 1, and each centre is a pixel brighter than those around it.'''

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, render_steps: int, interpolate_ins: bool):
        small = torch.nn.functional.avg_pool2d(x, 1 if interpolate_ins else 4)
        centres = torch.clamp(small, 0.0, 9.0)
        offsets = torch.cat([small * 0, small * 0], 1)
        return {{"sem_logits": 8 * x * self.weight, "ctr_hmp": centres, "offsets": offsets}}

torch.jit.script(Network()).save("weights.pth")
for name in ("napari", "napari.qt", "napari.qt.threading", "empanada_napari"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["napari.qt.threading"].thread_worker = lambda function: function
own = str(distribution("empanada-napari").locate_file("empanada_napari"))
sys.modules["empanada_napari"].__path__ = [own]
from empanada_napari.inference import Engine2d
config = yaml.safe_load(open("model.yaml")) | {{"model": "weights.pth"}}
for side in (0, 32):
    engine = Engine2d(
        config, label_divisor=10000, nms_threshold={SETTINGS["center_confidence_thr"]},
        nms_kernel=3, confidence_thr={SETTINGS["confidence_thr"]}, use_gpu=False, tile_size=side,
    )
    np.save(f"labels{{side}}.npy", engine.infer(np.load("image.npy")))
"""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """The running engine; the test skips where there is none."""
    with Session(needed("empanada").program) as session:
        yield session


@pytest.fixture(scope="module")
def folder(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, an image, and what Engine2d makes of it."""
    folder = tmp_path_factory.mktemp("empanada")
    (folder / "model.yaml").write_text(CONFIG)
    image = np.random.default_rng(0).integers(0, 255, (50, 70)).astype(np.uint8)
    np.save(folder / "image.npy", image)
    (folder / "own.py").write_text(_OWN)
    subprocess.run([session.command, "own.py"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("side", [0, 32])
def test_label_maps_are_those_of_empanada(session: Session, folder: Path, side: int) -> None:
    engine = registry.of("empanada")
    settings = engine.settings(SETTINGS | {"tile_size": side}).model_dump()
    job = Job(engine, session, engine.model(folder), settings)
    found = segment(job, make(np.load(folder / "image.npy"), "YX"))
    assert isinstance(found, Prediction)
    assert found.number > 3
    assert np.array_equal(found.labels, np.load(folder / f"labels{side}.npy"))


def test_weights_that_are_absent_or_no_torchscript(
    session: Session, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.yaml").write_text(CONFIG)
    values = {"settings": registry.of("empanada").settings(SETTINGS).model_dump()}
    values |= {"model": str(tmp_path / "model.yaml")}
    with pytest.raises(UserError, match="the weights of model are absent"):
        session.ask("load", {}, values)
    (tmp_path / "weights.pth").write_bytes(b"nothing")
    with pytest.raises(UserError, match="is no TorchScript file"):
        session.ask("load", {}, values)


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
