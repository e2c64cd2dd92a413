import json

import numpy as np
import pytest

from imagej_dl import models
from imagej_dl.errors import Cancelled, Enough
from imagej_dl.prediction import predict
from imagej_dl.training import Epoch, EpochEvent, train
from imagej_dl.training import checkpoint as states
from imagej_dl.training.events import epoch_events

TINY = {"depth": 1, "width": 4, "last_width": 4, "patch": 32, "batch": 2, "steps": 4}


def row(seconds, val_loss=0.5):
    found = {"learning_rate": 1e-3, "loss": 0.4, "val_dice": 0.9, "val_jaccard": 0.8}
    return {"seconds": seconds, "val_loss": val_loss, **found}


def metrics(out):
    return json.loads((out / "metrics.json").read_text())


def stop_at(number, how):
    def watch(epoch):
        if epoch.epoch == number:
            raise how

    return watch


def test_remaining_is_what_the_epochs_left_take():
    # Ten seconds of reading and compiling are no part of what comes.
    epochs = list(epoch_events([row(12), row(14), row(16)], 8, ready=10))
    assert [epoch.remaining for epoch in epochs] == [14, 12, 10]
    # A resume makes one epoch long, but not those that come.
    assert list(epoch_events([row(12), row(14), row(16), row(48)], 8, ready=10))[-1].remaining == 8


def test_remaining_is_never_beyond_the_time_limit():
    epochs = list(epoch_events([row(12), row(14), row(61)], 800, 60, ready=10))
    assert [epoch.remaining for epoch in epochs] == [48, 46, 0]


def test_an_epoch_more_than_there_are_has_no_negative_time():
    last = list(epoch_events([row(2), row(4), row(6)], 2))[-1]
    assert (last.epoch, last.epochs, last.remaining) == (3, 3, 0)


def test_kept_is_what_was_as_good_as_the_best_before():
    losses = [0.5, 0.52, 0.6, 0.4, 0.43]
    epochs = list(epoch_events([row(i + 1, loss) for i, loss in enumerate(losses)], 9))
    assert [epoch.kept for epoch in epochs] == [True, True, False, True, False]


@pytest.mark.tf
def test_each_epoch_is_told_once_it_is_on_disk(tmp_path, pairs):
    out, heard = tmp_path / "M", []

    def watch(epoch):
        heard.append(epoch)
        assert states.read(out / ".training").epoch == epoch.epoch
        assert isinstance(epoch, EpochEvent)
        assert Epoch is EpochEvent  # the former name
        assert epoch.bundle.config.patch == 32

    train(pairs, out, epochs=3, watch=watch, **TINY)
    assert [(e.epoch, e.epochs) for e in heard] == [(1, 3), (2, 3), (3, 3)]
    assert heard[-1].remaining == 0
    found = metrics(out)
    assert [e.epoch for e in heard if e.kept][-1] == found["best_epoch"]
    assert heard[found["best_epoch"] - 1].val_dice == found["validation"]["val_dice"]
    assert heard[0].seconds < heard[1].seconds


@pytest.mark.tf
def test_the_bundle_predicts_with_the_network_as_it_is(tmp_path, pairs):
    image, seen = pairs[0][0], []

    def watch(epoch):
        found = predict(epoch.bundle, image, probabilities=True)
        assert found.labels.shape == image.shape
        seen.append(found.probabilities.data.copy())

    bundle = train(pairs, tmp_path / "M", epochs=2, watch=watch, **TINY)
    assert np.abs(seen[0] - seen[1]).max() > 1e-4
    last = predict(bundle, image, probabilities=True).probabilities.data
    kept = seen[metrics(tmp_path / "M")["best_epoch"] - 1]
    np.testing.assert_allclose(last, kept, atol=1e-5)


@pytest.mark.thorough
@pytest.mark.tf
def test_a_watch_that_fails_loses_nothing(tmp_path, pairs):
    out = tmp_path / "M"
    with pytest.raises(ZeroDivisionError):
        train(pairs, out, epochs=3, watch=stop_at(2, ZeroDivisionError), **TINY)
    heard = []
    train(pairs, out, resume=True, watch=heard.append)
    assert [(e.epoch, e.bundle is None) for e in heard] == [(1, True), (2, True), (3, False)]
    assert metrics(out)["ended"] == "all epochs"


@pytest.mark.thorough(except_for=["watch"])
@pytest.mark.tf
@pytest.mark.parametrize("by", ["watch", "progress"])
def test_enough_ends_as_a_whole_training_and_can_be_resumed(tmp_path, pairs, by):
    out, stages = tmp_path / "M", []

    def progress(stage, done, total):
        # As a button does that was pressed: again and again.
        stages.append(stage)
        if by == "progress" and (stage, done >= total / 2) != ("reading", True) and done >= 500:
            raise Enough
        if by == "watch" and stage == "choosing":
            raise Enough

    watch = stop_at(2, Enough) if by == "watch" else lambda epoch: None
    train(pairs, out, epochs=4, progress=progress, watch=watch, **TINY)
    found = metrics(out)
    assert (found["ended"], found["epochs"]) == ("enough", 2)
    assert found["test"].keys() == {*(f"ap_0.{i}" for i in range(5, 10)), "objects"}
    assert "choosing" in stages
    models.load(out, verify=True)
    train(pairs, out, resume=True)
    assert (metrics(out)["ended"], metrics(out)["epochs"]) == ("all epochs", 4)
    assert not (out / ".training").exists()


@pytest.mark.tf
def test_enough_before_the_first_epoch_is_raised_again(tmp_path, pairs):
    def progress(stage, done, total):
        if stage == "training":
            raise Enough

    with pytest.raises(Enough):
        train(pairs, tmp_path / "M", epochs=2, progress=progress, **TINY)
    assert not (tmp_path / "M" / "config.json").exists()


@pytest.mark.thorough(except_for=["Cancelled"])
@pytest.mark.tf
@pytest.mark.parametrize("how", [Cancelled, KeyboardInterrupt])
def test_cancelled_skips_the_choosing(tmp_path, pairs, how):
    out, stages = tmp_path / "M", set()

    def progress(stage, done, total):
        stages.add(stage)

    train(pairs, out, epochs=3, progress=progress, watch=stop_at(1, how), **TINY)
    assert stages == {"reading", "building", "first batch", "training"}
    found = metrics(out)
    assert (found["ended"], found["epochs"]) == ("cancelled", 1)
    assert {"ap_0.5", "val_dice"} <= found["validation"].keys()


@pytest.mark.thorough
@pytest.mark.tf
def test_cancelled_while_choosing_keeps_the_model(tmp_path, pairs):
    out = tmp_path / "M"

    def progress(stage, done, total):
        if stage == "choosing":
            raise Cancelled

    train(pairs, out, epochs=1, progress=progress, **TINY)
    assert metrics(out)["ended"] == "cancelled"
    train(pairs, out, resume=True)
    assert metrics(out)["ended"] == "all epochs"
