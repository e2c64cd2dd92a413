"""Methods of other sorts, known to nothing but the registry, are trained and predict.

They are throw-away sketches: one learns the distance to the background beside the object's
probability, as StarDist learns distances along rays; one learns to denoise.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import pytest
import tiny_search
from click.testing import CliRunner
from pydantic import Field
from scipy import ndimage as ndi

from imagej_dl import images, models, training
from imagej_dl.cli import cli
from imagej_dl.errors import UserError
from imagej_dl.images import as_labels
from imagej_dl.methods import registry
from imagej_dl.methods.base import Measure, PostProcessing, Score
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.methods.shared.instance_method import InstanceMethod
from imagej_dl.prediction import predict, predict_image, preview
from imagej_dl.training import reporting
from imagej_dl.worker.session import View
from imagej_dl.worker.training_events import Live

pytestmark = pytest.mark.tf

SMALL = {"epochs": 3, "steps": 12, "batch": 4, "patch": 32, "depth": 1, "width": 4, "seed": 1}


class Peaks(PostProcessing):
    threshold: float = Field(default=0.5, gt=0, lt=1, description="Probability of an object.")
    height: float = Field(default=0.3, ge=0, description="Distance that is a peak.")
    minimum_area: int = Field(default=0, ge=0, description="Smallest object, in px.")


class Distance(InstanceMethod):
    """Object probability and the distance to the background, as a share of `longest`."""

    name: ClassVar[str] = "toy_distance"
    summary: ClassVar[str] = "object, and how deep a pixel lies in it"
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy_and_mae",)
    shown: ClassVar[Measure] = Measure("distance_error", "error", "error of the distance")
    selection: ClassVar[Score] = Score("ap_0.5", "average precision at IoU .5")
    postprocessing: ClassVar[type[PostProcessing]] = Peaks

    longest: float = Field(default=8.0, gt=0, description="Distance that counts as 1, in px.")

    @property
    def channels(self):
        return ("object", "distance")

    @property
    def margin(self):
        return int(np.ceil(self.longest))

    @property
    def is_probability(self):
        return False

    def activation(self, loss):
        return ("sigmoid", "relu")

    def targets(self, truth):
        depth = ndi.distance_transform_edt(truth.labels > 0) / self.longest
        inside = np.stack([truth.labels > 0, np.minimum(depth, 1)], axis=-1)
        return truth.within(inside).astype(np.float32)

    def loss(self, name, *, class_weights=None, dice=0.0, total):
        import tensorflow as tf

        def compute(target, output, weights=1.0):
            likelihood = target[..., 0] * tf.math.log(output[..., 0] + 1e-7)
            likelihood += (1 - target[..., 0]) * tf.math.log(1 - output[..., 0] + 1e-7)
            error = tf.abs(target[..., 1] - output[..., 1])
            each = error - likelihood
            value, count = total(tf.reduce_sum(each), tf.cast(tf.size(each), tf.float32))
            return value / count

        return compute

    def tally(self, targets, outputs, weights=None):
        true, said = targets[..., 0] > 0.5, outputs[..., 0] > 0.5
        error = np.abs(targets[..., 1] - outputs[..., 1]).sum()
        return np.array([true.sum(), said.sum(), (true & said).sum(), error, true.size])

    def measures(self, tally):
        true, said, both, error, size = tally
        dice = 2 * both / (true + said) if true + said else 1.0
        return {"dice": dice, "distance_error": error / size}

    def instances(self, output, settings):
        region = output[..., 0] > settings.threshold
        seeds, _ = ndi.label(region & (output[..., 1] > settings.height))
        if seeds.any():
            nearest = ndi.distance_transform_edt(seeds == 0, return_indices=True)[1]
            labels = np.where(region, seeds[tuple(nearest)], 0)
        else:
            labels, _ = ndi.label(region)
        areas = np.bincount(labels.ravel())
        small = np.flatnonzero((areas < settings.minimum_area) & (areas > 0))
        labels[np.isin(labels, small)] = 0
        _, labels = np.unique(labels, return_inverse=True)
        return as_labels(labels.reshape(region.shape)), len(small)

    def search_space(self, start):
        return {"threshold": [0.3, 0.5, 0.7], "height": [0.2, 0.3, 0.5]}

    def class_probabilities(self, output):
        return output[..., :1]


class Denoiser(ImageMethod):
    """The image without its noise."""

    name: ClassVar[str] = "toy_denoiser"
    summary: ClassVar[str] = "an image without noise"
    losses: ClassVar[tuple[str, ...]] = ("mse",)

    @property
    def channels(self):
        return ("intensity",)

    def loss(self, name, *, class_weights=None, dice=0.0, total):
        import tensorflow as tf

        def compute(target, output, weights=1.0):
            squares = tf.square(target - output)
            value, count = total(tf.reduce_sum(squares), tf.cast(tf.size(squares), tf.float32))
            return value / count

        return compute


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for method in (Distance, Denoiser):
        monkeypatch.setitem(registry.METHODS, method.name, method)


class Window:
    """Stands for ImageJ's window of a training."""

    def __init__(self, image):
        self.image, self.told = image, []
        self.view, self.display = View(), {}

    def tell(self, message):
        self.told.append(message)


def discs(seed, shape=(64, 64)):
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint16)
    y, x = np.indices(shape)
    for label in range(1, 7):
        cy, cx = rng.uniform(0, shape)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 36] = label
    return labels, rng.normal(20, 3, shape) + 60 * (labels > 0)


def labelled(count=6):
    made = [discs(seed) for seed in range(count)]
    return [
        (images.make(image.clip(0, 255).astype(np.uint8), title=f"d{i}.tif"), images.make(labels))
        for i, (labels, image) in enumerate(made)
    ]


def noisy(count=6):
    pairs = []
    for seed in range(count):
        labels, _ = discs(seed)
        clean = (20 + 60 * ndi.gaussian_filter((labels > 0).astype(np.float32), 1)).astype(
            np.float32
        )
        noise = np.random.default_rng(100 + seed).normal(0, 12, clean.shape)
        pairs.append(
            (images.make((clean + noise).astype(np.float32), title=f"n{seed}"), images.make(clean))
        )
    return pairs


def config_of(folder) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def test_a_method_with_a_channel_of_regression_is_trained_and_predicts(tmp_path):
    out = tmp_path / "model"
    pairs = labelled()
    own = {"longest": 6.0}
    bundle = training.train(pairs, out, kind="toy_distance", method_settings=own, **SMALL)
    config = config_of(out)
    assert config["classes"] == ["object", "distance"]
    assert config["method_settings"] == own
    assert set(config["instances"]) == set(Peaks.model_fields)
    rows = (out / "log.csv").read_text().splitlines()
    assert "val_distance_error" in rows[0]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["validation"]["val_dice"] > 0.7
    assert metrics["validation"]["objects"] > 0

    again = models.load(out, verify=True)
    assert again.config.method == Distance(longest=6.0)
    assert isinstance(again.config.instances, Peaks)
    found = predict(again, pairs[0][0], probabilities=True)
    assert found.labels.data.max() >= 2
    assert found.probabilities.sizes["C"] == 2
    np.testing.assert_array_equal(found.labels, preview(bundle, pairs[0][0]))
    with pytest.raises(UserError, match="outputs objects"):
        predict_image(again, pairs[0][0])


@pytest.mark.thorough
def test_a_large_plane_is_post_processed_from_a_file(tmp_path, monkeypatch):
    bundle = training.train(labelled(), tmp_path / "model", kind="toy_distance", **SMALL)
    image = labelled(1)[0][0]
    whole = predict(bundle, image)
    monkeypatch.setattr("imagej_dl.images.array_storage.LARGE", 1000)
    large = predict(bundle, image)
    np.testing.assert_array_equal(large.labels, whole.labels)


@pytest.mark.thorough
def test_its_settings_are_checked_and_stay_with_a_model_that_is_trained_on(tmp_path):
    first = tmp_path / "first"
    training.train(
        labelled(), first, kind="toy_distance", method_settings={"longest": 5.0}, **SMALL
    )
    more = {k: v for k, v in SMALL.items() if k in ("epochs", "steps", "batch")}
    second = training.train(labelled(), tmp_path / "second", start=first, **more)
    assert second.config.method == Distance(longest=5.0)
    for wrong, words in (
        ({"method_settings": {"longst": 5}}, "longest"),
        ({"method_settings": {"border_size": 1}}, "setting of its own"),
        ({"loss": "sparse_cce"}, "cross_entropy_and_mae"),
        ({"weight_map": "unet"}, "weight_map"),
        ({"closing": 2}, "closing"),
    ):
        with pytest.raises(UserError, match=words):
            training.train(labelled(), tmp_path / "no", kind="toy_distance", **wrong, **SMALL)


def test_a_denoiser_is_trained_and_gives_an_image(tmp_path):
    out = tmp_path / "model"
    pairs = noisy()
    longer = {**SMALL, "epochs": 4, "steps": 25, "learning_rate": 0.01}
    longer["normalisation"] = {"method": "range", "largest": 100}
    said: list[str] = []
    window = Window(pairs[0][0])
    live = Live(window)

    def watch(epoch):
        said.append(reporting.line(epoch))
        live(epoch)

    bundle = training.train(pairs, out, kind="toy_denoiser", watch=watch, **longer)
    assert len(said) == 4
    assert all(" PSNR " in line for line in said)
    rows = [told for told in window.told if "loss" in told]
    assert len(rows) == 4
    json.dumps(rows, allow_nan=False)
    assert {row["measure"] for row in rows} == {"PSNR"}
    shown = next(told["preview"] for told in window.told if "preview" in told)
    assert shown.dims == ("Y", "X")
    assert shown.dtype == np.float32
    config = config_of(out)
    assert config["instances"] == {}
    assert config["object_diameter"] is None
    metrics = json.loads((out / "metrics.json").read_text())
    assert "ap_0.5" not in metrics["validation"]
    assert "PSNR" in reporting.summary(out, metrics, bundle.config.method)

    given, clean = pairs[0][0].data, pairs[0][1].data
    made = predict_image(models.load(out, verify=True), pairs[0][0])
    assert made.dtype == np.float32
    assert made.dims == pairs[0][0].dims
    assert np.square(made.data - clean).mean() < np.square(given - clean).mean()
    np.testing.assert_allclose(made, preview(bundle, pairs[0][0]), atol=1e-3)
    with pytest.raises(UserError, match="outputs an image"):
        predict(bundle, pairs[0][0])


@pytest.mark.parametrize("wrong", [{"method": "equalise"}, {"clip": True}, {"illumination": 20}])
def test_a_normalisation_that_cannot_be_undone_is_refused(tmp_path, wrong):
    with pytest.raises(UserError, match="cannot be brought back from") as told:
        training.train(noisy(), tmp_path / "m", kind="toy_denoiser", normalisation=wrong, **SMALL)
    assert next(iter(wrong)) in str(told.value)


def test_the_command_writes_the_image_and_keeps_it(tmp_path):
    model, out = tmp_path / "model", tmp_path / "out"
    training.train(noisy(), model, kind="toy_denoiser", **SMALL)
    for i, (image, _) in enumerate(noisy(2)):
        images.write(image, tmp_path / "in" / f"n{i}.tif")
    command = ["predict", str(model), str(tmp_path / "in"), "--out", str(out)]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in out.iterdir()) == ["n0.tif", "n1.tif"]
    assert images.read(out / "n0.tif").dtype == np.float32
    again = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert "kept" in again.output
    result = CliRunner().invoke(cli, [*command, "--minimum-area", "5"])
    assert result.exit_code != 0
    assert "minimum_area" in str(result.exception)


def test_an_image_to_learn_must_have_the_size_of_its_image(tmp_path):
    (image, target), *rest = noisy()
    wrong = [(image, images.make(target.data[:50])), *rest]
    with pytest.raises(UserError, match="but its image is 64 × 64 px"):
        training.train(wrong, tmp_path / "model", kind="toy_denoiser", **SMALL)


@pytest.mark.thorough
def test_hyperparameters_are_searched_by_the_score_of_the_method(tmp_path):
    from imagej_dl.search import search

    found = search(
        training.Given(noisy()), tmp_path / "search", kind="toy_denoiser", **tiny_search.options()
    )
    assert found is not None
    assert found.score > 3  # dB: no share of anything
