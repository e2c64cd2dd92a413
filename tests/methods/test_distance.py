from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import ndimage as ndi

from imagej_dl import images, models, training
from imagej_dl.cli import cli
from imagej_dl.correction.uncertainty import Uncertainty
from imagej_dl.errors import Enough
from imagej_dl.methods.base import Truth
from imagej_dl.methods.distance import INNER, OBJECT, OUTER, Distance
from imagej_dl.methods.shared.blockwise import Blocks
from imagej_dl.prediction import predict, preview

SMALL = {"epochs": 3, "steps": 12, "batch": 4, "patch": 32, "depth": 1, "width": 4, "seed": 1}


def classes(labels, size=2):
    """The classes of a label map that nothing lies around."""
    return Distance(border_size=size).targets(Truth(np.pad(labels, size), size))


def ideal(labels, size=2):
    """What a network that makes no mistake gives for a label map that goes on beyond its edge."""
    around = np.pad(labels, size, "symmetric")
    made = Distance(border_size=size).targets(Truth(around, size))
    return np.eye(4, dtype=np.float32)[made]


def found(output, **more):
    settings = Distance().default_postprocessing().model_copy(update=more)
    return Distance().instances(output, settings)[0]


def scene():
    """Objects that touch, nest, cross the edge, have a hole, are small, and one of one pixel."""
    labels = np.zeros((70, 90), np.uint16)
    y, x = np.indices(labels.shape)
    labels[(y - 20) ** 2 + (x - 20) ** 2 < 121] = 1
    labels[((y - 20) ** 2 + (x - 41) ** 2 < 121) & (labels == 0)] = 2  # touches
    labels[(np.hypot(y - 48, x - 22) < 14) & (np.hypot(y - 48, x - 22) > 7)] = 3  # a ring
    labels[np.hypot(y - 48, x - 22) < 4] = 4  # nests in it
    labels[0:9, 70:85] = 5  # crosses the edge
    labels[(np.hypot(y - 50, x - 66) < 16)] = 6
    labels[49:52, 65:68] = 0  # a hole
    labels[25:29, 80:84] = 7
    labels[60, 5] = 8
    return labels


def test_the_classes_of_a_label_map_made_by_hand():
    labels = np.array([[0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 0, 0, 0, 0]] * 3, np.uint16)
    row = Distance().targets(Truth(np.pad(labels, ((2, 2), (2, 2)), "edge"), 2))[1]
    expected = [0, 0, OUTER, OUTER, INNER, INNER, OBJECT, INNER, INNER, INNER, INNER]
    assert row.tolist() == [*expected, OUTER, OUTER, 0, 0]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_classes_are_distances_to_each_objects_own_outline(size):
    labels = scene()
    made = classes(labels, size)
    for label in range(1, 9):
        inside = np.pad(labels == label, size)
        depth = ndi.distance_transform_cdt(inside, "taxicab")[size:-size, size:-size]
        mine = labels == label
        np.testing.assert_array_equal(made[mine], np.where(depth[mine] > size, OBJECT, INNER))
    away = ndi.distance_transform_cdt(labels == 0, "taxicab")
    outside = labels == 0
    np.testing.assert_array_equal(made[outside], np.where(away[outside] <= size, OUTER, 0))


def test_an_empty_patch_is_background():
    assert not classes(np.zeros((16, 16), np.uint16)).any()


def test_an_ideal_output_becomes_the_label_map():
    labels = scene()
    labels[labels == 4] = 0  # for itself below
    again = found(ideal(labels), fill_holes=False)
    assert again.max() == len(np.unique(labels)) - 1
    for label in np.setdiff1d(labels, 0):
        mine = labels == label
        other = again == again[mine][0]
        assert (mine & other).sum() / (mine | other).sum() > 0.85, label
    # Only where two touch may a pixel go to the other; the outline is exact, without erosion.
    np.testing.assert_array_equal(again > 0, labels > 0)


def test_holes_are_kept_or_filled_and_what_nests_is_an_object():
    labels = scene()
    kept, filled = (found(ideal(labels), fill_holes=fill) for fill in (False, True))
    np.testing.assert_array_equal(kept > 0, labels > 0)
    assert filled[50, 66] == filled[45, 66] > 0
    assert filled[48, 22] not in (0, filled[48, 32])
    assert found(ideal(labels), minimum_area=2).max() == kept.max() - 1


def test_nothing_becomes_no_object():
    assert found(ideal(np.zeros((20, 30), np.uint16))).max() == 0


def test_block_by_block_equals_the_whole_plane():
    rng = np.random.default_rng(3)
    shape = (260, 310)
    noise = ndi.gaussian_filter(rng.normal(size=shape), 4)
    noise = noise / noise.std() + 0.01 * rng.normal(size=shape)
    inside = 1 / (1 + np.exp(-4 * (noise - 0.5)))
    deep, near = 1 / (1 + np.exp(-4 * (noise - 1))), 1 / (1 + np.exp(-4 * noise))
    parts = (1 - near, inside * deep, inside * (1 - deep), near - inside)
    output = np.stack(parts, -1).astype(np.float32)
    method = Distance()
    for more in ({}, {"region_erosion": 1, "minimum_area": 20}, {"closing": 2}):
        settings = method.default_postprocessing().model_copy(update=more)
        expected, dropped = method.instances(output, settings)
        blocks = Blocks(shape, settings, 64, evidence=method.evidence)
        for low in range(0, shape[0], 50):
            blocks.add(low, output[low : low + 50])
        np.testing.assert_array_equal(blocks.finish(), expected)
        assert blocks.left_out == dropped
        assert expected.max() > 50


def test_the_rim_of_an_object_counts_as_object_in_the_measures():
    method = Distance()
    true = ideal(scene())
    tally = method.tally(true[None], true[None])
    assert method.measures(tally) == {"jaccard": 1, "dice": 1, "accuracy": 1}
    assert tally[0] == np.count_nonzero(scene())
    unknown = np.ones((1, *scene().shape))
    unknown[:, 35:] = 0
    assert method.tally(true[None], true[None], unknown)[0] == np.count_nonzero(scene()[:35])
    shown = method.pictures(true[None])
    np.testing.assert_array_equal(shown["object"][0, ..., 0], scene() > 0)
    assert shown["class"].max() == 1


def test_a_sure_output_is_less_uncertain():
    sure = ideal(scene())
    unsure = 0.7 * sure + 0.3 * 0.25
    of = (Uncertainty.of(Distance().class_probabilities(o)).value for o in (sure, unsure))
    assert next(of) < 1e-4 < 0.2 < next(of)


@pytest.mark.tf
@pytest.mark.parametrize("dice", [0.0, 1.0])
def test_pixels_of_weight_0_count_for_nothing(dice):
    from imagej_dl.methods.shared.losses import whole

    compute = Distance().loss("cross_entropy", dice=0.0, total=whole)
    true = ideal(scene())[None]
    weights = np.ones(true.shape[:3], np.float32)
    weights[:, :, 45:] = 0
    wrong = np.where(weights[..., None] > 0, true, 1 - true)
    assert float(compute(true, wrong, weights)) < 1e-5
    assert float(compute(true, wrong)) > 1
    with_dice = Distance().loss("cross_entropy", dice=dice, total=whole)
    assert float(with_dice(true, true)) == pytest.approx(0, abs=1e-3)


def discs(seed):
    rng = np.random.default_rng(seed)
    labels = np.zeros((64, 64), np.uint16)
    y, x = np.indices(labels.shape)
    for label in range(1, 7):
        cy, cx = rng.uniform(0, 64, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 49] = label
    image = (rng.normal(20, 3, labels.shape) + 60 * (labels > 0)).clip(0, 255).astype(np.uint8)
    return images.make(image, title=f"d{seed}.tif"), images.make(labels)


@pytest.mark.tf
def test_a_short_training_predicts_is_resumed_and_trained_on(tmp_path, monkeypatch):
    pairs, out = [discs(seed) for seed in range(6)], tmp_path / "model"
    longer = {**SMALL, "steps": 40}

    def stop(epoch):
        if epoch.epoch == 1:
            raise Enough

    training.train(pairs, out, kind="distance", border_size=1, watch=stop, **longer)
    assert json.loads((out / "metrics.json").read_text())["epochs"] == 1
    training.train(pairs, out, resume=True)
    assert json.loads((out / "metrics.json").read_text())["epochs"] == 3
    config = json.loads((out / "config.json").read_text())
    assert config["classes"] == ["background", "object", "inner border", "outer border"]
    assert json.loads((out / "metrics.json").read_text())["validation"]["val_dice"] > 0.8
    again = models.load(out, verify=True)
    assert again.config.method == Distance(border_size=1)
    whole = predict(again, pairs[0][0], probabilities=True)
    assert whole.labels.data.max() >= 2
    assert whole.probabilities.sizes["C"] == 4
    np.testing.assert_array_equal(whole.labels, preview(again, pairs[0][0]))
    with monkeypatch.context() as patch:
        patch.setattr("imagej_dl.images.array_storage.LARGE", 1000)
        np.testing.assert_array_equal(predict(again, pairs[0][0]).labels, whole.labels)

    few = {"epochs": 1, "steps": 5, "batch": 4}
    second = training.train(pairs, tmp_path / "second", start=out, **few)
    assert second.config.method == Distance(border_size=1)


@pytest.mark.tf
def test_the_commands_train_and_write_probabilities(tmp_path):
    for seed in range(4):
        image, labels = discs(seed)
        images.write(image, tmp_path / "data" / f"d{seed}" / "image.tif")
        images.write(labels, tmp_path / "data" / f"d{seed}" / "labels.tif")
    model, out = tmp_path / "model", tmp_path / "out"
    fast = ["--epochs", "1", "--settings", '{"steps": 6, "batch": 2, "patch": 32, "depth": 1}']
    command = ["train", str(tmp_path / "data"), "--out", str(model), "--kind", "distance", *fast]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    command = ["predict", str(model), str(tmp_path / "data" / "d0"), "--out", str(out)]
    result = CliRunner().invoke(cli, [*command, "--probabilities"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    written = images.read(next(out.glob("*_probabilities.tif")))
    assert written.sizes["C"] == 4
