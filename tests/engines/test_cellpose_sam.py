"""The engine Cellpose-SAM: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Iterator
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

SETTINGS = {"cellprob_threshold": -20, "flow_threshold": 0, "min_size": 1, "max_size_fraction": 1}
"""With them a network of random weights finds objects."""

# There is one size of this network: 1.2 GB.
_OWN = f"""
import numpy as np, torch
from cellpose import models, vit
torch.manual_seed(0)
network = vit.CPSAM()
network.save_model("weights")
torch.save({{"W2": network.W2.data}}, "part")
model = models.CellposeModel(gpu=False, pretrained_model="weights", use_bfloat16=False)
np.save("masks.npy", model.eval(np.load("image.npy"), **{SETTINGS})[0])
torch.save({{"a": torch.zeros(1)}}, "other")
torch.save({{"W2": torch.zeros(1), "encoder.cls_token": torch.zeros(1)}}, "dino")
"""


@pytest.fixture(scope="module")
def python() -> str:
    """The Python that has Cellpose 4; the test skips where there is none."""
    return needed("cellpose-sam").program.find()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose weights are deleted at once."""
    yield tmp_path
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.stat().st_size > 1e8:
            path.unlink()


def test_label_maps_are_those_of_cellpose(python: str, folder: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 56)).astype(np.uint8)
    np.save(folder / "image.npy", image)
    images.write(make(image, "YX"), folder / "image.tif")
    subprocess.run([python, "-c", _OWN], cwd=folder, check=True, capture_output=True)
    wanted = np.load(folder / "masks.npy")
    assert wanted.max() > 0
    given = {"model": folder / "weights", "images": [folder / "image.tif"]}
    given |= {"engine": "cellpose-sam", "engine_settings": SETTINGS, "out": folder / "out"}
    load("predict").declare(given).run(silent)
    found = next((folder / "out").glob("*.tif"))
    assert np.array_equal(images.read_labels(found), wanted)
    (folder / "pickled").write_bytes(pickle.dumps({"a": print}))
    values = {"settings": registry.of("cellpose-sam").settings({}).model_dump()}
    refused = {"pickled": "is no checkpoint that can be opened safely"}
    refused |= {"other": "is no model of Cellpose 4"}
    refused |= {"part": "is no whole model", "dino": "needs DINOv3", "cpsam9": "are absent"}
    with Session(registry.of("cellpose-sam").program) as session:
        for name, words in refused.items():
            path = folder / name
            model = {"model": str(path) if path.exists() else name}
            with pytest.raises(UserError, match=words):
                session.ask("load", {}, values | model)


def test_a_training_needs_a_start(python: str) -> None:
    settings = registry.of("cellpose-sam").training({}).model_dump()
    values = {"settings": settings, "start": "", "out": "", "count": 0, "validation_count": 0}
    with (
        Session(registry.of("cellpose-sam").program) as session,
        pytest.raises(UserError, match="is not trained from scratch"),
    ):
        session.ask("train", {}, values)
