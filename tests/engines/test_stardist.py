"""The engine StarDist, where it is installed: models and results are its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.commands import load
from imagej_dl.engines import registry
from imagej_dl.errors import UserError
from imagej_dl.images import make
from imagej_dl.optional import there
from imagej_dl.progress import silent

SIDE = 64
SETTINGS = {
    "n_rays": 8,
    "unet_n_depth": 1,
    "unet_n_filter_base": 4,
    "train_patch_size": [32, 32],
    "train_batch_size": 2,
    "train_epochs": 1,
    "train_steps_per_epoch": 30,
    "train_learning_rate": 0.01,
}


def discs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (Y, X) of discs of 5 px radius on a jittered grid, and its label map."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    labels = np.zeros((SIDE, SIDE), np.uint16)
    for number, (y, x) in enumerate(np.ndindex(4, 4), 1):
        centre = np.array([8 + 16 * y, 8 + 16 * x]) + random.integers(-1, 2, 2)
        labels[(rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= 25] = number
    noise = random.normal(0, 5, labels.shape)
    return ((labels > 0) * 100 + 50 + noise).clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project, and a model that `train --engine stardist` has trained on it."""
    if not there("stardist"):
        pytest.skip("StarDist is not installed")
    home = tmp_path_factory.mktemp("stardist")
    for number in range(4):
        image, labels = discs(number)
        folder = home / "project" / f"image{number}"
        folder.mkdir(parents=True)
        images.write(make(image, "YX"), folder / "image.tif")
        images.write(make(labels, "YX"), folder / "labels.tif")
    images.write(make(discs(9)[0], "YX"), home / "new.tif")
    given = {"project": home / "project", "out": home / "model", "engine": "stardist"}
    settings = json.dumps(SETTINGS)
    load("train").declare(given | {"engine_settings": settings, "validation": 0.25}).run(silent)
    return home


@pytest.mark.thorough
def test_a_model_of_ours_is_one_of_stardists_and_predicts_the_same(trained: Path) -> None:
    from csbdeep.utils import normalize
    from stardist.models import StarDist2D

    model = StarDist2D(None, name="model", basedir=str(trained))
    assert (model.config.n_rays, model.config.grid) == (8, (2, 2))
    assert json.loads((trained / "model" / "engine.json").read_text())["engine"] == "stardist"
    image = normalize(discs(9)[0], 1, 99.8)
    wanted, _ = model.predict_instances(image)
    assert wanted.max() > 4
    given = {"model": trained / "model", "images": [trained / "new.tif"], "engine": "stardist"}
    load("predict").declare(given | {"out": trained / "out"}).run(silent)
    found = images.read_labels(trained / "out" / "new.tif")
    assert np.array_equal(found, wanted)  # ids and pixels


def test_what_is_no_model_of_stardist(tmp_path: Path) -> None:
    engine = registry.of("stardist")
    with pytest.raises(UserError, match="StarDist needs a model"):
        engine.model(None)
    with pytest.raises(UserError, match=r"there is no config\.json"):
        engine.model(tmp_path)
    config = tmp_path / "config.json"
    for values, words in {
        '{"n_dim": 3, "n_rays": 32}': "for 3 dimensions",
        '{"n_dim": 2}': "is no configuration of StarDist",
        '{"n_dim": 2, "n_rays": 32}': "has no weights",
    }.items():
        config.write_text(values)
        with pytest.raises(UserError, match=words):
            engine.model(tmp_path)
    (tmp_path / "weights_best.h5").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    assert engine.model(tmp_path) == str(tmp_path)
    assert [p.name for p in engine.files(str(tmp_path))] == ["config.json", "weights_best.h5"]
