"""The demo's chain: where it begins from, and what its report shows of each method."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imagej_dl import images, rois, simulation
from imagej_dl.commands.demo import Demo
from imagej_dl.errors import UserError
from imagej_dl.methods import registry
from imagej_dl.models.ready import registry as ready
from imagej_dl.progress import silent
from imagej_dl.report import chain, denoising
from imagej_dl.training import Settings


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A folder of three images with RoiSets."""
    rng = np.random.default_rng(0)
    y, x = np.indices((64, 64))
    for number in range(3):
        labels = np.zeros((64, 64), np.uint16)
        for label, (cy, cx) in enumerate([(16, 16), (44, 20), (30, 48)], 1):
            labels[(y - cy) ** 2 + (x - cx - number) ** 2 < 64] = label
        image = (rng.normal(20, 2, labels.shape) + 90 * (labels > 0)).astype(np.uint8)
        folder = tmp_path / "mine" / f"n{number}"
        images.write(images.make(image), folder / "image.tif")
        rois.write(rois.trace(images.make(labels)), folder / "RoiSet.zip")
    return tmp_path / "mine"


@pytest.mark.thorough
@pytest.mark.tf
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_it_begins_from_a_ready_model(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = Settings.of
    monkeypatch.setattr(Settings, "of", lambda values: of({**values, "steps": 2, "epochs": 1}))
    monkeypatch.setattr(chain, "imagej", lambda *_: None)  # Java has tests of its own
    out = tmp_path / ready.DEFAULT  # a folder of that name is not the model that is asked for
    Demo(data=drawn, out=out, start=Path(ready.DEFAULT), seed=1).run(silent)
    metrics = json.loads((out / "model" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["started_from"]["model"] == ready.DEFAULT
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "imagej-dl train project --out model --minutes 2.5 --seed 1 --start nuclei" in page
    assert "weights of the ready model nuclei" in page
    found = images.read_labels(out / "predicted" / "n0.tif")
    assert found.max() == 3


@pytest.mark.thorough
@pytest.mark.tf
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_a_noisy_movie_is_denoised_first_and_both_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    of = Settings.of
    monkeypatch.setattr(Settings, "of", lambda values: of({**values, "steps": 2, "epochs": 1}))
    monkeypatch.setattr(chain, "imagej", lambda *_: None)
    monkeypatch.setattr(chain, "TRAINING_IMAGES", 3)
    # Trainings of the chain have a test of their own.
    model = ready.find(Path(ready.DEFAULT))
    monkeypatch.setattr(chain, "train", lambda work, *_: shutil.copytree(model, work.out / "model"))
    monkeypatch.setattr(chain.simulation, "write", partial(simulation.write, frames=3))
    movie = simulation.nuclei.movie

    def small(frames: int, size: object = None, cells: int = 20, **more: Any) -> Any:
        return movie(frames, (96, 96), min(cells, 8), **more)

    monkeypatch.setattr(simulation.nuclei, "movie", small)
    Demo(out=tmp_path / "demo", noisy=True, seed=1).run(silent)
    # Few photons: hardly more than the 100 counts of the camera's offset.
    assert images.read(tmp_path / "demo" / "movie.tif").values.mean() < 130
    denoised = images.read(tmp_path / "demo" / "predicted" / "movie_denoised.tif")
    made = images.read(tmp_path / "demo" / "denoised" / "movie.tif")
    np.testing.assert_allclose(denoised.values, made.values, rtol=1e-4, atol=0.02)
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "imagej-dl denoise movie.tif --out denoised --minutes 1.5 --seed 1" in page
    assert "--denoise denoised/model" in page
    assert "Without denoising" in page
    said = capsys.readouterr().out
    assert re.search(r"AP at IoU 0.5 \S+ without denoising, \S+ with; TRA", said)


def test_what_denoising_changed_is_said_either_way() -> None:
    def of(precision: float, tra: float) -> dict[str, float]:
        return {"AP at IoU 0.5": precision, "TRA": tra}

    for without, found, words in (
        (of(0.5, 0.6), of(0.8, 0.9), "helped the model"),
        (of(0.5, 0.6), of(0.502, 0.9), "helped the model"),
        (of(0.5, 0.6), of(0.4, 0.6), "did not help"),
        (of(0.5, 0.6), of(0.501, 0.599), "no difference"),
        (of(0.5, 0.6), of(0.7, 0.4), "helped one score and harmed"),
        (of(float("nan"), 0.6), of(0.7, 0.4), "no score"),
    ):
        assert words in denoising.verdict(without, found)
        assert denoising.words_of(without, found).endswith(denoising.verdict(without, found))
    assert "AP at IoU 0.5 – without" in denoising.words_of(of(float("nan"), 0.6), of(0.7, 0.4))


def test_the_noisy_movie_is_a_simulated_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--noisy is for the simulated movie"):
        Demo(out=tmp_path / "demo", data=tmp_path, noisy=True).run(silent)


def test_no_folder_is_made_for_a_start_that_is_no_model_of_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no such model folder"):
        Demo(out=tmp_path / "demo", start=tmp_path / "none").run(silent)
    config = SimpleNamespace(method=SimpleNamespace(gives="image", name="some"))
    monkeypatch.setattr(chain, "load_config", lambda folder: config)
    with pytest.raises(UserError, match="kind some, which finds no objects"):
        Demo(out=tmp_path / "demo", start=tmp_path).run(silent)
    assert not (tmp_path / "demo").exists()


INSTANCES = [name for name, kind in registry.METHODS.items() if kind.gives == "instances"]


@pytest.mark.parametrize("kind", INSTANCES)
def test_of_each_method_an_object_is_shown(kind: str) -> None:
    method = registry.METHODS[kind]()
    output = np.zeros((len(method.channels), 5, 6), np.float32)
    channel = {"flows": 2, "embeddings": 4, "star_convex": 0, "binary": 0, "denoiseg": 2}.get(
        kind, 1
    )
    output[channel, 2, 3] = 1
    shown, words = chain._shown(method, output)
    picture = chain.pictures.classes(shown)
    assert picture.shape == (5, 6, 3)
    assert picture[2, 3, 1] == 255
    assert picture.sum(-1).argmax() == 2 * 6 + 3
    assert ("green" in words) == (kind in ("border", "contour", "distance"))
