"""The engine Cellpose: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
from real_engines import needed

from imagej_dl import images
from imagej_dl.commands import load
from imagej_dl.engines import registry
from imagej_dl.errors import UserError
from imagej_dl.foreign.session import Session
from imagej_dl.images import make
from imagej_dl.progress import silent

SETTINGS = {"diameter": 20, "cellprob_threshold": -20, "flow_threshold": 0, "min_size": 1}
"""With them a network of random weights finds objects."""

_OWN = f"""
import numpy as np, sys, torch
from cellpose import models
torch.manual_seed(0)
model = models.CellposeModel(gpu=False, pretrained_model=False)
model.net.save_model("weights")
model = models.CellposeModel(gpu=False, pretrained_model="weights")
masks = model.eval(np.load("image.npy"), channels=[0, 0], **{SETTINGS})[0]
np.save("masks.npy", masks)
"""


@pytest.fixture(scope="module")
def python() -> str:
    """The Python that has Cellpose; the test skips where there is none."""
    return needed("cellpose").program.find()


@pytest.mark.thorough
def test_label_maps_are_those_of_cellpose(python: str, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 56)).astype(np.uint8)
    np.save(tmp_path / "image.npy", image)
    images.write(make(image, "YX"), tmp_path / "image.tif")
    subprocess.run([python, "-c", _OWN], cwd=tmp_path, check=True, capture_output=True)
    wanted = np.load(tmp_path / "masks.npy")
    assert wanted.max() > 0
    given = {"model": tmp_path / "weights", "images": [tmp_path / "image.tif"]}
    given |= {"engine": "cellpose", "engine_settings": SETTINGS, "out": tmp_path / "out"}
    load("predict").declare(given).run(silent)
    found = next((tmp_path / "out").glob("*.tif"))
    assert np.array_equal(images.read_labels(found), wanted)


def test_weights_that_are_absent_or_pickled(python: str, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(pickle.dumps({"a": print}))
    script = "import torch; torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), 'script')"
    subprocess.run([python, "-c", script], cwd=tmp_path, check=True)
    values = {"settings": registry.of("cellpose").settings({}).model_dump()}
    image = {"image": np.zeros((8, 8), np.uint8)}
    with Session(registry.of("cellpose").program) as session:
        with pytest.raises(UserError, match="weights of cyto9 are absent"):
            session.ask("segment", image, values | {"model": "cyto9"})
        for name in ("weights", "script"):
            with pytest.raises(UserError, match=r"is not opened|can be opened safely"):
                session.ask("segment", image, values | {"model": str(tmp_path / name)})


def test_what_is_no_model_of_cellpose(tmp_path: Path) -> None:
    engine = registry.of("cellpose")
    (tmp_path / "image_seg.npy").write_bytes(b"")
    (tmp_path / "weights").write_bytes(b"")
    with pytest.raises(UserError, match=r"_seg\.npy of Cellpose, which holds pickled objects"):
        engine.model(tmp_path / "image_seg.npy")
    with pytest.raises(UserError, match="is a folder"):
        engine.model(tmp_path)
    with pytest.raises(UserError, match="there is no such model"):
        engine.model(tmp_path / "none")
    with pytest.raises(UserError, match="Cellpose needs a model"):
        engine.model(None)
    assert engine.model(Path("cyto3")) == "cyto3"
    assert engine.model(tmp_path / "weights") == str(tmp_path / "weights")
    with pytest.raises(UserError, match="settings of Cellpose: channels"):
        engine.settings({"channels": [0, 7]})
