"""The options of `imagej-dl predict` on what the network sees, at every door."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "prediction"))
import small_models

from imagej_dl import images, worker
from imagej_dl.cli import main
from imagej_dl.commands import menu
from imagej_dl.commands.base import WrongValues
from imagej_dl.commands.predict import Predict
from imagej_dl.errors import UserError
from imagej_dl.models import save
from imagej_dl.progress import silent

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models: of objects of 10 px, a second of these, an older one, another kind."""
    folder = tmp_path_factory.mktemp("models")
    bundle = small_models.threshold()
    for name, changed in (
        ("model", {"object_diameter": 10.0}),
        ("second", {"object_diameter": 11.0}),
        ("older", {}),
        ("large", {"object_diameter": 40.0}),
    ):
        config = bundle.config.model_copy(update=changed)
        save(bundle.model, config, folder / name, test_image=np.zeros((16, 16), np.uint8))
    other = small_models.unet()
    save(other.model, other.config, folder / "border", test_image=np.zeros((16, 16), np.uint8))
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Two discs of 20 px, or 8 µm."""
    y, x = np.mgrid[:60, :100] + 0.5
    plane = np.uint8(240) * ((np.hypot(y - 30, x - 25) <= 10) | (np.hypot(y - 30, x - 70) <= 10))
    path = tmp_path / "in" / "discs.tif"
    path.parent.mkdir()
    images.write(images.make(plane, pixel_width=0.4, pixel_height=0.4, unit="µm"), path)
    return path


def predict(folder: Path, image: Path, out: str, model: str = "model", **more: Any) -> np.ndarray:
    values = {"model": folder / model, "images": [image], "out": image.parent / out, "rois": False}
    Predict.declare(values | more).run(silent)
    return images.read(image.parent / out / image.name).values


def test_the_command_line(folder, image, monkeypatch, capsys):
    out = image.parent / "out"
    given = ["--diameter", "8um", "--augment", "flips", "--ensemble", str(folder / "second")]
    argv = ["imagej-dl", "predict", str(folder / "model"), str(image), "--out", str(out), *given]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    assert "8 passes (4 views × 2 models): about 8 times as long as one" in said.out
    assert said.out.index("8 passes") < said.out.index("2 objects")
    assert "resampled × 0.5 for the prediction" in said.out
    labels = images.read(out / "discs.tif")
    assert labels.shape == (60, 100)
    assert labels.attrs["unit"] == "µm"
    truth = images.read(image).values > 0
    found = labels.values > 0
    assert np.count_nonzero(found & truth) / np.count_nonzero(found | truth) > 0.9


def test_a_macro(folder, image):
    keys = {"diameter": "20", "augment": "all", "ensemble": f"{folder / 'second'};"}
    values = menu.parse("predict", {"model": str(folder / "model"), "images": str(image), **keys})
    assert values["ensemble"] == [str(folder / "second")]
    values["out"] = str(image.parent / "out")
    task = SimpleNamespace(cancel_requested=False, _worker=None, update=lambda *_: None)
    answer = worker.run(task, "predict", values)
    assert "16 passes (8 views × 2 models)" in answer["text"], answer
    assert images.read(image.parent / "out" / "discs.tif").max() == 2


def test_json_and_numbers(folder, image):
    for given in (20, 20.0, "20", "20 px", "8 µm"):
        assert Predict.declare({"model": folder, "diameter": given}).diameter == str(given).replace(
            ".0", ""
        )
    text = json.dumps({"model": str(folder), "diameter": 12.5, "ensemble": [str(folder)]})
    assert Predict.declare(json.loads(text)).diameter == "12.5"
    for wrong in ("big", "8 furlong", "0", True, [8]):
        with pytest.raises(WrongValues, match="diameter"):
            Predict.declare({"model": folder, "diameter": wrong})
    with pytest.raises(WrongValues, match="augment"):
        Predict.declare({"model": folder, "augment": "many"})


def test_once_says_no_price(folder, image, capsys):
    predict(folder, image, "out")
    assert "passes" not in capsys.readouterr().out


def test_results_that_were_made_otherwise_are_not_mixed(folder, image):
    images.write(images.make(np.zeros((20, 20), np.uint8)), image.parent / "empty.tif")
    both = {"images": [image, image.parent / "empty.tif"]}
    plain = predict(folder, image, "out", **both)
    np.testing.assert_array_equal(predict(folder, image, "out", **both), plain)
    for changed in (
        {"diameter": "20"},
        {"diameter": "model"},
        {"augment": "flips"},
        {"ensemble": [folder / "second"]},
    ):
        with pytest.raises(UserError, match=r"discs\.tif: exists, made with other settings"):
            predict(folder, image, "out", **both, **changed)
    every = {"diameter": "20", "augment": "flips", **both}
    predict(folder, image, "more", ensemble=[folder / "second", folder / "model"], **every)
    # Another order of the others, or another way to write the same, is no other setting.
    every["diameter"] = "20.0 px"
    predict(folder, image, "more", ensemble=[folder / "model", folder / "second"], **every)
    with pytest.raises(UserError, match="made with other settings"):
        predict(folder, image, "more", ensemble=[folder / "second"], **every)


def test_models_are_refused_before_any_work(folder, image):
    for given, words in (
        ({"ensemble": [folder / "border"]}, r"border: differs from the first model in its kind"),
        ({"ensemble": [folder / "large"]}, r"large: differs .*diameter.* 4 times as large"),
        ({"ensemble": [folder / "none"]}, r"no such model folder"),
        ({"model": "older", "diameter": "auto"}, r"older: does not know the diameter"),
        ({"model": "older", "diameter": "8 um"}, r"older: does not know the diameter"),
    ):
        with pytest.raises(UserError, match=words):
            predict(folder, image, "out", **given)
    assert not (image.parent / "out" / "discs.tif").exists()


def test_the_remedy_for_older_models_works(folder, image, tmp_path):
    import shutil

    with pytest.raises(UserError, match=r'config.json, in px, such as "object_diameter": 20'):
        predict(folder, image, "out", model="older", diameter="20")
    shutil.copytree(folder / "older", tmp_path / "older")
    config = tmp_path / "older" / "config.json"
    content = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps(content | {"object_diameter": 20}), "utf-8")
    assert predict(tmp_path, image, "out", model="older", diameter="20").max() == 2
    assert predict(folder, image, "plain", model="older").max() == 2
