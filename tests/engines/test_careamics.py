"""The engine CAREamics: what it refuses, its training on images alone; where it is installed, the
results are its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from real_engines import needed

from imagej_dl import images
from imagej_dl.commands import load
from imagej_dl.engines import base, registry, training
from imagej_dl.engines.careamics import Careamics
from imagej_dl.errors import UserError
from imagej_dl.foreign.program import Program
from imagej_dl.images import make
from imagej_dl.progress import silent

TRAINING = {"num_epochs": 1, "num_steps": 2, "patch_size": [16, 16], "batch_size": 2}
TRAINING |= {"num_channels_init": 8, "masked_pixel_percentage": 2.0, "accelerator": "cpu"}

_OWN = """
import numpy as np, sys
from careamics import CAREamist
model = CAREamist(checkpoint_path=sys.argv[1], work_dir=".", enable_progress_bar=False)
found, _ = model.predict(
    np.load("image.npy"), axes="YX", data_type="array", batch_size=1, num_workers=0,
    tile_size=(32, 32), tile_overlap=(16, 16), checkpoint=sys.argv[1],
)
np.save("denoised.npy", found[0])
"""
_TOLD = """
import sys
from pathlib import Path
sys.path.insert(0, {runners!r})
from serve import main

def train(arrays, values, tell):
    shapes = [f"{{name}} {{array.shape}}" for name, array in sorted(arrays.items())]
    Path(values["out"], "weights").write_text("\\n".join(shapes))
    return {{}}, {{"model": "weights"}}

main(lambda: "0.3", train=train)
"""


def noisy(seed: int, shape: tuple[int, int] = (40, 44)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)


@pytest.fixture(scope="module")
def python() -> str:
    """The Python that has CAREamics; the test skips where there is none."""
    return needed("careamics").program.find()


def test_images_are_those_of_careamics(python: str, tmp_path: Path) -> None:
    (tmp_path / "noisy").mkdir()
    for number in range(2):
        images.write(make(noisy(number), "YX"), tmp_path / "noisy" / f"image{number}.tif")
    given = {"project": tmp_path / "noisy", "out": tmp_path / "model", "engine": "careamics"}
    load("train").declare(given | {"engine_settings": json.dumps(TRAINING)}).run(silent)
    np.save(tmp_path / "image.npy", noisy(9))
    images.write(make(noisy(9), "YX"), tmp_path / "cells.tif")
    model = tmp_path / "model" / "careamics.ckpt"
    subprocess.run([python, "-c", _OWN, model], cwd=tmp_path, check=True, capture_output=True)
    settings = {"tile_size": [32, 32], "tile_overlap": [16, 16], "accelerator": "cpu"}
    given = {"model": tmp_path / "model", "images": [tmp_path / "cells.tif"]}
    load("predict").declare(given | {"engine_settings": settings, "out": tmp_path / "out"}).run(
        silent
    )
    found = images.read(tmp_path / "out" / "cells.tif")
    assert np.array_equal(found.data, np.load(tmp_path / "denoised.npy"))


def test_it_learns_from_images_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runners = base.__file__.replace("base.py", "runners")
    runner = tmp_path / "run_it.py"
    runner.write_text(_TOLD.format(runners=runners))
    program = Program("careamics", "Make one.", runner, "json")
    monkeypatch.setattr(Careamics, "program", program)
    (tmp_path / "noisy").mkdir()
    images.write(make(noisy(0, (40, 100)), "YX"), tmp_path / "noisy" / "image.tif")
    settings = registry.of("careamics").training({"patch_size": [32, 32]}).model_dump(mode="json")
    done = training.train(
        registry.of("careamics"), tmp_path / "noisy", tmp_path / "model", settings
    )
    told = (tmp_path / "model" / "weights").read_text().splitlines()
    assert told == ["image_0 (40, 68)", "validation_image_0 (40, 32)"]  # and no labels
    assert done.split.by == "regions"


def test_what_is_no_model_of_careamics(tmp_path: Path) -> None:
    engine = registry.of("careamics")
    (tmp_path / "model.zip").write_bytes(b"")
    (tmp_path / "model.ckpt").write_bytes(b"")
    for path in (tmp_path, tmp_path / "model.zip"):
        with pytest.raises(UserError, match="is no model of CAREamics"):
            engine.model(path)
    assert engine.model(tmp_path / "model.ckpt") == str(tmp_path / "model.ckpt")
    with pytest.raises(UserError, match="patch_size: must be square"):
        engine.training({"patch_size": [32, 64]})
