"""Options that a combination would not heed are refused, or warned of, before the work."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.commands import load, menu, predict_blocks
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.models.ready import registry as ready
from imagej_dl.prediction.inputs import find
from imagej_dl.progress import silent
from imagej_dl.training.settings import Settings
from imagej_dl.training.unheeded import warn_unheeded
from imagej_dl.worker import Session

NUCLEI = ready.HOME / ready.DEFAULT


def declare(name: str, values: dict[str, Any]) -> Any:
    return load(name).declare(values)


def refused(name: str, values: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        declare(name, values).run(silent)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "cells.tif"
    images.write(images.make(np.zeros((20, 30), np.uint8)), path)
    return path


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """A label movie of two frames with an object."""
    array = np.zeros((2, 20, 20), np.uint16)
    array[:, 5:12, 5:12] = 1
    images.write_labels(images.make(array, "TYX"), tmp_path / "labels.tif")
    return tmp_path / "labels.tif"


def prediction(image: Path, **more: Any) -> dict[str, Any]:
    return {"model": NUCLEI, "images": [image], "out": image.parent / "out", **more}


def denoiser(folder: Path) -> Path:
    """A folder whose configuration is that of a denoiser; its network is never opened."""
    config = json.loads((NUCLEI / "config.json").read_text())
    config |= {"kind": "n2v2", "classes": ["intensity"], "instances": {}, "method_settings": {}}
    for name in ("object_diameter", "border_size"):
        config.pop(name, None)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.keras").write_bytes((NUCLEI / "model.keras").read_bytes())
    return folder


def test_results_that_the_model_does_not_give(image: Path, tmp_path: Path) -> None:
    refused("predict", prediction(image, type="input"), "nuclei: type: is that of images, and")
    model = denoiser(tmp_path / "denoiser")
    given = prediction(image, model=model, probabilities=True)
    refused("predict", given, "denoiser: probabilities: are those of classes, and this model gives")
    assert not (tmp_path / "out").exists()


def test_results_that_the_model_does_not_give_in_imagej(image: Path, tmp_path: Path) -> None:
    model = denoiser(tmp_path / "denoiser")
    session = Session(tmp_path, image=images.read(image))
    for given, words in (
        ({"model": str(model), "probabilities": "true"}, "probabilities: are those of classes"),
        ({"type": "input"}, "type: is that of images"),
    ):
        command = load("predict").declare(menu.parse("predict", given))
        with pytest.raises(UserError, match=words):
            command.run_in_imagej(session, silent)


@pytest.mark.parametrize("name", ["predict", "train", "correct"])
def test_the_python_of_no_engine(name: str, image: Path, tmp_path: Path) -> None:
    (tmp_path / "project" / "Raw").mkdir(parents=True)
    given = {
        "predict": prediction(image),
        "train": {"project": tmp_path, "out": tmp_path / "out"},
        "correct": {"project": tmp_path / "project", "model": NUCLEI},
    }[name]
    words = "is for an engine of others, and none is named. Name it with --engine"
    refused(name, {**given, "engine_python": tmp_path / "python"}, f"engine_python: {words}")
    refused(name, {**given, "engine_settings": "{}"}, "engine_settings: are for an engine")


def test_what_is_for_files_on_the_open_image(tmp_path: Path) -> None:
    """It has no effect, and macros that have it run on."""
    image = images.make(np.zeros((20, 30), np.uint8))
    session = Session(tmp_path, image=image)
    given = {"axes": "TYX", "scenes": "all", "model": tmp_path / "none"}
    words = "^axes, scenes: is for image files, and has no effect"
    with pytest.warns(DataWarning, match=words), pytest.raises(UserError, match="none"):
        declare("predict", given).run_in_imagej(session, silent)


def test_the_batch_of_blocks(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = SimpleNamespace(predict=lambda *_: None)
    monkeypatch.setattr(predict_blocks, "cut_of", lambda *_: cut)
    command = declare("predict", prediction(image, scheduler="serial", batch=4))
    results = SimpleNamespace(need_names=lambda source: None)
    with pytest.warns(DataWarning, match="batch: has no effect on what is predicted block by"):
        assert predict_blocks.spread(command, find([image]), results, {}, silent) == []


def test_a_roiset_beside_the_open_image(tmp_path: Path) -> None:
    """Those of the ROI Manager would be filled in its place."""
    given = tmp_path / "RoiSet.zip"
    session = Session(tmp_path, image=images.make(np.zeros((9, 9), np.uint8)), roiset=given)
    command = load("labels").declare({"roiset": given})
    with pytest.raises(UserError, match="roiset: is for an image file; on the open image"):
        command.run_in_imagej(session, silent)


def test_a_picture_that_is_not_made(movie: Path) -> None:
    words = "frame, slice: is that of the picture"
    refused("show", {"labels": movie, "frame": 2, "slice": 3}, words)
    words = "image_axes: are those of an image, and none is named"
    refused("show", {"labels": movie, "image_axes": "TYX", "png": movie.with_name("a.png")}, words)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"step": "next", "rois": "a.zip"}, "rois: is for the step save, not for next"),
        ({"step": "save", "accept": True}, "accept: is for the step retrain, not for save"),
        ({"step": "status", "sparse": True}, "sparse: is for the step save or retrain, not for st"),
        ({"step": "retrain", "name": "a"}, "name: is for the step next or save or empty, not for"),
    ],
)
def test_what_is_of_another_step(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    refused("correct", {"project": tmp_path, **given}, words)


def test_a_final_training_that_is_not_done(tmp_path: Path) -> None:
    given = {"project": tmp_path, "out": tmp_path / "out", "final": False, "minutes": 3}
    refused("search", given, "minutes: is for the model that is trained at the end")


def test_options_of_a_tracking(movie: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text('{"tracker": "SPARSE_LAP_TRACKER", "settings": {}}')
    given = {"labels": movie, "out": tmp_path / "out", "image_axes": "TYX", "settings": settings}
    given |= {"distances": "trackmate", "engine_python": tmp_path, "engine": "embedded"}
    with pytest.warns(DataWarning) as caught:
        declare("track", given).run(silent)
    said = [str(item.message) for item in caught]
    for words in (
        "image_axes: is that of a movie, and none is named, so it has no effect",
        "distances: has no effect, as the distances are those of the settings",
        "engine_python: is for ",
    ):
        assert sum(text.startswith(words) for text in said) == 1, said
    given = {"labels": movie, "out": tmp_path / "again", "engine": "embedded", "image": movie}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        declare("track", given | {"image_axes": "TYX"}).run(silent)


def test_axes_of_a_challenge_folder(tmp_path: Path) -> None:
    from imagej_dl.evaluation import evaluate

    frame = np.zeros((9, 9), np.uint16)
    frame[2:5, 2:5] = 1
    for place in ("01_RES/mask000.tif", "01_GT/SEG/man_seg000.tif"):
        images.write_labels(images.make(frame), tmp_path / place)
    with pytest.warns(DataWarning, match="01_RES: has the axes of its format, so axes has no eff"):
        evaluate(tmp_path / "01_RES", tmp_path / "01_GT", "YX")


@pytest.mark.parametrize("kind", ["n2v2", "care", "n2v"])
def test_imaging_conditions_of_a_kind_that_keeps_the_noise(kind: str) -> None:
    with pytest.raises(UserError, match=f"imaging: kind {kind} learns the noise and the detail"):
        Settings.of({"kind": kind, "imaging": 0.3})
    # A dialog gives the default; 0 is what is done.
    for share in (0.5, 0):
        assert not Settings.of({"kind": kind, "imaging": share}).varies_imaging
    assert Settings.of({"imaging": 0.3}).varies_imaging


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"architecture": "unet_lstm", "crowding": 0.2},
            "crowding: without effect, as the network s",
        ),
        ({"architecture": "unet_suite", "depth": 5}, "depth: without effect, as the network unet_"),
        ({"frames": 3, "plateau": 4}, "frames: .*network unet has .*plateau: .*schedule is cycle"),
        ({"kind": "n2v2", "foreground": 0.2}, "foreground: without effect, as kind n2v2 learns no"),
        ({"kind": "flows", "border_size": 3}, "border_size: .*kind flows has no border class"),
        ({"weight_map": "unet", "contact_weight": 9}, "contact_weight: .*as weight_map is unet"),
        ({"sampling_pdf": 50, "foreground": 0.1}, "foreground: .*sampling_pdf takes its place"),
        (
            {"class_weights": (1, 2, 3, 4)},
            "class_weights: .*cross_entropy weighs all classes alike",
        ),
    ],
)
def test_settings_of_a_training(given: dict[str, Any], words: str) -> None:
    with pytest.warns(DataWarning) as caught:
        warn_unheeded(given, Settings.of(given))
    assert re.search(words, "; ".join(str(item.message) for item in caught))
    with warnings.catch_warnings():  # nor for what a dialog gives
        warnings.simplefilter("error")
        whole = Settings.of({key: given[key] for key in ("kind", "architecture") if key in given})
        warn_unheeded(Settings.model_fields, whole)
        warn_unheeded({"frames": 3}, Settings.of({"frames": 3, "architecture": "unet_lstm"}))


def test_shares_that_folders_take_the_place_of(tmp_path: Path) -> None:
    given = {"project": tmp_path, "out": tmp_path / "out", "test": 0.3}
    with pytest.warns(DataWarning, match="test: has no effect, as the folder for validation"):
        declare("train", given | {"validation_folder": tmp_path}).warn_of_shares()
    with pytest.warns(DataWarning, match="test: has no effect, as the folder for the test takes"):
        declare("train", given | {"test_folder": tmp_path}).warn_of_shares()


def test_a_dialog_sets_every_field(image: Path, tmp_path: Path) -> None:
    """Defaults are not refused: a recorded macro has all keys."""
    for name in ("predict", "train", "labels", "track", "evaluate", "correct", "denoise"):
        command = load(name)
        fields = command.model_fields
        given: dict[str, Any] = {
            key: field.get_default(call_default_factory=True)
            for key, field in fields.items()
            if not field.is_required()
        }
        given |= {key: tmp_path for key, field in fields.items() if field.is_required()}
        if name == "train":
            given["out"] = tmp_path / "out"
        declared = command.declare(given)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            declared.check()
