import json

import numpy as np
import pytest
from click.testing import CliRunner
from star_shapes import ellipses

from imagej_dl import images, models, training
from imagej_dl.cli import cli
from imagej_dl.correction import proposals
from imagej_dl.correction.uncertainty import Uncertainty
from imagej_dl.errors import UserError
from imagej_dl.methods.base import Truth
from imagej_dl.methods.shared.losses import whole
from imagej_dl.methods.shared.star_distances import depths, star_distances
from imagej_dl.methods.shared.star_polygons import StarObjects
from imagej_dl.methods.star_convex import StarConvex
from imagej_dl.prediction import predict, preview


def truth(labels, margin=32):
    return Truth(np.pad(labels, margin, "symmetric"), margin)


def test_channels_are_a_probability_and_a_distance_for_each_ray():
    method = StarConvex(rays=4)
    assert method.channels == ("probability", "ray_1", "ray_2", "ray_3", "ray_4")
    assert method.activation("") == ("sigmoid", "linear", "linear", "linear", "linear")
    assert not method.is_probability
    assert len(StarConvex().channels) == 33


def test_targets_follow_objects_beyond_the_patch():
    labels = np.zeros((96, 96), np.uint16)
    labels[40:60, 20:60] = 1  # the patch is 32…64
    target = StarConvex(rays=4).targets(Truth(labels, 32))
    assert target.shape == (32, 32, 5)
    assert target.dtype == np.float32
    np.testing.assert_array_equal(target[..., 0], depths(labels)[32:64, 32:64])
    np.testing.assert_array_equal(target[..., 1:], star_distances(labels, 4)[32:64, 32:64] / 10)
    np.testing.assert_allclose(target[10, 0, 1:], (2.75, 1.75, 1.25, 0.25), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rays", [4, 16, 32])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_output_of_a_turned_image_is_brought_back(rays, turns, mirrored):
    method, labels = StarConvex(rays=rays), ellipses(0)
    turned = np.rot90(labels[:, ::-1] if mirrored else labels, turns)
    back = method.restored(method.targets(truth(turned)), turns, mirrored)
    np.testing.assert_allclose(back, method.targets(truth(labels)), atol=1e-4)


@pytest.mark.parametrize("rays", [7, 30])
@pytest.mark.parametrize(("turns", "mirrored"), [(1, False), (2, True), (3, True)])
def test_between_two_rays_distances_are_interpolated(rays, turns, mirrored):
    method, labels = StarConvex(rays=rays, distance_unit=1), np.zeros((64, 64), np.uint16)
    labels[np.hypot(*(np.indices((64, 64)) - 32)) < 20] = 1
    turned = np.rot90(labels[:, ::-1] if mirrored else labels, turns)
    back = method.restored(method.targets(truth(turned)), turns, mirrored)
    middle = (slice(28, 37), slice(28, 37))
    np.testing.assert_allclose(back[middle], method.targets(truth(labels))[middle], atol=2)


def test_measures_are_of_what_is_known():
    method = StarConvex(rays=8, distance_unit=2)
    target = method.targets(truth(ellipses(1)))[None]
    perfect = method.measures(method.tally(target, target))
    assert perfect == {"polygon_iou": 1.0, "distance_error": 0.0, "probability_error": 0.0}
    wrong = target.copy()
    wrong[..., 1:] *= 2
    wrong[..., 0] = 0.5
    found = method.measures(method.tally(target, wrong))
    assert found["polygon_iou"] == pytest.approx(0.25)
    assert found["distance_error"] == pytest.approx(
        float((target[..., :1] * target[..., 1:]).sum() / target[..., 0].sum() / 8 * 2)
    )
    half = np.ones(target.shape[:3], np.float32)
    half[:, :48] = 0
    mixed = np.where(half[..., None] > 0, target, wrong)
    assert method.measures(method.tally(target, mixed, half)) == perfect
    none = method.tally(target, wrong, half * 0)
    assert method.measures(none) == perfect
    parts = sum(
        method.tally(target[:, rows], wrong[:, rows]) for rows in (slice(40), slice(40, 96))
    )
    assert method.measures(parts) == pytest.approx(found)


@pytest.mark.tf
def test_the_loss_is_that_of_stardist():
    """Cross-entropy, and the error of distances where the probability is, as it weighs them."""
    base = pytest.importorskip("stardist.models.base")
    import tensorflow as tf

    method, rng = StarConvex(rays=8, distance_unit=1), np.random.default_rng(0)
    target = np.stack([method.targets(truth(ellipses(seed))) for seed in (0, 1)])
    output = target + rng.normal(0, 1, target.shape).astype(np.float32)
    output[..., 0] = rng.uniform(0.05, 0.95, target.shape[:3])
    mine = method.loss("probability_distances", total=whole)(tf.constant(target), output)
    entropy = tf.keras.losses.binary_crossentropy(target[..., :1], output[..., :1])
    mask = tf.constant(target[..., :1])
    error = base.masked_loss_mae(mask, reg_weight=1e-4)(
        tf.constant(target[..., 1:]), tf.constant(output[..., 1:])
    )
    expected = float(tf.reduce_mean(entropy)) + 0.2 * float(tf.reduce_mean(error))
    # Distances on the background weigh 1e-4 here, in StarDist 0.2 of that.
    assert float(mine) == pytest.approx(expected, rel=1e-3)
    scaled = StarConvex(rays=8, distance_unit=5).loss("probability_distances", total=whole)
    by = np.array([1] + [5] * 8, np.float32)
    assert float(scaled(tf.constant(target / by), output / by)) == pytest.approx(float(mine))


@pytest.mark.tf
def test_pixels_without_weight_play_no_part_in_the_loss():
    import tensorflow as tf

    method, rng = StarConvex(rays=4), np.random.default_rng(0)
    compute = method.loss("probability_distances", total=whole)
    target = method.targets(truth(ellipses(0)))[None]
    output = (target + rng.normal(0, 1, target.shape)).astype(np.float32)
    output[..., 0] = rng.uniform(0.1, 0.9, target.shape[:3])
    weights = np.ones(target.shape[:3], np.float32)
    weights[:, :, :50] = 0
    changed = np.where(weights[..., None] > 0, output, rng.uniform(0.2, 0.8, target.shape))
    first, second = (
        float(compute(tf.constant(target), tf.constant(o, tf.float32), tf.constant(weights)))
        for o in (output, changed)
    )
    assert first == second
    part = compute(tf.constant(target[:, :, 50:]), tf.constant(output[:, :, 50:]))
    assert first == pytest.approx(float(part), rel=1e-5)
    nothing = compute(tf.constant(target), tf.constant(output), tf.constant(weights * 0))
    assert float(nothing) == 0


def test_the_search_and_uncertainty_look_at_thresholds_and_probability():
    method = StarConvex(rays=8)
    assert set(method.search_space(StarObjects(minimum_area=30))) == {
        "probability_threshold",
        "overlap_threshold",
        "minimum_area",
    }
    with pytest.raises(ValueError, match="fill_holes"):
        method.start_postprocessing(None, 30, {"fill_holes": False})
    assert method.start_postprocessing(None, 30, {"drop_edge": True}) == StarObjects(
        minimum_area=30, drop_edge=True
    )
    output = method.targets(truth(ellipses(0)))
    assert method.class_probabilities(output).shape == (96, 96, 1)
    sure = output.copy()
    sure[..., 0] = output[..., 0] > 0
    of = [Uncertainty.of(method.class_probabilities(o)).value for o in (sure, output, output * 0.5)]
    assert of[0] < 0.01 < of[1] < of[2]
    shown = method.pictures(output[None])
    assert {name: value.shape for name, value in shown.items()} == {
        "probability": (1, 96, 96, 1),
        "distance": (1, 96, 96, 1),
    }
    assert shown["distance"].max() == 1


OWN = {"rays": 8, "distance_unit": 5.0, "distance_weight": 0.5}
SMALL = {"epochs": 4, "steps": 25, "batch": 4, "patch": 48, "depth": 2, "width": 8, "seed": 1}
SMALL |= {"learning_rate": 0.02}


def nuclei(count=6, channels=1):
    pairs = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        labels = np.zeros((64, 64), np.uint16)
        y, x = np.indices(labels.shape)
        for label, (cy, cx) in enumerate(((14, 14), (14, 46), (46, 14), (46, 46)), 1):
            dy, dx = rng.uniform(-6, 6, 2)
            labels[np.hypot(y - cy - dy, x - cx - dx) < 7] = label
        image = rng.normal(20, 3, (*labels.shape, channels)) + 90 * (labels > 0)[..., None]
        image = image.clip(0, 255).astype(np.uint8)
        data = images.make(image[..., 0]) if channels == 1 else images.make(image, dims="YXC")
        data.attrs["title"] = f"n{seed}.tif"
        pairs.append((data, images.make(labels)))
    return pairs


@pytest.mark.tf
def test_a_model_is_trained_predicts_and_is_trained_on(tmp_path, monkeypatch):
    pairs, out = nuclei(), tmp_path / "model"
    bundle = training.train(pairs, out, kind="star_convex", method_settings=OWN, **SMALL)
    config = json.loads((out / "config.json").read_text())
    assert config["classes"] == list(StarConvex(rays=8).channels)
    assert set(config["instances"]) == set(StarObjects.model_fields)
    assert "val_polygon_iou" in (out / "log.csv").read_text().splitlines()[0]
    metrics = json.loads((out / "metrics.json").read_text())["validation"]
    assert metrics["val_polygon_iou"] > 0.35
    assert metrics["ap_0.5"] > 0.4

    again = models.load(out, verify=True)
    assert again.config.method == StarConvex(**OWN)
    image = pairs[0][0]
    found = predict(again, image, probabilities=True)
    assert found.probabilities.sizes["C"] == 9
    assert 2 <= found.labels.data.max() <= 8
    np.testing.assert_array_equal(found.labels, preview(bundle, image))
    proposed, uncertainty = proposals.predict(again, image)
    np.testing.assert_array_equal(proposed, found.labels)
    assert 0 < uncertainty.value < 1
    monkeypatch.setattr("imagej_dl.images.array_storage.LARGE", 1000)
    np.testing.assert_array_equal(predict(again, image, tile=64).labels, found.labels)

    more = {k: SMALL[k] for k in ("steps", "batch")} | {"epochs": 1}
    second = training.train(pairs, tmp_path / "second", start=out, **more)
    assert second.config.method == StarConvex(**OWN)
    with pytest.raises(UserError, match="closing"):
        training.train(pairs, tmp_path / "no", kind="star_convex", closing=2, **SMALL)


@pytest.mark.thorough
@pytest.mark.tf
def test_colour_images_in_planes_are_predicted_by_the_command(tmp_path):
    model, out = tmp_path / "model", tmp_path / "out"
    pairs = nuclei(3, channels=3)
    short = SMALL | {"epochs": 1, "steps": 4}
    training.train(pairs, model, kind="star_convex", method_settings={"rays": 8}, **short)
    movie = images.make(np.stack([image.data for image, _ in pairs[:2]]), dims="TCYX")
    images.write(movie, tmp_path / "movie.tif")
    command = ["predict", str(model), str(tmp_path / "movie.tif"), "--out", str(out)]
    result = CliRunner().invoke(
        cli, [*command, "--probabilities", "--minimum-area", "20"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert images.read(out / "movie.tif").sizes["T"] == 2
    values = images.read(out / "movie_probabilities.tif")
    assert dict(values.sizes) == {"T": 2, "C": 9, "Y": 64, "X": 64}
    assert values.dtype == np.float32
    result = CliRunner().invoke(cli, [*command, "--overwrite", "--closing", "2"])
    assert result.exit_code != 0
    assert "closing" in str(result.exception)
