"""predict, train and engines with an engine of others: what is written, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fake_engine import Fake

from imagej_dl import images, rois, tracking
from imagej_dl.commands import engine_options, load, menu
from imagej_dl.commands.engines import Engines
from imagej_dl.errors import UserError
from imagej_dl.foreign import environments, process
from imagej_dl.images import make
from imagej_dl.progress import silent


def pixels() -> np.ndarray:
    flat = np.zeros((12, 16), np.uint16)
    flat[2:5, 2:6], flat[8, 10:13] = 300, 70
    return flat


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    movie = make(np.stack([pixels(), pixels() * 0 + 1]), "TYX", pixel_width=0.5, pixel_height=0.5)
    (tmp_path / "in").mkdir()
    images.write(movie, tmp_path / "in" / "movie.tif")
    images.write(make(pixels(), "YX"), tmp_path / "in" / "plain.tif")
    for name in ("model", "points", "image"):
        (tmp_path / name).write_text("weights")
    return tmp_path


def predict(folder: Path, model: str, engine: str | None, **given: object) -> Path:
    out = folder / "out"
    values = {"model": folder / model, "images": [folder / "in"], "out": out, "engine": engine}
    values = {key: value for key, value in (values | given).items() if value is not None}
    load("predict").declare(values).run(silent)
    return out


@pytest.mark.usefixtures("fields")
def test_label_maps_and_rois_are_written_as_ours(folder: Path, capsys) -> None:
    out = predict(folder, "model", "fake", engine_settings='{"threshold": 100}')
    labels = images.read_labels(out / "movie.tif")
    assert np.array_equal(labels[0], np.where(pixels() > 100, 300, 0))
    assert images.calibration(labels).pixel_width == 0.5
    assert len(rois.read(out / "movie_RoiSet.zip")) == 1
    assert "1 objects on 2 planes" in capsys.readouterr().out
    # The same again keeps what is there; other settings are refused.
    predict(folder, "model", "fake", engine_settings={"threshold": 100})
    assert "2 of 2 images have results" in capsys.readouterr().out
    with pytest.raises(UserError, match="with other settings"):
        predict(folder, "model", "fake", engine_settings={"threshold": 5})
    (folder / "model").write_text("others")
    with pytest.raises(UserError, match="by another model"):
        predict(folder, "model", "fake", engine_settings={"threshold": 100})


@pytest.mark.usefixtures("fields")
def test_an_image_that_fails_leaves_nothing_and_costs_the_others_nothing(folder: Path) -> None:
    images.write(make(np.full((4, 4), np.nan, np.float32), "YX"), folder / "in" / "bad.tif")
    with pytest.raises(UserError, match=r"1 of 3 images .*bad\.tif"):
        predict(folder, "model", "fake")
    assert sorted(path.name for path in (folder / "out").glob("*.tif")) == [
        "movie.tif",
        "plain.tif",
    ]
    with pytest.raises(UserError, match=r"3 of 3 .*memory"):
        predict(folder, "model", "fake", engine_settings={"misbehave": "memory"}, overwrite=True)
    assert not list((folder / "out").glob(".imagej-dl-*"))


@pytest.mark.usefixtures("fields")
def test_what_is_wrong_with_the_model_is_said_once(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^fake: the weights are absent\. Download them\.$"):
        predict(folder, "model", "fake", engine_settings={"misbehave": "model refuses"})
    assert not list((folder / "out").glob("*.tif"))


@pytest.mark.usefixtures("fields")
def test_points_become_point_rois_and_spots(folder: Path) -> None:
    out = predict(folder, "points", "fake-points", engine_settings={"threshold": 200})
    found = rois.read(out / "movie_RoiSet.zip")
    assert [roi.kind for roi in found] == ["point"] * 12
    assert found[0].points.tolist() == [[2.25, 1.75]]
    assert {roi.position for roi in found} == {1}
    tracks = tracking.read_trackmate(out / "movie_spots.xml")
    assert len(tracks.spots) == 12
    assert set(tracks.spots["frame"]) == {0}
    place = tracks.spots.sort_values(["y", "x"])[["x", "y"]].to_numpy()[0]
    assert place.tolist() == [2.25 * 0.5, 1.75 * 0.5]
    labels = images.read_labels(out / "movie.tif")
    assert np.array_equal(np.unique(labels), np.arange(13))
    # The spots are those of the label map, so that `track` can link them.
    assert labels[0].data[2, 2] == 1


@pytest.mark.usefixtures("fields")
def test_images_of_an_engine(folder: Path) -> None:
    out = predict(folder, "image", "fake-image")
    assert np.array_equal(images.read(out / "plain.tif"), pixels() / 2)


class ImageJ:
    """An ImageJ with one open image, and what it was given to show."""

    def __init__(self) -> None:
        self.display: dict = {}
        self.values: dict = {}
        self.shown: dict = {}

    def open_image(self):
        return make(pixels(), "YX", title="cells.tif")

    def show_labels(self, labels, title: str) -> None:
        self.shown[title] = labels

    def show_rois(self, traced) -> None:
        self.shown["rois"] = traced


@pytest.mark.usefixtures("fields")
def test_the_open_image_in_imagej(folder: Path, capsys) -> None:
    given = {"model": folder / "points", "engine": "fake-points"}
    # A dialog sets every field; those that are as they were do not count.
    given |= {"augment": "none", "tile": None, "type": "float32"}
    session = ImageJ()
    load("predict").declare(given).run_in_imagej(session, silent)
    assert [*session.shown] == ["cells-labels", "rois"]
    assert {roi.kind for roi in session.shown["rois"]} == {"point"}
    assert session.values["objects"] == len(session.shown["rois"]) == 15
    assert "cells: 15 objects" in capsys.readouterr().out


@pytest.mark.usefixtures("fields")
def test_what_is_not_the_engines_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="augment, tile: for models of imagej-dl, not for Fake"):
        predict(folder, "model", "fake", tile=256, augment="all")
    with pytest.raises(UserError, match="engine_settings: is not JSON"):
        predict(folder, "model", "fake", engine_settings="{")
    with pytest.raises(UserError, match="settings of Fake: trheshold"):
        predict(folder, "model", "fake", engine_settings={"trheshold": 1})
    with pytest.raises(UserError, match="diameter: Fake takes a number of px, not '8 um'"):
        predict(folder, "model", "fake", diameter="8 um")
    with pytest.raises(UserError, match="there is no such model"):
        predict(folder, "missing", "fake")
    with pytest.raises(UserError, match="there is no such Python"):
        predict(folder, "model", "fake", engine_python=folder / "python")
    assert not (folder / "out").exists()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for number in range(4):
        home = tmp_path / "project" / f"image{number}"
        home.mkdir(parents=True)
        images.write(make(pixels(), "YX"), home / "image.tif")
        images.write(
            make((pixels() > 0) + (pixels() > 70) * np.uint16(1), "YX"), home / "labels.tif"
        )
    return tmp_path / "project"


@pytest.mark.usefixtures("fields")
def test_a_trained_model_is_known_by_its_folder(project: Path, folder: Path, capsys) -> None:
    train = load("train")
    out = folder / "trained"
    given = {"project": project, "out": out, "engine": "fake", "validation": 0.25}
    train.declare(given).run(silent)
    assert "trained by Fake on 3 planes, validated on 1 of 4 planes; loss 0.5" in (
        capsys.readouterr().out
    )
    assert (out / "weights").read_text().split() == ["uint16", "3", "2"]
    kept = json.loads((out / "engine.json").read_text())
    assert (kept["engine"], kept["version"], kept["settings"]["epochs"]) == ("fake", "2.0", 2)
    # It needs no --engine, and another one is refused.
    assert images.read_labels(predict(folder, "trained", None) / "plain.tif").max() == 300
    with pytest.raises(UserError, match="is a model of fake, not of fake-points"):
        predict(folder, "trained", "fake-points")
    with pytest.raises(UserError, match="is already there"):
        train.declare(given).run(silent)
    train.declare(given | {"start": out, "overwrite": True}).run(silent)
    assert (out / "weights").read_text().endswith(str(out / "weights"))


@pytest.mark.usefixtures("fields")
def test_a_training_that_fails_writes_nothing(project: Path, folder: Path) -> None:
    train, out = load("train"), folder / "trained"
    given = {"project": project, "out": out, "engine": "fake"}
    for misbehave, words in {
        "memory": "ran out of memory",
        "killed": "signal 9",
        "writes nothing": "has written no model",
    }.items():
        with pytest.raises(UserError, match=words):
            train.declare(given | {"engine_settings": {"misbehave": misbehave}}).run(silent)
        assert not out.exists()
    with pytest.raises(UserError, match="kind, epochs: for models of imagej-dl"):
        train.declare(given | {"kind": "flows", "epochs": 3}).run(silent)
    with pytest.raises(UserError, match="cannot be trained here"):
        train.declare(given | {"engine": "fake-image"}).run(silent)
    out.mkdir()
    (out / "mine.txt").write_text("")
    with pytest.raises(UserError, match="is not a model of an engine, so it is not overwritten"):
        train.declare(given | {"overwrite": True}).run(silent)


def test_macro_keys() -> None:
    for name in ("predict", "train"):
        keys = [field["key"] for field in menu.describe(name)["fields"]]
        assert {"engine", "engine_settings", "engine_python"} <= set(keys)
    offered = {f["key"]: f for f in menu.describe("predict")["fields"]}["engine"]
    assert offered["type"] == "choice"
    assert "stardist" in offered["choices"]
    assert engine_options.settings_given(None) == {}


def test_engines_are_listed_described_and_named(capsys) -> None:
    Engines().run(silent)
    said = capsys.readouterr().out
    assert "stardist: StarDist" in said
    assert "fake: Fake, installed" in said
    Engines(action="show", name="fake").run(silent)
    assert "threshold (10.0): Least intensity" in capsys.readouterr().out
    Engines(action="add", name="fake", python=Path(sys.executable)).run(silent)
    assert environments.recorded("fake") == environments.Environment(sys.executable, made=False)
    assert "yours" in _said(capsys, Engines())
    with pytest.raises(UserError, match="has a Python already"):
        environments.make("fake", ("fake",), silent)
    Engines(action="remove", name="fake").run(silent)
    assert environments.recorded("fake") is None
    assert Path(sys.executable).exists()
    with pytest.raises(UserError, match="there is no environment of fake"):
        Engines(action="remove", name="fake").run(silent)
    with pytest.raises(UserError, match="add needs the name of an engine"):
        Engines(action="add").run(silent)
    with pytest.raises(UserError, match="there is no such Python"):
        Engines(action="add", name="fake", python=Path("none")).run(silent)


def _said(capsys, command: Engines) -> str:
    capsys.readouterr()
    command.run(silent)
    return capsys.readouterr().out


def _steps(monkeypatch: pytest.MonkeyPatch, *lines: str, code: int = 0) -> None:
    """Let an installation be a program that says some lines; pip and the network stay out."""
    text = f"import sys; print({chr(10).join(lines)!r}); sys.exit({code})"
    monkeypatch.setattr(
        environments,
        "_commands",
        lambda folder, python, wanted: iter(
            [
                [sys.executable, "-c", f"import os; os.makedirs({str(folder / 'bin')!r})"],
                [sys.executable, "-c", text],
            ]
        ),
    )


def test_an_environment_is_whole_or_not_there(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    home = environments.folder_of("fake")
    _steps(monkeypatch, "ERROR: No matching distribution found for fake", code=1)
    with pytest.raises(UserError, match="fake cannot be installed: ERROR: No matching"):
        Engines(action="add", name="fake").run(silent)
    said = capsys.readouterr().out
    assert "fake (MIT) goes into" in said
    assert "GB are free" in said
    assert not home.exists()
    _steps(monkeypatch, "NewConnectionError: Temporary failure in name resolution", code=1)
    with pytest.raises(UserError, match="no connection to the package index"):
        Engines(action="add", name="fake").run(silent)
    assert not home.exists()
    # The Python of the made environment is missing, so that it does not load.
    _steps(monkeypatch, "Collecting fake")
    with pytest.raises(UserError, match="there is no such Python"):
        Engines(action="add", name="fake").run(silent)
    assert not home.exists()

    def stop(stage: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        environments.make("fake", ("fake",), stop)
    assert not home.exists()
    made = environments.make("fake", ("fake",), silent)
    assert (made.made, made.requirements) == (True, ("fake",))
    assert environments.remove("fake").made
    assert not home.exists()


@pytest.mark.skipif(os.name == "nt" or not shutil.which("ps"), reason="SIGTERM and ps are needed")
def test_what_adds_an_engine_ends_with_the_command(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(
        f'#!/bin/sh\nsleep 600 &\necho $! > "{begun}.part"\nmv "{begun}.part" "{begun}"\nwait\n'
    )
    uv.chmod(0o755)
    path = f"{uv.parent}{os.pathsep}{os.environ['PATH']}"
    homes = {"PATH": path, "IMAGEJ_DL_ENGINES": str(tmp_path / "engines")}
    command = [sys.executable, "-m", "imagej_dl", "engines", "add", "stardist"]
    with subprocess.Popen(command, env=os.environ | homes, stderr=subprocess.PIPE) as running:
        try:
            deadline = time.monotonic() + 60
            while not begun.exists():
                assert running.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            running.terminate()
            said = running.communicate(timeout=60)[1]
        finally:
            running.kill()
    assert running.returncode == 130
    assert b"cancelled" in said
    # Ended, if perhaps still listed, where nothing waits for what has no parent.
    listed = ["ps", "-o", "stat=", "-p", begun.read_text().strip()]
    assert subprocess.run(listed, capture_output=True, check=False).stdout.strip()[:1] in (
        b"",
        b"Z",
    )
    assert not any((tmp_path / "engines").glob("stardist*"))


def test_room_is_looked_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fake, "gigabytes", 1e9)
    with pytest.raises(UserError, match=r"not enough room.*IMAGEJ_DL_ENGINES"):
        Engines(action="add", name="fake").run(silent)


def test_output_of_programs_is_understood() -> None:
    assert process.lacks_memory("RuntimeError: CUDA out of memory. Tried to allocate 2 GiB")
    assert process.lacks_network("<urlopen error [Errno -2] Name or service not known>")
    assert not process.lacks_memory("ValueError: wrong")
