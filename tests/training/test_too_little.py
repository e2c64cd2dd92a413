"""Trainings on very little: one image, mostly empty ones, single pixels that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, models
from imagej_dl.commands.predict import Predict
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.evaluation import match
from imagej_dl.methods.border import Border
from imagej_dl.models import ModelBundle
from imagej_dl.prediction import predict
from imagej_dl.progress import silent
from imagej_dl.training import object_sizes, reporting, train

pytestmark = [pytest.mark.tf, pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")]

QUICK = {
    "depth": 2,
    "width": 8,
    "last_width": 8,
    "patch": 64,
    "batch": 4,
    "steps": 30,
    "learning_rate": 0.01,
}


@pytest.fixture(scope="module")
def faults(shared_data: Path) -> Path:
    return shared_data / "faults" / "training"


@pytest.fixture(scope="module")
def few(faults: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """A model trained on one image with four cells."""
    return train(faults / "few", tmp_path_factory.mktemp("few") / "M", epochs=4, **QUICK)


@pytest.mark.thorough
def test_the_smallest_of_four_cells_is_not_the_filter(few: ModelBundle, faults: Path) -> None:
    """Their smallest has 268 px, most cells of the other image less."""
    assert few.config.instances.minimum_area < 30
    truth = images.read(faults / "mixed_truth.tif").data
    found = predict(few, images.read(faults / "mixed.tif"))
    assert match(truth, found.labels.data, (0.5,))[0].true_positives >= 36
    assert found.left_out == 0


def test_one_nucleus_on_a_dark_plane_is_one_object(few: ModelBundle, faults: Path) -> None:
    with pytest.warns(DataWarning, match=r"single.tif: nearly empty.*times as far"):
        found = predict(few, images.read(faults / "single.tif"))
    score = match(images.read(faults / "single_truth.tif").data, found.labels.data, (0.5,))[0]
    assert (score.true_positives, score.false_positives) == (1, 0)


def test_a_plane_like_the_training_is_not_warned_of(
    few: ModelBundle, faults: Path, recwarn: pytest.WarningsRecorder
) -> None:
    predict(few, images.read(faults / "normal.tif"))
    assert not [str(one.message) for one in recwarn if one.category is DataWarning]


def test_debris_does_not_hide_the_cells(few: ModelBundle, faults: Path) -> None:
    image = images.read(faults / "normal.tif")
    truth = images.read(faults / "normal_truth.tif").data
    dirty = image.data.astype(np.uint16)
    dirty[100:120, 230:250] = np.where(truth[100:120, 230:250] > 0, dirty[100:120, 230:250], 20000)
    assert 0.004 < (dirty == 20000).mean() < 0.008
    with pytest.warns(DataWarning, match="treated as debris"):
        found = predict(few, images.with_data(image, dirty, ["Y", "X"]))
    assert match(truth, found.labels.data, (0.5,))[0].true_positives >= 35
    bare = ModelBundle(few.model, few.config.model_copy(update={"seen": None}))
    before = predict(bare, images.with_data(image, dirty, ["Y", "X"]))
    assert match(truth, before.labels.data, (0.5,))[0].true_positives < 5


def test_what_is_left_out_is_said(
    few: ModelBundle, faults: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert few.folder is not None
    given = {"model": few.folder, "images": [faults / "mixed.tif"], "rois": False}
    Predict.declare({**given, "out": tmp_path / "a", "minimum_area": 200}).run(silent)
    said = capsys.readouterr().out
    assert "smaller than minimum_area (200 px) left out" in said
    count = int(said.split("; ")[1].split()[0])
    labels = images.read_labels(tmp_path / "a" / "mixed.tif")
    Predict.declare({**given, "out": tmp_path / "b", "minimum_area": 0}).run(silent)
    assert "left out" not in capsys.readouterr().out
    whole = images.read_labels(tmp_path / "b" / "mixed.tif")
    assert len(np.unique(labels)) + count == len(np.unique(whole))
    assert count > 10


def test_models_of_before_predict_as_before(few: ModelBundle, faults: Path) -> None:
    """What they saw is not in their config.json: nothing bounds them, and nothing is said."""
    assert few.folder is not None
    config = json.loads((few.folder / "config.json").read_text())
    assert config.pop("seen")["planes"] == 1
    old = models.ModelConfig.model_validate(config)
    assert old.seen is None
    image = images.read(faults / "single.tif")
    plane = ModelBundle(few.model, old).prepare(image.data)
    low, high = np.percentile(image.data, (1, 99.8))
    np.testing.assert_array_equal(
        plane[..., 0], ((image.data - low) / (high - low)).astype(np.float32)
    )


@pytest.mark.thorough
def test_perfect_emptiness_is_not_nought(faults: Path, tmp_path: Path) -> None:
    """The test image has no object, and none is found."""
    train(faults / "mostly_empty", tmp_path / "M", epochs=5, **QUICK)
    text = (tmp_path / "M" / "metrics.json").read_text()
    assert "NaN" not in text
    metrics = json.loads(text)
    assert metrics["test"].pop("objects") == 0
    assert set(metrics["test"].values()) == {None}
    assert metrics["validation"]["ap_0.5"] > 0.5
    said = reporting.summary(tmp_path / "M", metrics, Border())
    assert "test: average precision – (no objects in ground truth or prediction)" in said


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nan", r"n2.tif: holds 1 pixel\(s\) that are NaN or infinite, the first at x=5, y=5"),
        ("hot", r"n0.tif: the pixel at x=3, y=3 is 1e\+30"),
    ],
)
def test_a_pixel_that_spoils_a_training_is_named(
    faults: Path, tmp_path: Path, name: str, problem: str
) -> None:
    with pytest.raises(UserError, match=problem) as raised:
        train(faults / name, tmp_path / "M", epochs=1, **QUICK)
    assert "rate" not in str(raised.value)
    assert "Process > Math > Macro..." in str(raised.value)
    assert not (tmp_path / "M").exists()


def test_a_hot_pixel_costs_a_prediction_nothing_else(few: ModelBundle, faults: Path) -> None:
    image = images.read(faults / "normal.tif")
    hot = image.data.astype(np.float32)
    hot[20, 30] = 1e30
    with pytest.warns(DataWarning, match=r"pixel at x=30, y=20 is 1e\+30.*Macro"):
        found = predict(few, images.with_data(image, hot, ["Y", "X"]))
    truth = images.read(faults / "normal_truth.tif").data
    assert match(truth, found.labels.data, (0.5,))[0].true_positives >= 36


def test_least_areas_grow_with_the_number_of_objects() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for count in (1, 4, 20, 100, 1000):
        diameters = rng.lognormal(3, 0.3, count)
        low = np.pi / 4 * np.percentile(diameters, 1) ** 2
        shares.append(object_sizes.least_area(diameters) / low)
    assert shares == sorted(shares)
    assert shares[1] < 0.05
    assert shares[-1] > 0.8
    assert object_sizes.least_area(np.zeros(0)) == 0
