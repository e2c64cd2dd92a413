"""`imagej-dl predict` with packages of BioImage.IO: files, resuming, output, what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "models" / "packages"))

pytest.importorskip("onnxruntime")

from small_packages import discs, package, sigmoid, tensors

from imagej_dl import images, preferences
from imagej_dl.commands.predict import Predict
from imagej_dl.errors import UserError
from imagej_dl.models import load_config
from imagej_dl.models.ready import registry as ready
from imagej_dl.prediction.chain import check_chain
from imagej_dl.progress import silent
from imagej_dl.web.app import models_of


@pytest.fixture(autouse=True)
def no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(preferences, "path", lambda: tmp_path / "home" / "settings.json")


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "images" / "cells.tif"
    path.parent.mkdir()
    images.write(images.make(discs(80)), path)
    return path


def run(model, *given, out, **more):
    Predict.declare({"model": model, "images": list(given), "out": out, **more}).run(silent)


def test_label_map_rois_and_probabilities_are_written(tmp_path, image, capsys):
    model, out = package(tmp_path / "discs.zip"), tmp_path / "out"
    run(model, image, out=out, probabilities=True)
    names = ["cells.tif", "cells_RoiSet.zip", "cells_probabilities.tif"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert images.read_labels(out / "cells.tif").values.max() == 9
    assert "the package discs by threshold (onnx): object → label map" in capsys.readouterr().out


def test_a_folder_may_be_named_alone_before_images(tmp_path, image):
    model = package(tmp_path / "discs")
    run(model, image.parent, out=tmp_path / "out")
    assert (tmp_path / "out" / "cells.tif").exists()


def test_the_output_as_an_image(tmp_path, image):
    model = package(tmp_path / "discs.zip")
    run(model, image, out=tmp_path / "out", output="image")
    found = images.read(tmp_path / "out" / "cells.tif")
    wanted = sigmoid(40 * (discs(80) / np.float32(255) - 0.5))
    np.testing.assert_allclose(found.values.squeeze(), wanted, atol=1e-5)


def test_results_of_the_same_package_are_kept(tmp_path, image, capsys):
    model = package(tmp_path / "discs.zip")
    other = image.with_name("other.tif")
    images.write(images.make(discs(70)), other)
    run(model, image, other, out=tmp_path / "out")
    capsys.readouterr()
    run(model, image, other, out=tmp_path / "out")
    assert "2 of 2 images have results" in capsys.readouterr().out
    with pytest.raises(UserError, match="other settings"):
        run(model, image, other, out=tmp_path / "out", minimum_area=5)
    package(model, tests=tensors(80))
    with pytest.raises(UserError, match="another model"):
        run(model, image, other, out=tmp_path / "out")


def test_what_packages_do_not_take_is_refused(tmp_path, image):
    model, out = package(tmp_path / "discs.zip"), tmp_path / "out"
    with pytest.raises(UserError, match="output: is chosen for packages"):
        run(ready.HOME / ready.DEFAULT, image, out=out, output="image")
    with pytest.raises(UserError, match="has its own alone"):
        run(model, image, out=out, weights=image)
    with pytest.raises(UserError, match="does not know the diameter"):
        run(model, image, out=out, diameter="20")
    with pytest.raises(UserError, match="type: the output of a package"):
        run(model, image, out=out, output="image", type="input")
    roiset = tmp_path / "RoiSet.zip"
    roiset.write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(UserError, match=r"it has no rdf\.yaml"):
        run(roiset, image, out=out)


def test_the_web_page_offers_packages(tmp_path):
    package(tmp_path / "discs.zip")
    package(tmp_path / "more")
    (tmp_path / "RoiSet.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    assert set(models_of(tmp_path)) == {"discs.zip", "more", *ready.names()}


def test_a_package_denoises_for_models_that_stretch_intensities_alone(tmp_path):
    def image_of(content):
        content["outputs"][0].update(id="denoised")

    first = load_config(package(tmp_path / "denoise.zip", change=image_of))
    second = load_config(ready.HOME / ready.DEFAULT)
    check_chain(first, None, second)
    with pytest.raises(UserError, match="intensities of its own"):
        check_chain(first, None, load_config(package(tmp_path / "discs.zip")))
