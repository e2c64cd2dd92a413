"""Embeddings as a method: targets, measures, turned outputs, and a training that predicts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from embedded import discs, ideal
from scipy import ndimage as ndi

from imagej_dl import images, models, training
from imagej_dl.cli import cli
from imagej_dl.errors import UserError
from imagej_dl.methods.base import Truth
from imagej_dl.methods.embeddings import Embeddings
from imagej_dl.methods.shared.centres import medoids
from imagej_dl.methods.shared.embedding_clusters import Clusters
from imagej_dl.prediction import predict, preview

METHOD = Embeddings()


def summed(labels, one, pixel):
    """The sum of the distances of a pixel to the pixels of an object."""
    y, x = np.nonzero(labels == one)
    return np.hypot(y - pixel[0], x - pixel[1]).sum()


def shapes():
    """A disc, a crescent, a ring, a line, one pixel, and an object of two pieces."""
    labels = np.zeros((60, 80), np.uint32)
    y, x = np.indices(labels.shape)
    labels[np.hypot(y - 12, x - 12) < 9] = 5
    labels[(np.hypot(y - 40, x - 15) < 14) & (np.hypot(y - 40, x - 22) > 12)] = 70_000
    labels[np.abs(np.hypot(y - 18, x - 50) - 12) < 2] = 7
    labels[40, 40:75] = 8
    labels[59, 79] = 9
    labels[50:53, 40:43], labels[50:53, 60:66] = 10, 10
    return labels


def test_a_medoid_is_a_pixel_of_the_object_near_to_all_others():
    labels = shapes()
    numbers, found = medoids(labels)
    names = np.unique(labels)[1:]
    assert len(found) == len(names) == numbers.max()
    for number, (name, pixel) in enumerate(zip(names, found, strict=True), 1):
        np.testing.assert_array_equal(numbers == number, labels == name)
        assert labels[tuple(pixel)] == name
        least = min(summed(labels, name, one) for one in np.argwhere(labels == name))
        assert summed(labels, name, pixel) <= 1.02 * least


def test_medoids_of_no_object_and_of_nothing_else():
    numbers, found = medoids(np.zeros((4, 5), np.uint16))
    assert not numbers.any()
    assert found.shape == (0, 2)
    numbers, found = medoids(np.full((5, 5), 3, np.uint16))
    assert (numbers == 1).all()
    np.testing.assert_array_equal(found, [[2, 2]])


def test_targets_by_hand():
    labels = np.zeros((7, 8), np.uint16)
    labels[1:4, 1:4], labels[5, 6], labels[6, 0] = 9, 4, 200
    target = METHOD.targets(Truth(np.pad(labels, 2), 2))
    assert target.shape == (7, 8, METHOD.target_channels)
    assert target.dtype == np.float32
    np.testing.assert_array_equal(target[..., 0], np.select(
        [labels == 4, labels == 9, labels == 200], [1, 2, 3]
    ))  # fmt: skip
    np.testing.assert_array_equal(target[1:4, 1:4, 1:], np.full((3, 3, 2), 2))
    np.testing.assert_array_equal(target[5, 6, 1:], [5, 6])
    np.testing.assert_array_equal(target[6, 0, 1:], [6, 0])
    assert not target[labels == 0].any()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", range(4))
def test_the_output_for_a_turned_image_is_brought_back(quarter_turns, mirrored):
    # Squares of odd sides, so that medoids turn with them; two sigmas, so that axes matter.
    labels = np.zeros((30, 44), np.uint16)
    labels[2:9, 3:10], labels[12:15, 30:33], labels[20:29, 12:21] = 1, 2, 3

    def output(labels, sigma):
        made = ideal(labels, METHOD)
        made[..., 2:4] = np.where(labels[..., None] > 0, np.log(sigma), 0)
        return made

    turned = np.rot90(labels[:, ::-1] if mirrored else labels, quarter_turns)
    sigma = (0.3, 0.6)
    seen = output(turned, sigma[::-1] if quarter_turns % 2 else sigma)
    back = METHOD.restored(seen, quarter_turns, mirrored)
    np.testing.assert_allclose(back, output(labels, sigma), atol=1e-6)
    assert back.dtype == np.float32


def test_measures_are_of_objects_of_known_centres():
    labels = discs(1)
    target = METHOD.targets(Truth(labels, 0))[None]
    right = ideal(labels, sigma=3.0)[None]
    right[target[..., 0] == 0] = [50, 50, 0, 0, 0]
    assert METHOD.measures(METHOD.tally(target, right)) == {"object_iou": 1.0, "dice": 1.0}
    half = right.copy()
    half[..., :2][np.broadcast_to(np.arange(64) % 2 == 0, (1, 64, 64))] = 50
    half[..., 4] = 1
    found = METHOD.measures(METHOD.tally(target, half))
    assert found["object_iou"] == pytest.approx(0.5, abs=0.05)
    assert found["dice"] == pytest.approx(2 * (labels > 0).mean() / (1 + (labels > 0).mean()))
    both = METHOD.tally(np.concatenate([target] * 2), np.concatenate([right, half]))
    np.testing.assert_allclose(both, METHOD.tally(target, right) + METHOD.tally(target, half))


def test_pixels_without_weight_are_not_counted():
    labels = discs(1)
    target, right = METHOD.targets(Truth(labels, 0))[None], ideal(labels, sigma=3.0)[None]
    right[target[..., 0] == 0] = [50, 50, 0, 0, 0]
    weights = np.random.default_rng(0).integers(0, 2, (1, 64, 64)).astype(np.float32)
    wrong = np.where(weights[..., None] == 0, np.float32(1), right)
    np.testing.assert_array_equal(
        METHOD.tally(target, wrong, weights), METHOD.tally(target, right, weights)
    )
    assert METHOD.tally(target, right, weights)[2] == (weights[0] * (labels > 0)).sum()
    nothing = METHOD.measures(METHOD.tally(target, right, 0 * weights))
    assert nothing == {"object_iou": 1.0, "dice": 1.0}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"loss": "cross_entropy"}, "lovasz_seeds"),
        ({"class_weights": (1, 1, 1, 1, 1)}, "no classes"),
        ({"weight_map": "unet"}, "weight_map"),
        ({"closing": 2}, "closing"),
        ({"method_settings": {"length": 0}}, "length"),
    ],
)
def test_settings_that_it_does_not_have_are_refused(wrong, words):
    with pytest.raises(UserError, match=words):
        training.Settings.of({"kind": "embeddings", **wrong})


def test_what_is_shown_lies_between_black_and_white():
    output = np.random.default_rng(0).normal(0, 2, (2, 6, 7, 5)).astype(np.float32)
    output[..., 4] = 0.25
    shown = METHOD.pictures(output)
    assert list(shown) == list(METHOD.channels)
    assert all(picture.shape == (2, 6, 7, 1) for picture in shown.values())
    assert all(0 <= picture.min() <= picture.max() <= 1 for picture in shown.values())
    assert (shown["seed"] == 0.25).all()
    assert (METHOD.class_probabilities(output) == 0.25).all()


def test_the_length_is_a_unit():
    labels = discs(4)
    for length in (2.0, 40.0):
        method = Embeddings(length=length)
        found, _ = method.instances(ideal(labels, method), Clusters(fill_holes=False))
        assert found.max() == len(np.unique(labels)) - 1
        np.testing.assert_array_equal(found > 0, labels > 0)


SMALL = {"epochs": 6, "steps": 15, "batch": 4, "patch": 32, "depth": 2, "width": 8, "seed": 1}


def pairs(count=5, channels=1, shape=(64, 64)):
    made = []
    for seed in range(count):
        labels, rng = discs(seed, shape, radius=(5, 8)), np.random.default_rng(seed)
        # A bright middle, by which touching objects can be told.
        depth = np.zeros(shape)
        for one in np.unique(labels)[1:]:
            depth += ndi.distance_transform_edt(labels == one)
        image = rng.normal(20, 3, (*shape, channels)) + (15 * depth + 20 * (labels > 0))[..., None]
        image = image.clip(0, 255).astype(np.uint8)
        axes = "YXC" if channels > 1 else "YX"
        picture = images.make(image if channels > 1 else image[..., 0], axes, title=f"d{seed}.tif")
        made.append((picture, images.make(labels)))
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of three channels, its folder, and the images that it was trained on."""
    folder = tmp_path_factory.mktemp("embeddings") / "model"
    shown = pairs(channels=3)
    bundle = training.train(
        shown, folder, kind="embeddings", method_settings={"length": 7.0}, **SMALL
    )
    return bundle, folder, shown


@pytest.mark.tf
def test_a_training_predicts_objects(trained):
    bundle, folder, shown = trained
    metrics = json.loads((folder / "metrics.json").read_text())["validation"]
    assert metrics["val_dice"] > 0.8
    assert metrics["val_object_iou"] > 0.5
    assert "val_object_iou" in (folder / "log.csv").read_text().splitlines()[0]
    again = models.load(folder, verify=True)
    assert again.config.method == Embeddings(length=7.0)
    assert isinstance(again.config.instances, Clusters)
    found = predict(again, shown[0][0], probabilities=True)
    assert found.labels.data.max() >= 3
    assert found.probabilities.sizes["C"] == 5
    np.testing.assert_array_equal(found.labels, preview(bundle, shown[0][0]))


@pytest.mark.tf
def test_tiles_and_blocks_are_the_same_as_the_whole_plane(trained, monkeypatch):
    bundle, _, shown = trained
    image = images.make(np.tile(shown[0][0].data, (1, 3, 4)), "CYX", title="large.tif")
    whole = predict(bundle, image, tile=512)
    np.testing.assert_array_equal(predict(bundle, image, tile=96).labels, whole.labels)
    monkeypatch.setattr("imagej_dl.images.array_storage.LARGE", 1000)
    monkeypatch.setattr("imagej_dl.methods.shared.embedding_blocks._BLOCK", 100)
    large = predict(bundle, image, tile=96)
    np.testing.assert_array_equal(large.labels, whole.labels)
    assert large.left_out == whole.left_out


@pytest.mark.tf
def test_each_plane_of_a_stack_has_its_objects(trained):
    bundle, _, shown = trained
    planes = np.stack([image.data for image, _ in shown[:4]]).reshape(2, 2, 3, 64, 64)
    found = predict(bundle, images.make(planes, "TZCYX"))
    assert found.labels.dims == ("T", "Z", "Y", "X")
    for index, (image, _) in zip(np.ndindex(2, 2), shown, strict=False):
        np.testing.assert_array_equal(found.labels.data[index], predict(bundle, image).labels)


@pytest.mark.thorough
@pytest.mark.tf
def test_a_model_is_trained_on_and_measures_its_uncertainty(trained, tmp_path):
    from imagej_dl.correction.proposals import predict as proposed

    bundle, folder, shown = trained
    more = {"epochs": 1, "steps": 3, "batch": 4}
    second = training.train(shown, tmp_path / "second", start=folder, **more)
    assert second.config.method == bundle.config.method
    labels, uncertainty = proposed(bundle, shown[0][0])
    assert labels.data.max() >= 3
    assert 0 < uncertainty.value < 1


@pytest.mark.tf
def test_the_command_writes_labels_and_all_channels(trained, tmp_path):
    _, folder, shown = trained
    images.write(shown[0][0], tmp_path / "in" / "a.tif")
    command = ["predict", str(folder), str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, [*command, "--probabilities"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    kept = images.read(tmp_path / "out" / "a_probabilities.tif")
    assert kept.sizes["C"] == 5
    assert kept.data.min() < 0  # offsets: not cut to 0…1
    assert images.read(tmp_path / "out" / "a.tif").data.max() >= 3
