import csv
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagej_dl import images, models
from imagej_dl.errors import Cancelled, DataWarning, UserError
from imagej_dl.images.intensities.likeness import Likeness
from imagej_dl.training import checkpoint as states
from imagej_dl.training import reporting, train
from imagej_dl.training.schedule import Clock

pytestmark = pytest.mark.tf

TINY = {"depth": 1, "width": 4, "last_width": 4, "patch": 32, "batch": 2, "steps": 4}


def weights(folder: Path) -> list[np.ndarray]:
    return models.load(folder).model.get_weights()


def cancel_after(fraction, how=Cancelled):
    def listen(stage, done, total):
        if stage == "training" and done >= fraction * total:
            raise how

    return listen


def test_learns_to_find_discs(tmp_path, pairs):
    out = tmp_path / "M"
    settings = TINY | {"steps": 25, "batch": 4, "width": 8, "last_width": 8}
    bundle = train(pairs, out, epochs=6, learning_rate=0.01, **settings)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["ended"] == "all epochs"
    assert metrics["validation"]["val_dice"] > 0.7
    assert metrics["test"]["ap_0.5"] > 0.5
    assert bundle.config.object_diameter == pytest.approx(12, abs=2)


def test_the_folder_is_whole(tmp_path, folder):
    out = tmp_path / "M"
    train(folder, out, epochs=2, **TINY)
    assert {p.name for p in out.iterdir()} == {
        "model.keras",
        "config.json",
        "test_image.tif",
        "test_expected.tif",
        "metrics.json",
        "split.json",
        "log.csv",
        "likeness.json",
        "loss.png",
    }
    models.load(out, verify=True)
    split = json.loads((out / "split.json").read_text())
    names = split["train"] + split["validation"] + split["test"]
    assert sorted(names) == [f"disc{i}.tif" for i in range(8)]
    assert (len(split["validation"]), len(split["test"]), split["by"]) == (2, 1, "files")
    with (out / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert (out / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_frames_of_one_movie_validate_with_a_word_that_they_do(tmp_path, pairs):
    movie, labels = (
        images.make(np.stack([pair[i].values for pair in pairs]), "TYX", title="m.tif")
        for i in (0, 1)
    )
    config = train([(movie, labels)], tmp_path / "M", epochs=1, **TINY).config
    metrics = json.loads((tmp_path / "M" / "metrics.json").read_text())
    assert metrics["validated"].startswith("on other frames or slices of the same file")
    assert "say nothing" in reporting.summary(tmp_path, metrics, config.method)
    assert config.training["imaging"] == 0.5
    like = Likeness.model_validate_json((tmp_path / "M" / "likeness.json").read_text())
    # What is shown under other conditions is known, too.
    low, high = like.channels[0]["noise"]
    assert low < 3 / 60 * 1.5 < 0.2 < high


def test_the_last_good_epoch_is_kept(tmp_path, pairs, monkeypatch):
    losses = iter([0.5, 0.3, 0.4, 0.2, 0.205, 0.22, 0.3])
    seen = []

    def validate(self, model):
        seen.append(model.get_weights())
        return {"loss": next(losses), "jaccard": 0.5, "dice": 0.6}

    monkeypatch.setattr("imagej_dl.training.objective.Validator.__call__", validate)
    out = tmp_path / "M"
    train(pairs, out, epochs=7, **TINY)
    metrics = json.loads((out / "metrics.json").read_text())
    # 0.205 is as good as the lowest, 0.22 is not.
    assert (metrics["best_epoch"], metrics["epochs"]) == (5, 7)
    assert metrics["validation"]["val_loss"] == 0.205
    for kept, one in zip(weights(out), seen[4], strict=True):
        np.testing.assert_array_equal(kept, one)


@pytest.mark.thorough
def test_the_same_seed_makes_the_same_model(tmp_path, pairs):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(pairs, tmp_path / name, epochs=1, seed=seed, **TINY)
    a, b, c = (weights(tmp_path / name) for name in "abc")
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert any(np.abs(one - other).max() > 1e-2 for one, other in zip(a, c, strict=True))


@pytest.mark.thorough
def test_keras_has_no_warning_for_the_user(tmp_path, pairs, recwarn):
    out = tmp_path / "M"
    train(pairs, out, epochs=4, progress=cancel_after(0.5), **TINY)
    train(pairs, out, resume=True)
    assert [str(w.message) for w in recwarn if w.category is UserWarning] == []


@pytest.mark.thorough(except_for=["border"])
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
@pytest.mark.parametrize("kind", ["border", "binary"])
def test_one_image_of_any_size_and_channels_will_do(tmp_path, kind):
    rng = np.random.default_rng(0)
    labels = np.zeros((37, 23), np.uint16)
    labels[5:15, 4:14], labels[20:30, 8:18] = 1, 2
    array = rng.integers(0, 99, (2, 37, 23)).astype(np.uint16)
    pair = (images.make(array, "CYX"), images.make(labels))
    bundle = train([pair], tmp_path / "M", kind=kind, epochs=1, **TINY)
    assert bundle.config.axes == "YXC"
    assert bundle.config.classes == models.CLASSES[kind]
    models.load(tmp_path / "M", verify=True)


def test_one_image_warns(tmp_path, pairs):
    with pytest.warns(DataWarning, match="only 1 image"):
        train(pairs[:1], tmp_path / "M", epochs=1, **TINY)
    assert json.loads((tmp_path / "M" / "split.json").read_text())["by"] == "regions"


def test_early_stop(tmp_path, pairs, monkeypatch):
    losses = iter([0.5, 0.3, *[0.4] * 50])
    found = {"jaccard": 0.5, "dice": 0.6}
    monkeypatch.setattr(
        "imagej_dl.training.objective.Validator.__call__",
        lambda *_: {"loss": next(losses), **found},
    )
    out = tmp_path / "M"
    train(pairs, out, epochs=50, patience=3, **TINY)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["ended"] == "patience"
    assert (metrics["best_epoch"], metrics["epochs"]) == (2, 5)
    assert not (out / ".training").exists()


def test_time_limit_ends_the_training_and_its_learning_rate(tmp_path, pairs, monkeypatch):
    # A clock of its own, since a busy machine may take all of the time to compile.
    ticks = itertools.count(0, 0.05)
    monkeypatch.setattr(
        "imagej_dl.training.run.Clock",
        lambda steps, limit, before: Clock(steps, limit, now=lambda: next(ticks)),
    )
    out = tmp_path / "M"
    train(pairs, out, epochs=10_000, minutes=3 / 60, **TINY)
    assert json.loads((out / "metrics.json").read_text())["ended"] == "time limit"
    with (out / "log.csv").open() as file:
        rates = [float(row["learning_rate"]) for row in csv.DictReader(file)]
    assert len(rates) > 3
    assert rates[-1] < 0.2 * max(rates)
    assert (out / ".training").is_dir()


@pytest.mark.thorough
def test_a_time_limit_that_reading_uses_up_still_makes_a_model(tmp_path, pairs):
    out = tmp_path / "M"
    train(pairs, out, minutes=1e-6, **TINY)
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["ended"], metrics["epochs"]) == ("time limit", 1)


@pytest.mark.thorough(except_for=["Cancelled"])
@pytest.mark.parametrize("how", [Cancelled, KeyboardInterrupt])
def test_cancelling_keeps_the_best_so_far_and_resume_goes_on(tmp_path, pairs, how):
    out = tmp_path / "M"
    train(pairs, out, epochs=6, progress=cancel_after(0.5, how), **TINY)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["ended"] == "cancelled"
    assert 0 < metrics["epochs"] < 6
    models.load(out, verify=True)
    train(pairs, out, resume=True)
    assert json.loads((out / "metrics.json").read_text())["epochs"] == 6
    assert not (out / ".training").exists()


@pytest.mark.thorough
def test_cancelled_before_anything_is_learnt_leaves_no_model(tmp_path, pairs):
    with pytest.raises(Cancelled):
        train(pairs, tmp_path / "M", epochs=2, progress=cancel_after(0), **TINY)
    with pytest.raises(UserError):
        models.load(tmp_path / "M")
    train(pairs, tmp_path / "M", epochs=1, **TINY)


@pytest.mark.thorough
def test_an_interrupted_training_ends_where_one_without_a_stop_does(tmp_path, pairs):
    settings = TINY | {"epochs": 4, "dropout": 0.3}  # whose random numbers go on, too
    train(pairs, tmp_path / "whole", **settings)
    out = tmp_path / "stopped"
    train(pairs, out, progress=cancel_after(0.5), **settings)
    train(pairs, out, resume=True)
    for one, other in zip(weights(tmp_path / "whole"), weights(out), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.thorough
def test_stopped_while_choosing_it_goes_on_with_choosing(tmp_path, pairs, monkeypatch):
    def stop(stage, done, total):
        if stage == "choosing":
            raise Cancelled

    worse = iter(range(1, 100))
    monkeypatch.setattr(
        "imagej_dl.training.objective.Validator.__call__",
        lambda self, model: dict.fromkeys(("loss", "jaccard", "dice", "accuracy"), next(worse)),
    )
    out = tmp_path / "M"
    train(pairs, out, epochs=9, patience=2, progress=stop, **TINY)
    assert json.loads((out / "metrics.json").read_text())["epochs"] == 3
    train(pairs, out, resume=True)
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["ended"], metrics["epochs"], metrics["best_epoch"]) == ("patience", 3, 1)


def test_killed_within_its_first_epoch_it_can_be_begun_again(tmp_path, pairs):
    (tmp_path / "M" / ".training").mkdir(parents=True)
    (tmp_path / "M" / ".training" / "best.npz").write_bytes(b"")
    train(pairs, tmp_path / "M", epochs=1, **TINY)
    models.load(tmp_path / "M")


def test_resume_after_kill_9(tmp_path, folder):
    out = tmp_path / "M"
    settings = TINY | {"epochs": 500, "patience": 500}
    code = (
        f"from imagej_dl.training import train; train({str(folder)!r}, {str(out)!r}, **{settings})"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        state = out / ".training" / "last.npz"
        deadline = time.monotonic() + 120
        while not state.exists() or states.read(state.parent).epoch < 3:
            assert process.poll() is None, "the training ended before it was killed"
            assert time.monotonic() < deadline, "no third epoch within two minutes"
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    reached = states.read(out / ".training")
    with pytest.raises(UserError, match="not finished"):
        models.load(out)
    with pytest.raises(UserError, match="--resume"):
        train(folder, out, **TINY)
    epochs = reached.epoch + 2
    bundle = train(folder, out, resume=True, epochs=epochs)
    assert models.load(out, verify=True).config == bundle.config
    with (out / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, epochs + 1))
    before = [row["val_loss"] for row in reached.rows]
    assert [float(row["val_loss"]) for row in rows][: len(before)] == pytest.approx(
        before, rel=1e-4
    )


def test_resume_refuses_other_data_and_settings(tmp_path, pairs):
    out = tmp_path / "M"
    train(pairs, out, epochs=6, progress=cancel_after(0.5), **TINY)
    with pytest.raises(UserError, match="other images"):
        train(pairs[1:], out, resume=True)
    with pytest.raises(UserError, match="batch was 2"):
        train(pairs, out, resume=True, batch=3)
    with pytest.raises(UserError, match="no stopped training"):
        train(pairs, tmp_path / "none", resume=True)


def test_damaged_state_is_named(tmp_path, pairs):
    out = tmp_path / "M"
    train(pairs, out, epochs=6, progress=cancel_after(0.5), **TINY)
    path = out / ".training" / "last.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match=r"last\.npz.*damaged"):
        train(pairs, out, resume=True)


@pytest.mark.thorough
def test_existing_folders_are_kept(tmp_path, pairs):
    out = tmp_path / "M"
    train(pairs, out, epochs=1, **TINY)
    before = weights(out)
    with pytest.raises(UserError, match="already there"):
        train(pairs, out, epochs=1, **TINY)
    with pytest.raises(Cancelled):
        train(pairs, out, epochs=1, overwrite=True, progress=cancel_after(0), **TINY)
    for one, other in zip(before, weights(out), strict=True):
        np.testing.assert_array_equal(one, other)
    train(pairs, out, epochs=1, seed=5, overwrite=True, **TINY)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data.txt").write_text("precious")
    with pytest.raises(UserError, match="not a model"):
        train(pairs, tmp_path / "mine", epochs=1, overwrite=True, **TINY)
    assert (tmp_path / "mine" / "data.txt").read_text() == "precious"
    # The suite's folder with its weights may become a model's, but not lose a file of its own.
    suite = tmp_path / "suite"
    (suite / "checkpoints").mkdir(parents=True)
    (suite / "checkpoints" / "w.hdf5").write_text("precious")
    (suite / "config.json").write_text('{"cnn_name": "unet"}')
    with pytest.raises(UserError, match="not a model"):
        train(pairs, suite, epochs=1, overwrite=True, **TINY)
    (suite / "config.json").rename(suite / "mine.json")
    train(pairs, suite, epochs=1, overwrite=True, **TINY)
    assert (suite / "checkpoints" / "w.hdf5").read_text() == "precious"


@pytest.mark.parametrize(
    ("kind", "pictures"),
    [("border", {"object", "class"}), ("flows", {"object", "flow_y", "flow_x"})],
)
def test_tensorboard(tmp_path, pairs, kind, pictures):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(pairs, tmp_path / "M", epochs=1, tensorboard=True, kind=kind, **TINY)
    events = accumulators.EventAccumulator(str(tmp_path / "M" / "tensorboard"))
    events.Reload()
    tags = {tag for tag in events.Tags()["tensors"] if tag in pictures | {"input"}}
    assert tags == pictures | {"input"}
    for tag in tags:
        width, height, *files = events.Tensors(tag)[0].tensor_proto.string_val
        assert (int(width), int(height)) == (32, 32)
        assert files
        with Image.open(io.BytesIO(files[0])) as picture:
            assert picture.size == (32, 32)
            assert tag != "input" or np.ptp(np.asarray(picture)) > 50


def test_loss_that_is_no_number(tmp_path, pairs, monkeypatch):
    monkeypatch.setattr("imagej_dl.training.trainer.Trainer.train_batch", lambda *_: float("nan"))
    with pytest.raises(UserError, match="--learning-rate"):
        train(pairs, tmp_path / "M", epochs=1, **TINY)


def test_a_pixel_that_may_be_why_is_named(tmp_path, pairs, monkeypatch):
    image, labels = pairs[0]
    bright = image.data.astype(np.float32)
    bright[7, 9] = 1e5
    data = [(images.make(bright, title="bright.tif"), labels), *pairs[1:]]
    monkeypatch.setattr("imagej_dl.training.trainer.Trainer.train_batch", lambda *_: float("nan"))
    with pytest.raises(UserError, match=r"bright\.tif has a pixel, at x=9, y=7.*Remove Outliers"):
        train(data, tmp_path / "M", epochs=1, validation=0.1, test=0, seed=1, **TINY)


def test_pixels_that_are_no_number(tmp_path, pairs):
    image, labels = pairs[3]
    pairs[3] = (images.make(np.full(image.shape, np.nan, np.float32), title="bad.tif"), labels)
    with pytest.raises(UserError, match=r"bad\.tif.*NaN or infinite"):
        train(pairs, tmp_path / "M", epochs=1, **TINY)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"patch": 30, "depth": 2}, "multiple of 2.depth = 4"),
        ({"validation": 0.6, "test": 0.5}, "no images for training"),
        ({"colour": 1}, "colour"),
        ({"epochs": 0}, "epochs"),
        ({"architecture": ["unet"]}, "architecture"),
        ({"normalisation": {"lower": 99, "upper": 1}}, "lower percentile"),
        (
            {"architecture": "categorical_unet", "network": {"activation": "none of Keras'"}},
            r"categorical_unet cannot be built .*none of Keras'",
        ),
    ],
)
def test_wrong_settings(tmp_path, pairs, settings, words):
    with pytest.raises(UserError, match=words):
        train(pairs, tmp_path / "M", **settings)
