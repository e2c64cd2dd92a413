"""The engine µSAM: what it takes and refuses; where it is installed, the results are its own."""

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

# Random weights of its smallest encoder and its decoder, in one file, as µSAM trains them.
_OWN = """
import numpy as np, torch
from micro_sam.automatic_segmentation import (
    automatic_instance_segmentation, get_predictor_and_segmenter)
from micro_sam.instance_segmentation import get_unetr
from segment_anything import sam_model_registry
torch.manual_seed(0)
sam = sam_model_registry["vit_b"]()
decoder = get_unetr(sam.image_encoder, device="cpu").state_dict()
decoder = {name: value for name, value in decoder.items() if not name.startswith("encoder")}
torch.save({"model_state": sam.state_dict(), "decoder_state": decoder}, "model.pt")
predictor, segmenter = get_predictor_and_segmenter("vit_b", checkpoint="model.pt", device="cpu",
                                                   segmentation_mode="ais")
np.save("labels.npy", automatic_instance_segmentation(
    predictor, segmenter, np.load("image.npy"), ndim=2, verbose=False))
"""


def test_models_of_micro_sam(tmp_path: Path) -> None:
    engine = registry.of("micro-sam")
    assert engine.model(Path("vit_b_lm")) == "vit_b_lm"
    assert engine.files("vit_b_lm") == []
    for name in ("mine.pt", "mine_decoder.pt"):
        (tmp_path / name).write_bytes(b"")
    model = engine.model(tmp_path / "mine.pt")
    assert [path.name for path in engine.files(model)] == ["mine.pt", "mine_decoder.pt"]
    for named, words in {
        None: "µSAM needs a model",
        tmp_path: "is a folder, and a model of µSAM is a file",
        tmp_path / "none.pt": "there is no such model",
    }.items():
        with pytest.raises(UserError, match=words):
            engine.model(named)


def test_settings_of_micro_sam() -> None:
    engine = registry.of("micro-sam")
    assert engine.settings({"tile_shape": [384, 384], "halo": [64, 64]})
    with pytest.raises(UserError, match="tile_shape and halo go together"):
        engine.settings({"tile_shape": [384, 384]})


def test_labels_are_those_of_micro_sam(tmp_path: Path) -> None:
    engine = needed("micro-sam")
    image = np.random.default_rng(0).integers(0, 255, (160, 200)).astype(np.uint8)
    np.save(tmp_path / "image.npy", image)
    images.write(make(image, "YX"), tmp_path / "image.tif")
    python = engine.program.find()
    subprocess.run([python, "-c", _OWN], cwd=tmp_path, check=True, capture_output=True)
    wanted = np.load(tmp_path / "labels.npy")
    assert wanted.max() > 1
    given = {"images": [tmp_path / "image.tif"], "engine": "micro-sam", "rois": False}
    given |= {"model": tmp_path / "model.pt", "out": tmp_path / "out"}
    load("predict").declare(given).run(silent)
    assert np.array_equal(images.read_labels(next((tmp_path / "out").glob("*.tif"))), wanted)
