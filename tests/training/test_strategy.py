"""Several devices and several machines train the network that one would."""

import csv
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import models, preferences
from imagej_dl.errors import Cancelled, DataWarning, UserError
from imagej_dl.methods.shared import losses
from imagej_dl.models import backend
from imagej_dl.training import Settings, device_selection, objective, precision, train
from imagej_dl.training import checkpoint as states
from imagej_dl.training.devices import SingleDevice
from imagej_dl.training.distributed import strategy, tf_config
from imagej_dl.training.distributed.strategy import DistributedStrategy

pytestmark = [pytest.mark.tf, pytest.mark.thorough]

TINY = dict(kind="border", depth=1, width=4, last_width=4, patch=32, batch=3, steps=4)
"""Three classes, with batch normalisation; a batch of 3 is divided unevenly."""

UPDATE = 2e-3
"""What Adam changes a weight by in a batch, also where the gradient is nothing but rounding."""


def trainer():
    """The module of the trainer, which loads TensorFlow."""
    return importlib.import_module("imagej_dl.training.trainer")


def weights(folder: Path) -> list[np.ndarray]:
    return models.load(folder).model.get_weights()


def steps(settings: Settings, used: SingleDevice) -> tuple[list[float], list[np.ndarray]]:
    """Train a new network on three batches; return the losses, and its weights."""
    backend.keras().utils.set_random_seed(0)
    with used.scope(), precision.precision(settings.precision):
        model = settings.built(1).build()
    used.prepare(model)
    fitted = trainer().Trainer(model, settings, used)
    fitted.optimizer.learning_rate.assign(0.003)
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(3):
        images = rng.random((settings.batch, 32, 32, 1), np.float32)
        targets = np.eye(3, dtype=np.float32)[(images[..., 0] > 0.5) + 0]
        losses.append(fitted.train_batch((images, targets, 1 + images[..., 0])))
    return losses, model.get_weights()


def both_ways(home: str) -> list:
    """Train on one device, then on two of this process."""
    os.environ["IMAGEJ_DL_HOME"] = home
    tf = backend.tensorflow()
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    settings, found = Settings(dice=0.5, **TINY), []
    for device, count in (("auto", 1), ("all", 2)):
        preferences.change(device=device)
        used = device_selection.select()
        assert used.count == count
        found.append(steps(settings, used))
    with pytest.raises(UserError, match="batch of 1 "):
        used.check_batch(1)
    return found


def test_two_devices_train_as_one(tmp_path, own_process):
    (losses, one), (others, two) = own_process(both_ways, str(tmp_path))
    np.testing.assert_allclose(losses, others, rtol=1e-5)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=UPDATE / 10)


def started(folder: Path, out: Path, config: dict, settings: dict) -> subprocess.Popen:
    further = {name: settings.pop(name) for name in ("last_width", "steps")}
    command = [sys.executable, "-m", "imagej_dl", "train", str(folder), "--out", str(out)]
    command += [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    return subprocess.Popen(
        [*command, "--checkpoints=4", "--settings", json.dumps(further)],
        env=os.environ | {"TF_CONFIG": json.dumps(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Where the tests run in the background Ctrl-C is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_two_machines_train_as_one_and_end_together(tmp_path, folder):
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("localhost", 0))
    hosts = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    outs = [tmp_path / "M", tmp_path / "N"]
    # So long that it does not end by itself; the rate of the first epochs is a usual one.
    settings = TINY | {"epochs": 1000, "patience": 1000, "learning_rate": 0.1}
    workers = []
    try:
        for i, out in enumerate(outs):
            config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": i}}
            workers.append(started(folder, out, config, dict(settings)))
        seen = []

        def watch(epoch):
            seen.append((epoch, epoch.bundle.model.get_weights()))
            if epoch.epoch == 2:
                raise Cancelled

        train(folder, tmp_path / "one", watch=watch, **settings)
        kept = outs[0] / "checkpoints" / "00002.weights.h5"
        deadline = time.monotonic() + 300
        while not kept.exists():
            assert all(w.poll() is None for w in workers), [w.communicate() for w in workers]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        workers[1].send_signal(signal.SIGTERM)  # as clusters do
        said = [worker.communicate(timeout=300)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert [worker.returncode for worker in workers] == [0, 0], said
    model = models.load(outs[0], verify=True).model
    model.load_weights(kept)
    for a, b in zip(seen[1][1], model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    with (outs[0] / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    for (epoch, _), row in zip(seen, rows, strict=False):
        assert float(row["loss"]) == pytest.approx(epoch.loss, rel=1e-4)
        assert float(row["val_loss"]) == pytest.approx(epoch.val_loss, rel=1e-4)
    assert not outs[1].exists()
    assert "worker 0 writes" in said[1]
    metrics = json.loads((outs[0] / "metrics.json").read_text())
    assert metrics["ended"] == "cancelled"
    assert metrics["device"].startswith("2 machines")
    assert states.read(outs[0] / states.FOLDER).epoch == len(rows)  # so that --resume goes on


def test_a_machine_that_is_lost_is_one_clear_error():
    import tensorflow as tf

    several = DistributedStrategy(None, worker=1, workers=2)
    with pytest.raises(UserError, match="another machine"), several.connection():
        raise tf.errors.UnavailableError(None, None, "Connection reset by peer")
    with pytest.raises(tf.errors.InvalidArgumentError), several.connection():
        raise tf.errors.InvalidArgumentError(None, None, "not for this reason")


def test_messages_are_as_long_as_others():
    content = {"loss": np.array(0.25), "w0": np.arange(6).reshape(2, 3), "error": np.array(["é"])}
    found = strategy.unpack(strategy.pack(content))
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in content.items()}
    assert len(strategy.pack({})) == len(strategy.pack({"loss": np.array(0.1)}))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("border", "cross_entropy"),
        ("binary", "cross_entropy"),
        ("binary", "binary_cce"),
        ("binary", "weighted_bce"),
        ("binary", "weighted_bce_dice"),
        ("foreground", "sparse_cce"),
        ("foreground", "categorical_cce"),
        ("foreground", "multiple_output"),
    ],
)
def test_a_loss_is_a_function_of_the_sums_alone(kind, name):
    rng = np.random.default_rng(0)
    classes = len(models.CLASSES[kind])
    target = rng.integers(0, 2, (4, 8, 8, classes)).astype(np.float32)
    batch = [target, rng.uniform(0.1, 0.9, target.shape), rng.uniform(1, 5, target.shape[:3])]
    batch = [array.astype(np.float32) for array in batch]
    settings = Settings(kind=kind, loss=name, dice=0.5)
    summed: list = []

    def listen(*parts):
        summed.append(parts)
        return parts

    whole = float(objective.of(settings, listen)(*batch))
    assert float(objective.of(settings)(*batch)) == whole
    given = iter(summed)
    # The devices of the others hold the rest; with their sums it must be the whole's loss.
    part = objective.of(settings, lambda *_: next(given))(*(array[:1] for array in batch))
    assert float(part) == pytest.approx(whole, rel=1e-6)
    assert losses.whole(1, 2) == (1, 2)


def test_half_precision_is_near_and_its_model_float32(tmp_path, pairs):
    usual, _ = steps(Settings(**TINY), SingleDevice())
    near, _ = steps(Settings(precision="mixed_bfloat16", **TINY), SingleDevice())
    np.testing.assert_allclose(near, usual, rtol=0.05)
    with pytest.warns(DataWarning, match="mixed_float16 is slower"):
        bundle = train(pairs, tmp_path / "M", epochs=1, precision="mixed_float16", **TINY)
    assert {layer.dtype_policy.name for layer in bundle.model.layers} == {"float32"}
    models.load(tmp_path / "M", verify=True)
    metrics = json.loads((tmp_path / "M" / "metrics.json").read_text())
    assert metrics["validation"]["val_loss"] == pytest.approx(1.1, abs=0.3)


def test_an_overflow_in_float16_changes_no_weight():
    settings = Settings(precision="mixed_float16", **TINY)
    with precision.precision("mixed_float16"):
        model = settings.built(1).build()
    fitted = trainer().Trainer(model, settings, SingleDevice())
    fitted.optimizer.learning_rate.assign(0.01)
    scale = fitted.loss_scale
    images = np.random.default_rng(0).random((3, 32, 32, 1), np.float32)
    batch = (images, np.eye(3, dtype=np.float32)[(images[..., 0] > 0.5) + 0], images[..., 0])
    before = [v.numpy() for v in model.trainable_variables]
    scale.factor = 2.0**120
    assert np.isfinite(fitted.train_batch(batch))
    assert scale.factor == 2.0**119
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    scale.restore(1024.0, 7)
    scale.restore(None, 0)  # of a checkpoint without a factor
    fitted.train_batch(batch)
    assert (scale.factor, scale.steady) == (1024.0, 8)
    both = zip(model.trainable_variables, before, strict=True)
    assert any((variable.numpy() != value).any() for variable, value in both)


def test_a_resumed_training_in_float16_goes_on_with_its_factor(tmp_path, pairs, monkeypatch):
    monkeypatch.setattr(precision, "_INITIAL_SCALE", 8.0)
    monkeypatch.setattr(precision, "_GROWTH_STEPS", 3)
    trainer_class = trainer().Trainer
    train_batch, seen = trainer_class.train_batch, []

    def watched(self, batch):
        seen.append((self.loss_scale.factor, self.loss_scale.steady))
        return train_batch(self, batch)

    def stop(stage, done, total):
        if stage == "training" and done >= total / 2:
            raise Cancelled

    monkeypatch.setattr(trainer_class, "train_batch", watched)
    out, kind = tmp_path / "M", "mixed_float16"
    with pytest.warns(DataWarning, match="slower"):
        train(pairs, out, epochs=2, precision=kind, progress=stop, **TINY)
    assert seen == [(8, 0), (8, 1), (8, 2), (16, 0)]
    kept = states.load(out / states.FOLDER)
    assert (states.parse(kept).factor, states.parse(kept).steady) == (16, 1)
    with pytest.warns(DataWarning, match="slower"):
        train(pairs, out, resume=True)
    assert seen[4] == (16, 1)
    # A state of a former version knows of no factor.
    older = json.loads(bytes(kept["state"]))
    del older["factor"], older["steady"]
    found = states.parse({"state": np.frombuffer(json.dumps(older).encode(), np.uint8)})
    assert (found.epoch, found.factor) == (1, None)


def test_half_precision_on_a_gpu_without_tensor_cores_is_warned_of(monkeypatch):
    gpu = backend.GPU("Old", 8, (6, 1))
    monkeypatch.setattr(backend, "gpus", lambda: [gpu])
    with pytest.warns(DataWarning, match="on Old"):
        precision.warn_if_slow("mixed_float16")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "TF_CONFIG"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "no 'task'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "worker 1"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "not ps"),
    ],
)
def test_a_wrong_tf_config_is_named(monkeypatch, text, words):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match=words):
        tf_config.task()


def test_the_chief_comes_before_the_workers(monkeypatch):
    jobs = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    for kind, index, number in (("chief", 0, 0), ("worker", 1, 2)):
        content = {"cluster": jobs, "task": {"type": kind, "index": index}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(content))
        assert tf_config.task() == tf_config.Task(number, ("a:1", "b:1", "c:1"))
    monkeypatch.setenv("TF_CONFIG", "")
    assert tf_config.task() is None
