"""The engine BiaPy: what it refuses; where it is installed, the results are its own."""

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

SETTINGS = {"seed_channels_thresh": ["auto", "auto"], "growth_mask_channels_thresh": ["auto"]}

# A network of random weights, as BiaPy itself writes it, and what BiaPy makes of an image.
_OWN = f"""
import sys, traceback
import numpy as np, torch
sys.excepthook = lambda *error: traceback.print_exception(*error, file=sys.__stderr__)
from biapy import BiaPy, build_config, __version__
from biapy.utils.misc import save_model

torch.manual_seed(0)
network = {{"architecture": "unet", "feature_maps": [4, 8, 16], "dropout_values": [0.0] * 3}}
config = build_config(
    "INSTANCE_SEG", "2D", phase="train", patch_size=(64, 64, 1), model=network,
    train_data={{"path": ".", "gt_path": ".", "in_memory": True}},
    extra_config={{
        "PROBLEM": {{"INSTANCE_SEG": {{"DATA_CHANNELS": ["F", "C"]}}}},
        "DATA": {{"VAL": {{"FROM_TRAIN": True, "SPLIT_TRAIN": 0.2}}}},
        "TRAIN": {{"OPTIMIZER": "ADAMW", "LR": 0.002, "EPOCHS": 1, "PATIENCE": -1}},
    }},
)
engine = BiaPy(config)
engine.workflow.prepare_model()
network = engine.workflow.model_without_ddp
save_model(".", engine.cfg, __version__, "model", "best", network, [], {{}})
state = torch.load("model-checkpoint-best.pth", weights_only=True)
state["cfg"]["MODEL"]["ARCHITECTURE"] = "vit"
torch.save(state, "vit.pth")
state["cfg"]["PROBLEM"]["TYPE"] = "DENOISING"
torch.save(state, "denoising.pth")
torch.save({{"cfg": print}}, "pickled.pth")

engine = BiaPy("model-checkpoint-best.pth")
place = "PROBLEM.INSTANCE_SEG.WATERSHED."
engine.update_config({{
    place + "SEED_CHANNELS_THRESH": {SETTINGS["seed_channels_thresh"]},
    place + "GROWTH_MASK_CHANNELS_THRESH": {SETTINGS["growth_mask_channels_thresh"]},
}})
np.save("labels.npy", np.squeeze(engine.predict(np.load("image.npy"))))
"""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """The running engine; the test skips where there is none."""
    with Session(needed("biapy").program) as session:
        yield session


@pytest.fixture(scope="module")
def folder(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkpoints, an image, and what BiaPy makes of it."""
    folder = tmp_path_factory.mktemp("biapy")
    image = np.random.default_rng(0).integers(0, 255, (72, 80)).astype(np.uint8)
    np.save(folder / "image.npy", image)
    command = [session.command, "-c", _OWN]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def test_label_maps_are_those_of_biapy(session: Session, folder: Path) -> None:
    engine = registry.of("biapy")
    model = engine.model(folder / "model-checkpoint-best.pth")
    job = Job(engine, session, model, engine.settings(SETTINGS).model_dump(mode="json"))
    found = segment(job, make(np.load(folder / "image.npy"), "YX"))
    assert isinstance(found, Prediction)
    assert found.number > 1
    assert np.array_equal(found.labels, np.load(folder / "labels.npy"))


def test_checkpoints_that_are_not_opened(session: Session, folder: Path) -> None:
    values = {"settings": registry.of("biapy").settings({}).model_dump()}
    for name, words in {
        "pickled": "is not opened|can be opened safely",
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
        with pytest.raises(UserError, match="is no model of BiaPy"):
            engine.model(path)
    assert engine.model(tmp_path / "model.pth") == str(tmp_path / "model.pth")
    with pytest.raises(UserError, match="settings of BiaPy: overlap"):
        engine.settings({"overlap": [0.5]})
